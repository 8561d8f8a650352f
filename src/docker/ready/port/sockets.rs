//! Reads listening sockets from the kernel's tables (`/proc/net/tcp`, `tcp6`, `udp`, `udp6`; see `proc_net_tcp.txt` in
//! the kernel's documentation).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::config::value::port::{Port, Protocol};

/// The state of a listening TCP socket.
const LISTEN: &str = "0A";
/// The state of a bound UDP socket without a peer.
const UNCONNECTED: &str = "07";
/// The most listeners that a message names.
const MOST_SHOWN: usize = 8;

/// The addresses on which sockets of this protocol listen. Other lines are skipped.
pub(crate) fn listeners(table: &str, protocol: Protocol) -> Vec<SocketAddr> {
    table.lines().filter_map(|line| listener(line, protocol)).collect()
}

fn listener(line: &str, protocol: Protocol) -> Option<SocketAddr> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (local, _peer, state) = (words.next()?, words.next()?, words.next()?);
    let wanted = if protocol == Protocol::Udp { UNCONNECTED } else { LISTEN };
    if state != wanted {
        return None;
    }
    let (address, port) = local.split_once(':')?;
    Some(SocketAddr::new(ip(address)?, u16::from_str_radix(port, 16).ok()?))
}

/// Parses an address as the kernel prints it: 32-bit words, each in the machine's byte order.
fn ip(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let word = hex.get(at * 8..at * 8 + 8)?;
        u32::from_str_radix(word, 16).ok().map(u32::to_ne_bytes)
    };
    match hex.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let mut bytes = [0; 16];
            for (at, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(at)?);
            }
            Some(Ipv6Addr::from(bytes).to_canonical())
        }
        _ => None,
    }
}

/// Whether one of `listeners` can be reached on `port` from outside; listeners on the loopback address count only if
/// `loopback` is set.
pub(crate) fn reachable(listeners: &[SocketAddr], port: Port, loopback: bool) -> bool {
    listeners.iter().any(|at| at.port() == port.number && (loopback || !at.ip().is_loopback()))
}

/// Whether something listens on `port`, but only on the loopback address.
pub(crate) fn on_loopback(listeners: &[SocketAddr], port: Port) -> bool {
    reachable(listeners, port, true) && !reachable(listeners, port, false)
}

/// The ports that are listened on instead of `port`, for a message.
pub(crate) fn describe(listeners: &[SocketAddr], port: Port) -> String {
    let mut shown: Vec<String> = listeners.iter().map(describe_one).collect();
    shown.sort_unstable();
    shown.dedup();
    let more = shown.len().saturating_sub(MOST_SHOWN);
    shown.truncate(MOST_SHOWN);
    let list = match (shown.as_slice(), more) {
        ([], _) => format!("no {} port", port.protocol),
        (shown, 0) => shown.join(", "),
        (shown, more) => format!("{} and {more} more", shown.join(", ")),
    };
    format!("nothing listens on {port}; listening: {list}")
}

fn describe_one(at: &SocketAddr) -> String {
    if at.ip().is_loopback() { format!("{at} (loopback only)") } else { at.to_string() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TCP: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 0 0 10 0
   2: 020011AC:0050 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0
";
    const TCP6: &str =
        "   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0:0
   1: 00000000000000000000000001000000:0051 00000000000000000000000000000000:0000 0A 0:0
   2: 0000000000000000FFFF00000100007F:0052 00000000000000000000000000000000:0000 0A 0:0
   3: B80D0120000000000000000001000000:0053 00000000000000000000000000000000:0000 0A 0:0
";

    #[cfg(target_endian = "little")]
    #[test]
    fn listeners_of_both_families_are_read_from_words_in_the_machines_order() {
        let read =
            |table| listeners(table, Protocol::Tcp).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(read(TCP), ["0.0.0.0:5432", "127.0.0.1:8080"]);
        assert_eq!(read(TCP6), ["[::]:80", "[::1]:81", "127.0.0.1:82", "[2001:db8::1]:83"]);
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn a_listener_on_loopback_counts_only_where_it_can_be_reached() {
        let all = listeners(&format!("{TCP}{TCP6}"), Protocol::Tcp);
        for (port, outside, inside) in [
            ("5432", true, true),
            ("8080", false, true),
            ("80", true, true),
            ("81", false, true),
            ("82", false, true),
            ("84", false, false),
        ] {
            let port = port.parse().unwrap();
            assert_eq!(
                (reachable(&all, port, false), reachable(&all, port, true)),
                (outside, inside),
                "{port}"
            );
        }
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn the_message_names_what_listens() {
        let port = "80".parse().unwrap();
        assert_eq!(
            describe(&listeners(TCP, Protocol::Tcp), port),
            "nothing listens on 80/tcp; listening: 0.0.0.0:5432, 127.0.0.1:8080 (loopback only)"
        );
        assert_eq!(describe(&[], port), "nothing listens on 80/tcp; listening: no tcp port");
        let many: Vec<SocketAddr> = (10..20).map(|n| SocketAddr::new([0, 0, 0, 0].into(), n)).collect();
        assert!(describe(&many, port).ends_with("0.0.0.0:17 and 2 more"));
    }

    #[test]
    fn a_udp_socket_with_a_peer_is_not_a_listener() {
        let table = "  1: 00000000:0035 00000000:0000 07 0:0\n  2: 00000000:0036 0100007F:0035 01 0:0\n";
        assert_eq!(listeners(table, Protocol::Udp).iter().map(SocketAddr::port).collect::<Vec<_>>(), [53]);
        assert!(listeners(table, Protocol::Tcp).is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "([0-9A-Fa-f: \n]|\\PC){0,200}") {
            let _ = listeners(&text, Protocol::Tcp);
        }
    }
}
