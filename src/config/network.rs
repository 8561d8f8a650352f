//! The task's networks, names, addresses and ports.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{
    config::{
        group::{OneOrMany, group},
        value::{
            network::{NetworkAttachment, host_entry::HostEntry, mac_address},
            port::{Port, PortMapping},
        },
    },
    error::{Error, ErrorKind},
};

group! {
    /// The task's networks, names, addresses and ports.
    pub struct Network {
        /// The networks to join; the engine's default bridge if there is none. In JSON one alone is text.
        pub networks ("network"): Vec<NetworkAttachment> = Vec::new(), as OneOrMany<NetworkAttachment>;
        /// Whether networks that are missing are made, and removed with the last of cube's tasks on them.
        pub create_network: bool = false;
        /// Names of the task on the first network.
        pub network_alias: Vec<String> = Vec::new();
        /// The task's IPv4 address on the first network.
        pub ip: Option<Ipv4Addr> = None;
        /// The task's IPv6 address on the first network.
        pub ip6: Option<Ipv6Addr> = None;
        /// Link-local addresses of the task on the first network.
        pub link_local_ip: Vec<IpAddr> = Vec::new();
        /// The task's MAC address on the first network.
        pub mac_address: Option<String> = None;
        /// Links to other containers: `NAME` or `NAME:ALIAS`.
        pub link: Vec<String> = Vec::new();
        /// Ports to expose in addition to the image's.
        pub expose: Vec<Port> = Vec::new();
        /// Ports to publish on chosen host addresses or ports.
        pub publish: Vec<PortMapping> = Vec::new();
        /// Whether every exposed port is published on a free host port. On by default.
        pub publish_all: bool = true;
        /// The host address to publish on, for mappings without one. All addresses if left out.
        pub bind: Option<IpAddr> = None;
        /// The container's host name.
        pub hostname: Option<String> = None;
        /// The container's domain name.
        pub domainname: Option<String> = None;
        /// Name servers to ask; the engine's if there is none.
        pub dns: Vec<IpAddr> = Vec::new();
        /// Options for the resolver, for example `ndots:2`.
        pub dns_option: Vec<String> = Vec::new();
        /// Domains to look short names up in; `.` for none.
        pub dns_search: Vec<String> = Vec::new();
        /// Lines for the container's `/etc/hosts`.
        pub add_hosts: Vec<HostEntry> = Vec::new();
    }
}

impl Network {
    /// The networks; the first one gets the aliases and addresses that are separate fields.
    pub(crate) fn joined(&self) -> Vec<NetworkAttachment> {
        let mut networks = self.networks.clone();
        if networks.is_empty() {
            networks.push(NetworkAttachment::named("default"));
        }
        if let Some(first) = networks.first_mut() {
            self.add_to(first);
        }
        networks
    }

    /// Whether the task uses the network of another container, which cannot publish ports.
    #[must_use]
    pub fn is_borrowed(&self) -> bool {
        self.networks.first().is_some_and(|first| first.name.starts_with("container:"))
    }

    fn add_to(&self, first: &mut NetworkAttachment) {
        first.aliases.extend(self.network_alias.iter().cloned());
        first.ip = first.ip.or(self.ip);
        first.ip6 = first.ip6.or(self.ip6);
        first.link_local_ips.extend(self.link_local_ip.iter().copied());
        first.mac_address = first.mac_address.take().or_else(|| self.mac_address.clone());
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if let Some(reason) = self.mac_address.as_deref().and_then(|text| mac_address(text).err()) {
            let given = self.mac_address.as_deref().unwrap_or_default();
            return Err(Error::invalid("hardware address", given, reason)
                .with_hint("write --mac-address 92:d0:c6:0a:29:33"));
        }
        self.check_names()?;
        self.check_created()?;
        self.check_first()?;
        self.check_together()
    }

    fn check_names(&self) -> Result<(), Error> {
        if let Some(link) = self.link.iter().find(|link| link.is_empty() || link.split(':').count() > 2) {
            return Err(Error::invalid("link", link, "it is neither NAME nor NAME:ALIAS")
                .with_hint("write --link db or --link db:database"));
        }
        match self.dns_search.iter().find(|domain| !is_domain(domain)) {
            Some(domain) => Err(Error::invalid("search domain", domain, "it is no domain")
                .with_hint("write --dns-search example.com, or . for none")),
            None => Ok(()),
        }
    }

    /// Checks that cube can create these networks.
    fn check_created(&self) -> Result<(), Error> {
        let refused =
            |message: String, hint: &str| Err(Error::new(ErrorKind::InvalidInput, message).with_hint(hint));
        if !self.create_network {
            return Ok(());
        }
        if self.networks.is_empty() {
            return refused(
                "--create-network makes the networks that --network names, and none is named".to_owned(),
                "name one: --network NAME --create-network",
            );
        }
        match self.networks.iter().find(|network| !network.is_user_defined()) {
            Some(network) => refused(
                format!("--create-network cannot make the network {}: it is none of one's own", network.name),
                "choose another name, as in --network web --create-network, or leave --create-network out",
            ),
            None => Ok(()),
        }
    }

