//! Container ports, host ports and their mappings: the values of `-p` and `--expose`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{config::text::text_serde, error::Error};

/// A transport protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP, the default.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        })
    }
}

impl FromStr for Protocol {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.to_ascii_lowercase().as_str() {
            "tcp" => Ok(Self::Tcp),
            "udp" => Ok(Self::Udp),
            "sctp" => Ok(Self::Sctp),
            _ => Err(Error::invalid("protocol", text, "not a protocol").with_hint("use tcp, udp or sctp")),
        }
    }
}

text_serde!(Protocol, "a protocol");

/// A port inside the container: `5432/tcp`. The protocol may be left out (tcp) and have any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port {
    /// The number, 1 to 65535.
    pub number: u16,
    /// The protocol.
    pub protocol: Protocol,
}

impl Port {
    /// Reads a value of `--expose`: one port or a range, `80` or `80-90/udp`.
    ///
    /// # Errors
    /// Anything else, port 0, and a range that runs backwards.
    pub fn parse_expose(text: &str) -> Result<Vec<Self>, Error> {
        let refused = |reason: &str| {
            Error::invalid("port", text, reason)
                .with_hint("write a port or range such as 80 or 8000-8010/udp")
        };
        let (ports, protocol) = split_protocol(text).map_err(refused)?;
        let (first, last) = container_range(ports).map_err(refused)?;
        Ok((first..=last).map(|number| Self { number, protocol }).collect())
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.protocol)
    }
}

impl FromStr for Port {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match Self::parse_expose(text)?.as_slice() {
            [port] => Ok(*port),
            _ => Err(Error::invalid("port", text, "one port is wanted, not a range")
                .with_hint("write a port such as 5432 or 53/udp")),
        }
    }
}

text_serde!(Port, "a port");

/// The host's side of a published port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HostPort {
    /// Any free port (no port, or 0).
    #[default]
    Any,
    /// This port.
    Fixed(u16),
    /// Any free port from the first to the last of these.
    Range(u16, u16),
}

/// The engine's form: empty, a port, or `first-last`.
impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => Ok(()),
            Self::Fixed(port) => write!(f, "{port}"),
            Self::Range(first, last) => write!(f, "{first}-{last}"),
        }
    }
}

impl FromStr for HostPort {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Ok(Self::Any);
        }
        let range = range(text).and_then(|(first, last)| host_port(first, last));
        range.map_err(|reason| {
            Error::invalid("host port", text, reason).with_hint(
                "write a port such as 8080, a range such as 8000-8099, or nothing for any free port",
            )
        })
    }
}

text_serde!(HostPort, "a host port");

/// One container port published on the host: `127.0.0.1:8080:80/tcp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortMapping {
    /// The port inside the container.
    pub container: Port,
    /// The host's address to listen on; `None` means all of them.
    pub host_ip: Option<IpAddr>,
    /// The host's port.
    pub host_port: HostPort,
}

impl PortMapping {
    /// Reads a whole `-p` value: `[ip:][host]:container[/protocol]`, `container`, ranges of equal length, a host
    /// range for one container port, or the long form `target=80,published=8080,protocol=tcp`.
    ///
    /// # Errors
    /// Anything else. The rules are those of `docker run` (go-connections, `ParsePortSpec`).
    pub fn parse_spec(text: &str) -> Result<Vec<Self>, Error> {
        let parsed = if text.contains('=') { parse_long(text) } else { parse_short(text) };
        parsed.map_err(|reason| {
            Error::invalid("port mapping", text, reason).with_hint(
                "write [ip:][host-port:]container-port[/protocol], such as 8080:80 or 127.0.0.1::53/udp",
            )
        })
    }
}

impl fmt::Display for PortMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.host_ip, self.host_port) {
            (None, HostPort::Any) => write!(f, "{}", self.container),
            (None, host) => write!(f, "{host}:{}", self.container),
            (Some(IpAddr::V4(ip)), host) => write!(f, "{ip}:{host}:{}", self.container),
            (Some(IpAddr::V6(ip)), host) => write!(f, "[{ip}]:{host}:{}", self.container),
        }
    }
}

