//! Whether the kernel dropped a signal that was sent to a container's first process. To process 1 of a pid namespace a
//! signal without a handler does not exist, and whoever waits for it to be heeded waits its whole grace for nothing
//! (`sig_ignored` in the kernel's `signal.c`; the fields of `/proc/PID/status` in `proc.rst`).

use std::{fs, path::PathBuf};

use crate::{
    address::Address,
    docker::{details::Details, ready::proc::ContainerProcess},
};

/// What a look at the process shows of a signal that was sent to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The kernel dropped it, and the process has slept ever since.
    Dropped,
    /// The kernel dropped it, and the process has done something else since.
    DroppedAndWoke,
    /// There is a handler now, or the signal is waited for: another would be heard.
    Audible,
    /// Nothing of this can be proved.
    Unknown,
}

/// A container's first process on this machine, and a signal for it.
pub(crate) struct Listener {
    process: ContainerProcess,
    id: String,
    /// The signal's bit in the kernel's masks.
    bit: u64,
    /// How often the process had gone to sleep before the signal was sent.
    sleeps: u64,
    /// Whether the first look after the signal proved that it was dropped.
    dropped: Option<bool>,
}

/// The part of `/proc/PID/status` that decides.
#[derive(Debug, Default, PartialEq, Eq)]
struct Status {
    /// `S` for a process that sleeps and can be woken.
    state: char,
    /// Its number in its own pid namespace.
    number: u32,
    caught: u64,
    blocked: u64,
    /// Signals to the whole process that wait to be handled.
    pending: u64,
    sleeps: u64,
}

impl Listener {
    /// The first process of a container, just before the signal `number` is sent. `None` where the process cannot be
    /// seen, or the kernel drops nothing: an engine elsewhere, a process that is not the first of its namespace.
    pub(crate) fn of(container: &Details, engine: &Address, number: u8) -> Option<Self> {
        let process = ContainerProcess::of(container, engine)?;
        let status = Status::read(&process)?;
        let bit = 1_u64.checked_shl(u32::from(number).checked_sub(1)?)?;
        (status.number == 1).then(|| Self {
            process,
            id: container.id.to_string(),
            bit,
            sleeps: status.sleeps,
            dropped: None,
        })
    }

    /// Looks at the process. The first look must follow the signal at once.
    pub(crate) fn look(&mut self) -> Fate {
        let Some(status) = Status::read(&self.process).filter(|_| self.process.belongs_to(&self.id)) else {
            return Fate::Unknown;
        };
        let deaf = status.number == 1 && (status.caught | status.blocked | status.pending) & self.bit == 0;
        let slept = status.state == 'S' && status.sleeps == self.sleeps;
        match *self.dropped.get_or_insert(deaf && slept) {
            false => Fate::Unknown,
            true if !deaf => Fate::Audible,
            true if slept => Fate::Dropped,
            true => Fate::DroppedAndWoke,
        }
    }

    /// Whether no other process is in the container: nothing else that could be at work.
    pub(crate) fn is_alone(&self) -> bool {
        let text = fs::read_to_string(self.process.path("cgroup")).unwrap_or_default();
        let mut folders = text.lines().filter_map(folder).filter(|folder| folder.is_dir()).peekable();
        folders.peek().is_some() && folders.all(|folder| holds_one(&folder))
    }
}

/// The folder of a control group, from a line `0::/PATH` (version 2) or `4:memory:/PATH`.
fn folder(line: &str) -> Option<PathBuf> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?);
    let controllers = controllers.strip_prefix("name=").unwrap_or(controllers);
    Some(PathBuf::from("/sys/fs/cgroup").join(controllers).join(path.trim_start_matches('/')))
}

fn holds_one(folder: &PathBuf) -> bool {
    let processes = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    let groups = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut below = groups.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    processes.lines().count() == 1 && below.next().is_none()
}

impl Status {
    fn read(process: &ContainerProcess) -> Option<Self> {
        Self::parse(&fs::read_to_string(process.path("status")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            let rest = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            rest.map(str::trim)
        };
        let mask = |name| u64::from_str_radix(field(name)?, 16).ok();
        Some(Self {
            state: field("State")?.chars().next()?,
            number: field("NSpid")?.split_ascii_whitespace().last()?.parse().ok()?,
            caught: mask("SigCgt")?,
            blocked: mask("SigBlk")?,
            pending: mask("ShdPnd")?,
            sleeps: field("voluntary_ctxt_switches")?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tsleep\nState:\tS (sleeping)\nNSpid:\t4711\t1\nSigPnd:\t0000000000000000\n\
        ShdPnd:\t0000000000000000\nSigBlk:\t0000000000010000\nSigIgn:\t0000000000000000\n\
        SigCgt:\t0000000000004002\nvoluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t2\n";

    #[test]
    fn the_fields_that_decide_are_read() {
        let wanted =
            Status { state: 'S', number: 1, caught: 0x4002, blocked: 0x1_0000, pending: 0, sleeps: 7 };
        assert_eq!(Status::parse(STATUS), Some(wanted));
        for gone in ["NSpid", "SigCgt", "SigBlk", "ShdPnd", "voluntary", "State"] {
            assert_eq!(Status::parse(&STATUS.replace(&format!("\n{gone}"), "\nX")), None, "{gone}");
        }
    }

    #[test]
    fn the_folder_of_a_control_group_is_found_in_both_versions() {
        for (line, path) in [
            ("0::/system.slice/docker-a.scope", "/sys/fs/cgroup/system.slice/docker-a.scope"),
            ("4:memory:/docker/a", "/sys/fs/cgroup/memory/docker/a"),
            ("2:cpu,cpuacct:/docker/a", "/sys/fs/cgroup/cpu,cpuacct/docker/a"),
            ("1:name=systemd:/docker/a", "/sys/fs/cgroup/systemd/docker/a"),
        ] {
            assert_eq!(folder(line), Some(PathBuf::from(path)));
        }
        assert_eq!(folder("no group"), None);
    }
}
