//! The kernel's files of a process: its sockets, its signals, its control groups.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
};

use crate::{
    config::value::port::Protocol,
    docker::{
        container::stop::deaf::{Status, folder},
        ready::{
            port::sockets::{describe, listeners, reachable},
            proc::{SocketCounts, names},
        },
        usage::cgroup::{number, serviced, value},
    },
    fuzzing::pieces::Random,
};

/// The id of a container.
const ID: &str = "f2ca1bb6c7e907d06dafe4687e579fce76b37e4e93b7605022da52e6ccc26fd2";
const PORT: u16 = 80;

pub(crate) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        check_sockets(&text, protocol, Random::of(bytes).below(3));
    }
    SocketCounts::default().take(bytes);
    let _ = Status::parse(&text);
    for line in text.lines() {
        let _ = folder(Path::new("/sys/fs/cgroup"), line);
    }
    // The id counts as a whole part of a path, or in the forms that engines give it.
    if names(&text, ID) {
        assert!(text.contains(ID));
    }
    for key in ["usage_usec", "oom_kill", "rbytes"] {
        let _ = (value(&text, key, ' '), value(&text, key, '='));
    }
    let _ = (number(&text), serviced(&text, "Read"), serviced(&text, "Write"));
}

/// A listener more in the table is one more that is found, wherever its line is.
fn check_sockets(table: &str, protocol: Protocol, at: usize) {
    let found = listeners(table, protocol);
    let described = describe(&found, "80/tcp".parse().unwrap());
    assert!(described.len() < 1_000, "{described}");
    let state = if protocol == Protocol::Udp { "07" } else { "0A" };
    let own: SocketAddr = ([10, 1, 2, 3], PORT).into();
    let IpAddr::V4(ip) = own.ip() else { unreachable!("it is IPv4") };
    let word = u32::from_ne_bytes(ip.octets());
    let line = format!("  7: {word:08X}:{PORT:04X} 00000000:0000 {state} 00000000:00000000");
    let mut lines: Vec<&str> = table.lines().collect();
    lines.insert(at.min(lines.len()), &line);
    let mut more = listeners(&lines.join("\n"), protocol);
    assert!(reachable(&more, format!("{PORT}/{protocol}").parse().unwrap(), false));
    let added = more.iter().position(|each| *each == own).unwrap();
    more.remove(added);
    assert_eq!(more, found);
}