impl FromStr for PortMapping {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match Self::parse_spec(text)?.as_slice() {
            [mapping] => Ok(*mapping),
            _ => Err(Error::invalid("port mapping", text, "one container port is wanted, not a range")
                .with_hint("write each port on its own")),
        }
    }
}

text_serde!(PortMapping, "a port mapping");

/// Where a published port can be reached: `127.0.0.1:32768`, `[::1]:32768`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Binding {
    /// The address or host name, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

type Reason = &'static str;

/// A port number, 0 included; as in Go, without a sign.
fn number(text: &str) -> Result<u16, Reason> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err("a port is a whole number");
    }
    text.parse().map_err(|_| "a port is at most 65535")
}

/// `80` or `80-90`.
fn range(text: &str) -> Result<(u16, u16), Reason> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (number(first)?, number(last)?);
    if last < first { Err("the range runs backwards") } else { Ok((first, last)) }
}

fn container_range(text: &str) -> Result<(u16, u16), Reason> {
    match range(text)? {
        (0, _) => Err("a container port is at least 1"),
        range => Ok(range),
    }
}

fn host_port(first: u16, last: u16) -> Result<HostPort, Reason> {
    match (first, last) {
        (0, 0) => Ok(HostPort::Any),
        (0, _) => Err("a range of host ports begins at 1 or above"),
        _ if first == last => Ok(HostPort::Fixed(first)),
        _ => Ok(HostPort::Range(first, last)),
    }
}

/// The ports before the slash and the protocol behind it; an empty protocol is tcp.
fn split_protocol(text: &str) -> Result<(&str, Protocol), Reason> {
    let (ports, protocol) = text.split_once('/').unwrap_or((text, ""));
    if ports.is_empty() {
        return Err("no container port in it");
    }
    let protocol = if protocol.is_empty() { Ok(Protocol::Tcp) } else { protocol.parse() };
    Ok((ports, protocol.map_err(|_| "the protocol is tcp, udp or sctp")?))
}

/// The last two parts are ports, everything before them is the address: so IPv6 needs no brackets.
fn parse_short(text: &str) -> Result<Vec<PortMapping>, Reason> {
    let (host, container) = text.rsplit_once(':').unwrap_or(("", text));
    let (ip, host) = host.rsplit_once(':').unwrap_or(("", host));
    pair(parse_ip(ip)?, host, container)
}

fn parse_ip(text: &str) -> Result<Option<IpAddr>, Reason> {
    if text.is_empty() {
        return Ok(None);
    }
    let inner = text.strip_prefix('[').map_or(Some(text), |rest| rest.strip_suffix(']'));
    let ip = inner.and_then(|ip| ip.parse().ok()).ok_or("not an IP address before the ports")?;
    Ok(Some(ip))
}

fn pair(host_ip: Option<IpAddr>, host: &str, container: &str) -> Result<Vec<PortMapping>, Reason> {
    let (container, protocol) = split_protocol(container)?;
    let (first, last) = container_range(container)?;
    let host = if host.is_empty() { (0, 0) } else { range(host)? };
    let mapping =
        |number, host_port| PortMapping { container: Port { number, protocol }, host_ip, host_port };
    if first == last {
        return Ok(vec![mapping(first, host_port(host.0, host.1)?)]);
    }
    if host == (0, 0) {
        return Ok((first..=last).map(|number| mapping(number, HostPort::Any)).collect());
    }
    if host.1 - host.0 != last - first {
        return Err("the ranges of host and container ports differ in length");
    }
    if host.0 == 0 {
        return Err("a range of host ports begins at 1 or above");
    }
    Ok((first..=last)
        .zip(host.0..=host.1)
        .map(|(number, host)| mapping(number, HostPort::Fixed(host)))
        .collect())
}

