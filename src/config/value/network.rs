//! Networks that a task joins: the values of `--network`.

pub mod host_entry;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::{
    config::{csv, text::text_serde},
    error::Error,
};

/// A network to join, by its name or id, or in the long form `name=web,alias=db,ip=10.0.0.5`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NetworkAttachment {
    /// The network's name or id; `host`, `none`, `bridge` and `container:NAME` are the engine's own words.
    pub name: String,
    /// Names that the task has on this network.
    pub aliases: Vec<String>,
    /// The task's IPv4 address on it.
    pub ip: Option<Ipv4Addr>,
    /// The task's IPv6 address on it.
    pub ip6: Option<Ipv6Addr>,
    /// Link-local addresses of the task on it.
    pub link_local_ips: Vec<IpAddr>,
    /// The task's MAC address on it.
    pub mac_address: Option<String>,
    /// Options of the network's driver.
    pub driver_opts: BTreeMap<String, String>,
    /// The network with the highest number gives the task its default route.
    pub gw_priority: i64,
}

impl NetworkAttachment {
    /// The network `name`, without further settings.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Whether somebody created it: not `default`, `bridge`, `host`, `none` or `container:`.
    #[must_use]
    pub fn is_user_defined(&self) -> bool {
        !matches!(self.name.as_str(), "default" | "bridge" | "host" | "none")
            && !self.name.starts_with("container:")
    }

    /// Whether it has no settings but the name.
    pub(crate) fn is_plain(&self) -> bool {
        *self == Self::named(self.name.as_str())
    }

    fn fields(&self) -> Vec<String> {
        let mut fields = vec![format!("name={}", self.name)];
        fields.extend(self.aliases.iter().map(|alias| format!("alias={alias}")));
        fields.extend(self.ip.map(|ip| format!("ip={ip}")));
        fields.extend(self.ip6.map(|ip| format!("ip6={ip}")));
        fields.extend(self.link_local_ips.iter().map(|ip| format!("link-local-ip={ip}")));
        fields.extend(self.mac_address.iter().map(|mac| format!("mac-address={mac}")));
        fields.extend(self.driver_opts.iter().map(|(name, value)| format!("driver-opt={name}={value}")));
        if self.gw_priority != 0 {
            fields.push(format!("gw-priority={}", self.gw_priority));
        }
        fields
    }
}

/// The name, or the long form if there are other settings.
impl fmt::Display for NetworkAttachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_plain() && !is_long(&self.name) {
            return f.write_str(&self.name);
        }
        f.write_str(&csv::join(self.fields()))
    }
}

impl FromStr for NetworkAttachment {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parsed = if is_long(text) { parse_long(text) } else { Ok(Self::named(text)) };
        let parsed = match parsed {
            Ok(network) if network.name.trim().is_empty() => Err("the network's name is missing".to_owned()),
            parsed => parsed,
        };
        parsed.map_err(|reason| {
            Error::invalid("network", text, reason).with_hint(
                "write --network NAME, or name=NAME with alias=, ip=, ip6=, mac-address=, link-local-ip=, driver-opt= or gw-priority=",
            )
        })
    }
}

/// Docker's rule: a letter, digit or `_` on both sides of a `=`.
fn is_long(text: &str) -> bool {
    let is_word = |c: &u8| c.is_ascii_alphanumeric() || *c == b'_';
    text.as_bytes().windows(3).any(|three| matches!(three, [a, b'=', b] if is_word(a) && is_word(b)))
}

fn parse_long(text: &str) -> Result<NetworkAttachment, String> {
    let mut network = NetworkAttachment::default();
    for field in csv::split(&text.to_lowercase())? {
        let (key, value) = field.split_once('=').ok_or_else(|| format!("{field:?} has no `=`"))?;
        set(&mut network, key.trim(), value.trim())?;
    }
    Ok(network)
}

