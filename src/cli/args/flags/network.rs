//! The flags for networks and ports.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use clap::Args;
use cube::{Config, Error, Port, PortMapping};

use crate::cli::args::flags::{given, parsed, set};

/// The task's networks, names, addresses and ports.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Network")]
pub struct NetworkArgs {
    /// Publish a port: [[IP:][HOST-PORT]:]PORT[/PROTO]
    #[arg(short, long, value_name = "PORT", allow_hyphen_values = true)]
    pub publish: Vec<String>,
    /// Expose a port: PORT[-PORT][/PROTO]
    #[arg(long, value_name = "PORT", allow_hyphen_values = true)]
    pub expose: Vec<String>,
    /// Publish every exposed port on a free host port (default with --image)
    #[arg(short = 'P', long)]
    pub publish_all: bool,
    /// Publish only the ports given by --publish
    #[arg(long)]
    pub no_publish_all: bool,
    /// Publish on this host address only
    #[arg(long, value_name = "IP", allow_hyphen_values = true)]
    pub bind: Option<String>,
    /// Host name in the container (-h as last word: help)
    #[arg(short = 'h', long, value_name = "NAME", allow_hyphen_values = true)]
    pub hostname: Option<String>,
    /// Line for the task's /etc/hosts: NAME:IP
    #[arg(long, value_name = "NAME:IP", allow_hyphen_values = true)]
    pub add_host: Vec<String>,
    /// Network to join: NAME, or name=NAME,alias=…,ip=…. Repeatable
    #[arg(long, visible_alias = "net", value_name = "NETWORK", allow_hyphen_values = true)]
    pub network: Vec<String>,
    /// Create missing networks, remove them after use
    #[arg(long)]
    pub create_network: bool,
    /// Name of the task on its first network
    #[arg(long, alias = "net-alias", value_name = "NAME", allow_hyphen_values = true)]
    pub network_alias: Vec<String>,
    /// IPv4 address on the first network
    #[arg(long, value_name = "IP", allow_hyphen_values = true)]
    pub ip: Option<String>,
    /// IPv6 address on the first network
    #[arg(long, value_name = "IP", allow_hyphen_values = true)]
    pub ip6: Option<String>,
    /// Link-local address on the first network
    #[arg(long, value_name = "IP", allow_hyphen_values = true)]
    pub link_local_ip: Vec<String>,
    /// MAC address on the first network
    #[arg(long, value_name = "MAC", allow_hyphen_values = true)]
    pub mac_address: Option<String>,
    /// Link to another container: NAME[:ALIAS]
    #[arg(long, value_name = "NAME[:ALIAS]", allow_hyphen_values = true)]
    pub link: Vec<String>,
    /// DNS server
    #[arg(long, value_name = "IP", allow_hyphen_values = true)]
    pub dns: Vec<String>,
    /// Option of the resolver, for example ndots:2
    #[arg(long, alias = "dns-opt", value_name = "OPTION", allow_hyphen_values = true)]
    pub dns_option: Vec<String>,
    /// Search domain for short names; . for none
    #[arg(long, value_name = "DOMAIN", allow_hyphen_values = true)]
    pub dns_search: Vec<String>,
    /// Domain name of the container
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub domainname: Option<String>,
}

impl NetworkArgs {
    pub fn apply(&self, config: &mut Config) -> Result<(), Error> {
        self.apply_ports(config)?;
        let network = &mut config.network;
        set(&mut network.hostname, given(self.hostname.as_ref()));
        for entry in &self.add_host {
            network.add_hosts.push(entry.parse()?);
        }
        // They replace the networks of a task file: a network must not be joined twice.
        if !self.network.is_empty() {
            network.networks = parsed(&self.network)?;
        }
        network.create_network |= self.create_network;
        network.network_alias.extend(self.network_alias.iter().cloned());
        let (ip, ip6) = (given(self.ip.as_ref()), given(self.ip6.as_ref()));
        set(&mut network.ip, ip.map(|ip| address::<Ipv4Addr>("--ip", &ip)).transpose()?);
        set(&mut network.ip6, ip6.map(|ip| address::<Ipv6Addr>("--ip6", &ip)).transpose()?);
        for ip in &self.link_local_ip {
            network.link_local_ip.push(address("--link-local-ip", ip)?);
        }
        set(&mut network.mac_address, given(self.mac_address.as_ref()));
        network.link.extend(self.link.iter().cloned());
        for ip in &self.dns {
            network.dns.push(address::<IpAddr>("--dns", ip)?.to_canonical());
        }
        network.dns_option.extend(self.dns_option.iter().cloned());
        network.dns_search.extend(self.dns_search.iter().map(|domain| search_domain(domain)));
        set(&mut network.domainname, given(self.domainname.as_ref()));
        Ok(())
    }

    /// Whether every exposed port is published also depends on the form of the command line.
    fn apply_ports(&self, config: &mut Config) -> Result<(), Error> {
        for spec in &self.publish {
            config.network.publish.extend(PortMapping::parse_spec(spec)?);
        }
        for spec in &self.expose {
            config.network.expose.extend(Port::parse_expose(spec)?);
        }
        if let Some(ip) = &self.bind {
            let parsed = ip.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
            config.network.bind = Some(parsed.map_err(|_| {
                Error::invalid("bind address", ip, "not an IP address").with_hint("write --bind 127.0.0.1")
            })?);
        }
        Ok(())
    }
}

/// As Docker's CLI sends it: without blanks around it and the dot at its end, but for `.` alone.
fn search_domain(text: &str) -> String {
    let domain = text.trim_matches(' ');
    domain.strip_suffix('.').filter(|name| !name.is_empty()).unwrap_or(domain).to_owned()
}

fn address<T: std::str::FromStr>(flag: &str, text: &str) -> Result<T, Error> {
    let example = match flag {
        "--ip6" => "fd00::5",
        "--link-local-ip" => "169.254.10.5",
        _ => "10.0.0.5",
    };
    text.trim().parse().map_err(|_| {
        Error::invalid(&format!("address of {flag}"), text, "it is no such IP address")
            .with_hint(format!("write {flag} {example}"))
    })
}