    /// Refuses settings of the first network that are given twice: with the network and in a separate field.
    fn check_first(&self) -> Result<(), Error> {
        let Some(first) = self.networks.first() else { return Ok(()) };
        let twice = [
            (!first.aliases.is_empty() && !self.network_alias.is_empty(), "--network-alias"),
            (first.ip.is_some() && self.ip.is_some(), "--ip"),
            (first.ip6.is_some() && self.ip6.is_some(), "--ip6"),
            (first.mac_address.is_some() && self.mac_address.is_some(), "--mac-address"),
            (!first.link_local_ips.is_empty() && !self.link_local_ip.is_empty(), "--link-local-ip"),
        ];
        match twice.iter().find(|(is_twice, _)| *is_twice) {
            Some((_, flag)) => {
                let message = format!("{flag} is given for the network {} too", first.name);
                Err(Error::new(ErrorKind::InvalidInput, message)
                    .with_hint(format!("leave {flag} out, or say it in --network alone")))
            }
            None => Ok(()),
        }
    }

    fn check_together(&self) -> Result<(), Error> {
        let joined = self.joined();
        let refused =
            |message: String, hint: &str| Err(Error::new(ErrorKind::InvalidInput, message).with_hint(hint));
        let is_first = |at: usize, name: &str| !joined.iter().take(at).any(|other| other.name == name);
        for (at, network) in joined.iter().enumerate() {
            if !is_first(at, &network.name) {
                return refused(
                    format!("the network {} is named twice", network.name),
                    "name each --network once",
                );
            }
            if !network.is_user_defined() && !network.aliases.is_empty() {
                return refused(
                    format!("the network {} takes no aliases", network.name),
                    "join one of your own by --network NAME: `docker network create NAME` makes it, for a swarm with --driver overlay",
                );
            }
        }
        if joined.iter().any(NetworkAttachment::is_user_defined)
            && !joined.iter().all(NetworkAttachment::is_user_defined)
        {
            let message = "networks of one's own do not go together with bridge, host, none and container:";
            return refused(message.to_owned(), "leave out one sort of --network");
        }
        Ok(())
    }
}

/// Whether Docker's CLI takes it too: letters, digits and inner dashes between the dots, at least one letter.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_end = |c: char| c.is_ascii_alphanumeric();
        label.starts_with(is_end) && label.ends_with(is_end) && label.chars().all(|c| is_end(c) || c == '-')
    };
    let name = text.trim_matches(' ');
    let labels = name.strip_suffix('.').unwrap_or(name);
    name == "."
        || (labels.len() < 255 && labels.split('.').all(is_label) && labels.contains(char::is_alphabetic))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> Result<(), Error> {
        crate::config::Config::from_json(json.as_bytes(), Some("a".parse().unwrap())).unwrap().network.check()
    }

    #[test]
    fn contradictions_are_refused_with_a_hint() {
        for json in [
            r#"{"network":["a","a"]}"#,
            r#"{"network":["a","host"]}"#,
            r#"{"network":"host","network_alias":["x"]}"#,
            r#"{"network_alias":["x"]}"#,
            r#"{"network":"name=a,alias=x","network_alias":["y"]}"#,
            r#"{"network":"name=a,ip=10.0.0.1","ip":"10.0.0.2"}"#,
            r#"{"mac_address":"x"}"#,
            r#"{"create_network":true}"#,
            r#"{"create_network":true,"network":"host"}"#,
            r#"{"create_network":true,"network":"none"}"#,
            r#"{"create_network":true,"network":"bridge"}"#,
            r#"{"create_network":true,"network":"default"}"#,
            r#"{"create_network":true,"network":"container:a"}"#,
            r#"{"link":["a:b:c"]}"#,
            r#"{"link":[""]}"#,
            r#"{"dns_search":["-a"]}"#,
            r#"{"dns_search":[""]}"#,
            r#"{"dns_search":["1.2"]}"#,
            r#"{"dns_search":["a_b.example"]}"#,
        ] {
            assert!(check(json).unwrap_err().hint().is_some(), "{json}");
        }
        for json in [
            r#"{"network":["a","b"],"network_alias":["x"],"ip":"10.0.0.2"}"#,
            r#"{"network":"bridge","ip":"10.0.0.2","link":["a","a:b"]}"#,
            r#"{"dns_search":[".","example.com","a-b.example."]}"#,
            r#"{"network":"host"}"#,
            r#"{"network":["a","name=b,alias=c"],"create_network":true}"#,
        ] {
            check(json).unwrap();
        }
    }

    #[test]
    fn separate_fields_apply_to_the_first_network() {
        let json = r#"{"image":"a","network":["a","b"],"network_alias":["x"],"ip":"10.0.0.2"}"#;
        let network = serde_json::from_str::<crate::config::Config>(json).unwrap().network;
        let [first, second] = network.joined().try_into().unwrap();
        assert_eq!(
            (first.aliases, first.ip.unwrap().to_string()),
            (vec!["x".to_owned()], "10.0.0.2".to_owned())
        );
        assert!(second.is_plain());
    }
}
