//! Reads the kernel's files of a container's first process on this machine, for example its socket tables. This needs
//! no shell in the image and no request.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::PathBuf,
};

use crate::{address::Address, config::value::port::Protocol, docker::details::Details};

/// The `/proc` folder of a container's first process.
pub(crate) struct ContainerProcess(PathBuf);

impl ContainerProcess {
    /// The container's process, if it is visible here: the engine may be on another machine, or cube may run in a
    /// container with its own pid namespace.
    pub(crate) fn of(container: &Details, engine: &Address) -> Option<Self> {
        if !matches!(engine, Address::Unix(_)) || container.pid == 0 {
            return None;
        }
        let process = Self(PathBuf::from(format!("/proc/{}", container.pid)));
        process.belongs_to(&container.id).then_some(process)
    }

    /// A process with this `/proc` folder.
    #[cfg(test)]
    pub(crate) fn at(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Whether the process belongs to the container. The path of its control group contains the id; if that is hidden
    /// by a cgroup namespace, the engine's files mounted in it do.
    pub(crate) fn belongs_to(&self, id: &str) -> bool {
        ["cgroup", "mountinfo"]
            .iter()
            .any(|name| fs::read_to_string(self.0.join(name)).is_ok_and(|text| names(&text, id)))
    }

    /// The path of one of its files.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The tables of a protocol, first IPv4, then IPv6. A table that is empty by `counts` is left out.
    ///
    /// # Errors
    /// `NotFound` if the process is gone; others if this user has no permission.
    pub(crate) fn sockets(&self, protocol: Protocol, counts: &SocketCounts) -> io::Result<String> {
        fs::metadata(&self.0)?;
        let mut table = String::new();
        if !counts.is_none(protocol, Family::V4) {
            table = fs::read_to_string(self.0.join(format!("net/{protocol}")))?;
        }
        if !counts.is_none(protocol, Family::V6) {
            // A kernel without IPv6 has no such table.
            table.push_str(&fs::read_to_string(self.0.join(format!("net/{protocol}6"))).unwrap_or_default());
        }
        Ok(table)
    }

    /// Opens the counters of sockets in use. A new listener changes them. Reading them takes microseconds, while
    /// reading the tables makes the kernel walk through all of its hash buckets.
    pub(crate) fn counters(&self) -> SocketCounters {
        let files = ["net/sockstat", "net/sockstat6"];
        SocketCounters(files.iter().filter_map(|name| File::open(self.0.join(name)).ok()).collect())
    }
}

/// The open files with the counters of a process's sockets.
pub(crate) struct SocketCounters(Vec<File>);

impl SocketCounters {
    /// Reads the current counts.
    pub(crate) fn read(&self) -> SocketCounts {
        let mut text = [0; LONGEST_COUNTERS];
        let mut counts = SocketCounts::default();
        for file in &self.0 {
            let length = file.read_at(&mut text, 0).unwrap_or_default();
            counts.take(text.get(..length).unwrap_or_default());
        }
        counts
    }
}

/// How much of a file of counters is read, in bytes: it has about six lines.
const LONGEST_COUNTERS: usize = 1024;

/// The number of sockets in use by protocol and family, where the kernel reports it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SocketCounts([Option<u32>; 4]);

/// The kernel's names of the counters, in the order of the counts.
const COUNTED: [(&str, Protocol, Family); 4] = [
    ("TCP", Protocol::Tcp, Family::V4),
    ("UDP", Protocol::Udp, Family::V4),
    ("TCP6", Protocol::Tcp, Family::V6),
    ("UDP6", Protocol::Udp, Family::V6),
];

/// The IP version of a socket table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

impl SocketCounts {
    /// Reads the first number of each line `TCP: inuse 5 orphan 0 …`: the others are counts of the whole machine.
    pub(crate) fn take(&mut self, text: &[u8]) {
        for line in str::from_utf8(text).unwrap_or_default().lines() {
            let Some((word, numbers)) = line.split_once(": inuse ") else { continue };
            let number = numbers.split(' ').next().and_then(|number| number.parse().ok());
            let counted = self.0.iter_mut().zip(COUNTED).find(|(_, (known, _, _))| *known == word);
            if let Some((count, _)) = counted {
                *count = number;
            }
        }
    }