/// `mode` matters to Swarm only; its two values mean the same here.
fn parse_long(text: &str) -> Result<Vec<PortMapping>, Reason> {
    let (mut target, mut published, mut protocol) = ("", "", "tcp");
    for field in text.split(',') {
        match field.split_once('=').ok_or("a field of the long form is name=value")? {
            ("target", value) => target = value,
            ("published", value) => published = value,
            ("protocol", value) => protocol = value,
            ("mode", "host" | "ingress") => {}
            ("mode", _) => return Err("the mode is host or ingress"),
            _ => return Err("the fields of the long form are target, published, protocol and mode"),
        }
    }
    if target.contains('/') {
        return Err("the protocol of the long form is a field of its own");
    }
    pair(None, published, &format!("{target}/{protocol}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn spec(text: &str) -> Vec<String> {
        PortMapping::parse_spec(text).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_port_has_an_optional_protocol_in_any_case() {
        for (text, printed) in [
            ("5432", "5432/tcp"),
            ("53/UDP", "53/udp"),
            ("80/Sctp", "80/sctp"),
            ("80/", "80/tcp"),
            ("0080", "80/tcp"),
        ] {
            assert_eq!(text.parse::<Port>().unwrap().to_string(), printed);
        }
        for text in [
            "",
            "/",
            "/tcp",
            "0",
            "65536",
            "-1",
            "+80",
            " 80",
            "80 ",
            "80/tcp/udp",
            "80/icmp",
            "80-81",
            "tcp",
            "٣",
        ] {
            assert!(text.parse::<Port>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn expose_takes_a_range() {
        let print =
            |text| Port::parse_expose(text).unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(print("80-82/udp"), ["80/udp", "81/udp", "82/udp"]);
        assert_eq!(print("80-80"), ["80/tcp"]);
        assert_eq!(Port::parse_expose("1-65535").unwrap().len(), 65_535);
        for text in ["82-80", "80-", "-80", "80-81-82", "80:81", "0-5", "80-65536", "a-b", "80-81/x", ""] {
            assert!(Port::parse_expose(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn ports_sort_by_number_and_serve_as_keys() {
        let ports: BTreeMap<Port, u8> =
            serde_json::from_str(r#"{"9000/tcp":1,"80/udp":2,"80/tcp":3}"#).unwrap();
        assert_eq!(serde_json::to_string(&ports).unwrap(), r#"{"80/tcp":3,"80/udp":2,"9000/tcp":1}"#);
    }

    #[test]
    fn a_mapping_is_read_as_docker_reads_it() {
        for (text, printed) in [
            ("80", vec!["80/tcp"]),
            (":80", vec!["80/tcp"]),
            ("::80", vec!["80/tcp"]),
            ("0:80", vec!["80/tcp"]),
            ("8080:80", vec!["8080:80/tcp"]),
            ("8080:80/UDP", vec!["8080:80/udp"]),
            ("8080:80/sctp", vec!["8080:80/sctp"]),
            ("192.168.1.1:8080:80", vec!["192.168.1.1:8080:80/tcp"]),
            ("127.0.0.1::80", vec!["127.0.0.1::80/tcp"]),
            ("0.0.0.0:1234:1234", vec!["0.0.0.0:1234:1234/tcp"]),
            ("[::1]:80:80", vec!["[::1]:80:80/tcp"]),
            ("[::1]::80", vec!["[::1]::80/tcp"]),
            ("::1:80:80", vec!["[::1]:80:80/tcp"]),
            ("::1::80", vec!["[::1]::80/tcp"]),
            ("[2001:4860:0:2001::68]::333", vec!["[2001:4860:0:2001::68]::333/tcp"]),
            ("2001:4860:0:2001::68:8080:333", vec!["[2001:4860:0:2001::68]:8080:333/tcp"]),
            ("[::ffff:1.2.3.4]:1:2", vec!["[::ffff:1.2.3.4]:1:2/tcp"]),
            ("80-81", vec!["80/tcp", "81/tcp"]),
            ("8080-8081:80-81", vec!["8080:80/tcp", "8081:81/tcp"]),
            ("8080-8080:80-80", vec!["8080:80/tcp"]),
            ("8000-9000:80", vec!["8000-9000:80/tcp"]),
            ("::1:8000-8001:80-81/udp", vec!["[::1]:8000:80/udp", "[::1]:8001:81/udp"]),
            ("127.0.0.1::80-81", vec!["127.0.0.1::80/tcp", "127.0.0.1::81/tcp"]),
            ("target=80", vec!["80/tcp"]),
            ("target=80,published=8080", vec!["8080:80/tcp"]),
            ("published=53,target=53,protocol=udp,mode=host", vec!["53:53/udp"]),
            ("target=80-81,published=8080-8081,mode=ingress", vec!["8080:80/tcp", "8081:81/tcp"]),
        ] {
            assert_eq!(spec(text), printed, "{text}");
        }
    }

    #[test]
    fn invalid_mappings_are_refused() {
        for text in [
            "",
            ":",
            "::",
            ":::",
            "8080:",
            "8080:/tcp",
            "localhost:80:80",
            "1.2.3:80:80",
            "[::1:80:80",
            "::1]:80:80",
            "[::1%eth0]:80:80",
            "fe80::1%eth0:80:80",
            "[]:80:80",
            "127.0.0.1:80:",
            "80:80/icmp",
            "80/tcp:80",
            "80:80/tcp/udp",
            "65536",
            "65536:80",
            "80:65536",
            "-1:80",
            "80:-1",
            "80:0",
            "+80:80",
            "a:80",
            "80:b",
            "8080-8082:80-81",
            "9000-8000:80",
            "80:90-80",
            "0-5:80",
            "0-1:80-81",
            "8080:80-81",
            " 80:80",
            "80:80 ",
            "target=",
            "target=0",
            "published=80",
            "target=80,",
            "target=80,published",
            "target=80,published:8080",
            "published=1500,444",
            "target=80,protocol=icmp",
            "target=80,mode=x",
            "target=80,host_ip=1.2.3.4",
            "=80",
            "target=80/udp",
            "target=80,published=1.2.3.4:80",
        ] {
            assert!(PortMapping::parse_spec(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_single_mapping_is_not_a_range() {
        assert!("80-81:80-81".parse::<PortMapping>().is_err());
        assert!("8000-9000:80".parse::<PortMapping>().is_ok());
    }

    #[test]
    fn a_binding_prints_ipv6_in_brackets_and_is_an_object_in_json() {
        let binding = |host: &str| Binding { host: host.into(), port: 80 };
        assert_eq!(binding("127.0.0.1").to_string(), "127.0.0.1:80");
        assert_eq!(binding("::1").to_string(), "[::1]:80");
        assert_eq!(serde_json::to_string(&binding("::1")).unwrap(), r#"{"host":"::1","port":80}"#);
    }

    fn mappings() -> impl Strategy<Value = PortMapping> {
        let protocol = prop_oneof![Just(Protocol::Tcp), Just(Protocol::Udp), Just(Protocol::Sctp)];
        let host = prop_oneof![
            Just(HostPort::Any),
            (1_u16..).prop_map(HostPort::Fixed),
            (1_u16..60_000, 1_u16..5_000).prop_map(|(first, more)| HostPort::Range(first, first + more)),
        ];
        (1_u16.., protocol, any::<Option<IpAddr>>(), host).prop_map(
            |(number, protocol, host_ip, host_port)| PortMapping {
                container: Port { number, protocol },
                host_ip,
                host_port,
            },
        )
    }

    proptest! {
        #[test]
        fn any_mapping_survives_print_and_parse(mapping in mappings()) {
            prop_assert_eq!(mapping.to_string().parse::<PortMapping>().unwrap(), mapping);
            let json = serde_json::to_value(mapping).unwrap();
            prop_assert_eq!(serde_json::from_value::<PortMapping>(json).unwrap(), mapping);
        }

        #[test]
        fn no_text_makes_the_parsers_panic(text in "\\PC*|[\\[\\]0-9:./a-f=,tcpud-]{0,40}") {
            let _ = PortMapping::parse_spec(&text);
            let _ = Port::parse_expose(&text);
            let _ = text.parse::<HostPort>();
        }
    }
}
