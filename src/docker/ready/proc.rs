//! The socket tables of a container on this machine, from the kernel: no shell in the image, no request.

use std::{fs, io, path::PathBuf};

use crate::{address::Address, config::value::port::Protocol, docker::details::Details};

/// The kernel's view of a container's first process.
pub(crate) struct ContainerProcess(PathBuf);

impl ContainerProcess {
    /// The container's process, if it is this machine's: the engine's socket may lead to another
    /// machine, or cube may run in a container with processes of its own.
    pub(crate) fn of(container: &Details, engine: &Address) -> Option<Self> {
        if !matches!(engine, Address::Unix(_)) || container.pid == 0 {
            return None;
        }
        let process = Self(PathBuf::from(format!("/proc/{}", container.pid)));
        process.belongs_to(&container.id).then_some(process)
    }

    /// A process whose files are in this folder.
    #[cfg(test)]
    pub(crate) fn at(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Whether the process is the container's. Its control group names it; where that is hidden (a
    /// namespace of its own), the engine's files mounted in it do.
    pub(crate) fn belongs_to(&self, id: &str) -> bool {
        ["cgroup", "mountinfo"]
            .iter()
            .any(|name| fs::read_to_string(self.0.join(name)).is_ok_and(|text| names(&text, id)))
    }

    /// One of the files that the kernel keeps of it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The tables of a protocol, IPv4 and IPv6 after each other.
    ///
    /// # Errors
    /// `NotFound` once the process is gone, and others if this user may not read them.
    pub(crate) fn sockets(&self, protocol: Protocol) -> io::Result<String> {
        let mut table = fs::read_to_string(self.0.join(format!("net/{protocol}")))?;
        // A kernel without IPv6 has no such table.
        table.push_str(&fs::read_to_string(self.0.join(format!("net/{protocol}6"))).unwrap_or_default());
        Ok(table)
    }

    /// How many sockets of each kind are in use. A listener more changes it, and reading it takes
    /// microseconds, where the tables take the kernel a walk over all of its hash buckets.
    pub(crate) fn counts(&self) -> Vec<String> {
        let files = ["net/sockstat", "net/sockstat6"];
        files
            .iter()
            .flat_map(|name| in_use(&fs::read_to_string(self.0.join(name)).unwrap_or_default()))
            .collect()
    }
}

/// Of each line `TCP: inuse 5 orphan 0 …` the first number: the others are the whole machine's.
fn in_use(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.split_once(" inuse ")?.1.split(' ').next().map(str::to_owned))
        .collect()
}

/// Whether a part of a path in `text` is the id, or one of the engines' forms of it:
/// `docker-ID.scope`, `libpod-ID.scope`, `cri-containerd-ID.scope`.
fn names(text: &str, id: &str) -> bool {
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
        let text = "sockets: used 9\nTCP: inuse 5 orphan 0 tw 1 alloc 7 mem 3\nUDP: inuse 2 mem 1\n";
        assert_eq!(in_use(text), ["5", "2"]);
        assert_eq!(in_use("TCP6: inuse 1\n"), ["1"]);
    }

    #[test]
    fn this_process_is_no_container_of_that_name() {
        let process = ContainerProcess(PathBuf::from("/proc/self"));
        assert!(!process.belongs_to("nobody"));
        assert!(process.sockets(Protocol::Tcp).unwrap().contains("local_address"));
    }
}