fn set(network: &mut NetworkAttachment, key: &str, value: &str) -> Result<(), String> {
    let no_address = |_| format!("{value:?} is no such address");
    match key {
        // A script's variable may be empty.
        "ip" | "ip6" | "mac-address" if value.is_empty() => {}
        "name" => value.clone_into(&mut network.name),
        "alias" => network.aliases.push(value.to_owned()),
        "ip" => network.ip = Some(value.parse().map_err(no_address)?),
        "ip6" => network.ip6 = Some(value.parse().map_err(no_address)?),
        "link-local-ip" => network.link_local_ips.push(value.parse().map_err(no_address)?),
        "mac-address" => network.mac_address = Some(mac_address(value)?),
        "driver-opt" => {
            let (name, option) = value.split_once('=').ok_or("an option of the driver is name=value")?;
            network.driver_opts.insert(name.trim().to_owned(), option.trim().to_owned());
        }
        "gw-priority" => {
            network.gw_priority = value.parse().map_err(|_| format!("{value:?} is no whole number"))?;
        }
        _ => return Err(format!("there is no key {key:?}")),
    }
    Ok(())
}

/// A MAC address as it was written: 6, 8 or 20 pairs of hexadecimal digits separated by `:` or `-`, or groups of four
/// separated by dots.
pub(crate) fn mac_address(text: &str) -> Result<String, String> {
    let trimmed = text.trim();
    let (separator, digits) = match trimmed.find([':', '-', '.']).map(|at| trimmed.split_at(at).1) {
        Some(rest) if rest.starts_with('.') => ('.', 4),
        Some(rest) if rest.starts_with('-') => ('-', 2),
        _ => (':', 2),
    };
    let groups: Vec<&str> = trimmed.split(separator).collect();
    let is_group = |group: &&str| group.len() == digits && group.bytes().all(|b| b.is_ascii_hexdigit());
    let is_whole = matches!(groups.len() * digits, 12 | 16 | 40) && groups.iter().all(is_group);
    if is_whole { Ok(text.to_owned()) } else { Err(format!("{text:?} is no hardware address")) }
}

text_serde!(NetworkAttachment, "a network");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_a_name_or_fields() {
        for (text, printed) in [
            ("web", "web"),
            ("container:db", "container:db"),
            ("Web-1", "Web-1"),
            ("name=web", "web"),
            ("name=Web,alias=A,alias=b", "name=web,alias=a,alias=b"),
            ("name=web,ip=10.0.0.5,ip6=fe80::0:1", "name=web,ip=10.0.0.5,ip6=fe80::1"),
            ("name=web,mac-address=92:d0:c6:0a:29:33", "name=web,mac-address=92:d0:c6:0a:29:33"),
            ("name=web,link-local-ip=169.254.1.1", "name=web,link-local-ip=169.254.1.1"),
            ("name=web,\"driver-opt=a=b,c\",gw-priority=-5", "name=web,\"driver-opt=a=b,c\",gw-priority=-5"),
        ] {
            let network: NetworkAttachment = text.parse().unwrap();
            assert_eq!(network.to_string(), printed, "{text}");
            assert_eq!(printed.parse::<NetworkAttachment>().unwrap(), network, "{text}");
        }
        for text in [
            "",
            " ",
            "alias=web",
            "name=web,foo=bar",
            "name=web,alias",
            "name=web,ip=1.2.3",
            "name=web,ip=fe80::1",
            "name=web,mac-address=x",
            "name=web,driver-opt=a",
            "name=web,gw-priority=x",
        ] {
            assert!(text.parse::<NetworkAttachment>().unwrap_err().hint().is_some(), "{text}");
        }
    }

    #[test]
    fn only_networks_that_somebody_made_are_user_defined() {
        for (name, is) in [
            ("web", true),
            ("host", false),
            ("none", false),
            ("bridge", false),
            ("default", false),
            ("container:a", false),
        ] {
            assert_eq!(NetworkAttachment::named(name).is_user_defined(), is, "{name}");
        }
    }

    #[test]
    fn mac_addresses_have_several_forms() {
        for text in [
            "92:d0:c6:0a:29:33",
            "92-D0-C6-0A-29-33",
            "92d0.c60a.2933",
            "02:00:5e:10:00:00:00:01",
            " 92:d0:c6:0a:29:33",
        ] {
            assert!(mac_address(text).is_ok(), "{text}");
        }
        for text in
            ["", "92:d0", "92:d0:c6:0a:29:3g", "92:d0-c6:0a:29:33", "92d0c60a2933", "9:d0:c6:0a:29:33"]
        {
            assert!(mac_address(text).is_err(), "{text}");
        }
    }
}