    /// Whether there is certainly no socket of this kind.
    fn is_none(&self, protocol: Protocol, family: Family) -> bool {
        let of_kind = |counted: &(&str, Protocol, Family)| counted.1 == protocol && counted.2 == family;
        self.0.iter().zip(COUNTED).any(|(count, counted)| of_kind(&counted) && *count == Some(0))
    }
}

/// Whether a part of a path in `text` is the id, or a form of it that engines use: `docker-ID.scope`,
/// `libpod-ID.scope`, `cri-containerd-ID.scope`.
pub(crate) fn names(text: &str, id: &str) -> bool {
    !id.is_empty()
        && text
            .split(['/', ' ', '\n', ':'])
            .map(|part| part.strip_suffix(".scope").unwrap_or(part))
            .any(|part| part == id || part.strip_suffix(id).is_some_and(|before| before.ends_with('-')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_group_names_its_container_in_every_engines_way() {
        let id = "0123456789abcdef".repeat(4);
        for path in [
            format!("0::/docker/{id}\n"),
            format!("12:cpu:/docker/{id}\n1:name=systemd:/docker/{id}"),
            format!("0::/system.slice/docker-{id}.scope\n"),
            format!("0::/machine.slice/libpod-{id}.scope/container"),
            format!("0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{id}.scope"),
            format!("0::/docker/{id}/init"),
            format!(
                "19:87 69 254:0 /var/lib/docker/containers/{id}/hostname /etc/hostname rw - ext4 /dev/a rw"
            ),
        ] {
            assert!(names(&path, &id), "{path}");
        }
    }

    #[test]
    fn another_process_is_not_taken_for_the_container() {
        let id = "0123456789abcdef".repeat(4);
        for path in
            ["0::/", "0::/user.slice", "", &format!("0::/docker/f{id}"), &format!("0::/docker/{}", &id[1..])]
        {
            assert!(!names(path, &id), "{path}");
        }
        assert!(!names("0::/", ""));
    }

    #[test]
    fn only_the_sockets_in_use_are_counted() {
        let mut counts = SocketCounts::default();
        counts.take(
            b"sockets: used 9\nTCP: inuse 5 orphan 0 tw 1 alloc 7 mem 3\nUDP: inuse 0 mem 1\nRAW: inuse 7\n",
        );
        assert_eq!(counts, SocketCounts([Some(5), Some(0), None, None]));
        counts.take(b"TCP6: inuse 0\nUDP6: inuse 1\n\xff");
        assert_eq!(counts.0[2], None, "what is no text says nothing");
        counts.take(b"TCP6: inuse 0\nUDP6: inuse 1\n");
        assert_eq!(counts, SocketCounts([Some(5), Some(0), Some(0), Some(1)]));
        assert!(!counts.is_none(Protocol::Tcp, Family::V4) && counts.is_none(Protocol::Tcp, Family::V6));
        assert!(!SocketCounts::default().is_none(Protocol::Tcp, Family::V6), "what is not known may be");
    }

    #[test]
    fn this_process_is_not_in_a_container_of_that_name() {
        let process = ContainerProcess(PathBuf::from("/proc/self"));
        assert!(!process.belongs_to("nobody"));
        let unknown = SocketCounts::default();
        assert!(process.sockets(Protocol::Tcp, &unknown).unwrap().contains("local_address"));
        let _listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let counters = process.counters();
        assert!(counters.read().0[0] > Some(0));
        assert!(counters.read().0[0] > Some(0), "the second reading begins anew");
        let gone = ContainerProcess(PathBuf::from("/proc/4194305"));
        assert_eq!(gone.sockets(Protocol::Tcp, &unknown).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
