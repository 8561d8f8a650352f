//! Lines for the task's hosts file: the values of `--add-host`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::{config::text::text_serde, error::Error};

/// A host name and its address, `name:ip`; `name=ip` and brackets around IPv6 are read too.
///
/// `Display` gives the engine's form `name:ip`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostEntry {
    name: String,
    /// `None` stands for Docker's `host-gateway`.
    ip: Option<IpAddr>,
    /// The address as it was written, without brackets: the line in the hosts file has it so.
    address: String,
}

/// Stands for the host's own address, which the engine fills in.
const GATEWAY: &str = "host-gateway";

impl HostEntry {
    /// The host name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address; `None` means the address of the host that runs the task (`host-gateway`).
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.ip
    }
}

impl fmt::Display for HostEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.address)
    }
}

impl FromStr for HostEntry {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = |reason: &str| {
            Error::invalid("host entry", text, reason)
                .with_hint("write NAME:IP, NAME=IP or NAME:host-gateway")
        };
        let (name, address) = text
            .split_once('=')
            .or_else(|| text.split_once(':'))
            .ok_or_else(|| refused("there is no address after a colon"))?;
        if name.is_empty() || name.contains(|c: char| c == ':' || c.is_whitespace() || c.is_control()) {
            return Err(refused("the name is empty, or has a colon or white space in it"));
        }
        let inner = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
        let ip = match inner.parse() {
            _ if address == GATEWAY => None,
            Ok(ip) => Some(ip),
            Err(_) => return Err(refused("not an IP address")),
        };
        Ok(Self { name: name.to_owned(), ip, address: inner.to_owned() })
    }
}

text_serde!(HostEntry, "a host entry");

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn host_entries_are_read_as_docker_reads_them() {
        for (text, printed) in [
            ("myhost:192.168.0.1", "myhost:192.168.0.1"),
            ("thathost=10.0.2.1", "thathost:10.0.2.1"),
            ("anipv6host:2003:ab34:e::1", "anipv6host:2003:ab34:e::1"),
            ("anipv6host:[2003:ab34:e::1]", "anipv6host:2003:ab34:e::1"),
            ("ipv6local:::1", "ipv6local:::1"),
            ("ipv6local=::1", "ipv6local:::1"),
            ("ipv6local=[::1]", "ipv6local:::1"),
            ("ipv6local=[0:0:0:0:0:0:0:1]", "ipv6local:0:0:0:0:0:0:0:1"),
            ("host.docker.internal:host-gateway", "host.docker.internal:host-gateway"),
            ("x=host-gateway", "x:host-gateway"),
        ] {
            assert_eq!(text.parse::<HostEntry>().unwrap().to_string(), printed, "{text}");
        }
        for text in [
            "",
            ":",
            "=",
            "a",
            "a:",
            "a=",
            ":1.2.3.4",
            "=1.2.3.4",
            "myhost:192.notanipaddress.1",
            "thathost-nosemicolon10.0.0.1",
            "anipv6host:::::1",
            "ipv6local:::0::",
            "a:b=1.2.3.4",
            "a b:1.2.3.4",
            "a:[1.2.3.4",
            "a:[host-gateway]",
            "a:[]",
            "a:fe80::1%eth0",
            "a:1.2.3.4 ",
            "a\n:1.2.3.4",
        ] {
            assert!(text.parse::<HostEntry>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_entry_survives_print_and_parse(name in "[a-z0-9.-]+", ip in any::<Option<IpAddr>>()) {
            let address = ip.map_or_else(|| GATEWAY.to_owned(), |ip| ip.to_string());
            let entry = HostEntry { name, ip, address };
            prop_assert_eq!(entry.to_string().parse::<HostEntry>().unwrap(), entry);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            let _ = text.parse::<HostEntry>();
        }
    }
}
