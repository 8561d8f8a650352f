//! Detects whether the kernel dropped a signal for a container's first process. The kernel discards signals for process
//! 1 of a pid namespace that has no handler for them, so waiting for an effect would waste the whole grace
//! (`sig_ignored` in the kernel's `signal.c`; the fields of `/proc/PID/status` in `proc.rst`).

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use crate::{
    address::Address,
    docker::{details::Details, ready::proc::ContainerProcess},
};

/// The mount point of the control groups.
const GROUPS: &str = "/sys/fs/cgroup";

/// How long a signal waits for a program that is just starting, and the pause between two looks at it.
const START: Duration = Duration::from_millis(200);
const GLANCE: Duration = Duration::from_millis(10);

/// What the state of the process shows about a signal that was sent to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The kernel dropped it, and the process has slept since then.
    Dropped,
    /// The kernel dropped it, and the process has run since then.
    DroppedAndWoke,
    /// Now the process has a handler or waits for the signal: sending it again would have an effect.
    Audible,
    /// There is no handler, but the process was running: it may have waited for the signal without one.
    Unclear,
    /// None of these can be proved.
    Unknown,
}

/// A container's first process on this machine, and a signal for it.
pub(crate) struct Listener {
    process: ContainerProcess,
    id: String,
    /// The signal's bit in the kernel's masks.
    bit: u64,
    /// The process's count of voluntary context switches before the signal was sent.
    sleeps: u64,
    /// Whether the signal was handled, blocked or pending before it was sent.
    heard: bool,
    /// Whether the process slept before the signal was sent.
    asleep: bool,
    first: Option<FirstLook>,
}

/// The result of the first look after the signal.
#[derive(Clone, Copy)]
enum FirstLook {
    /// It was dropped.
    Dropped,
    /// There was no handler: one that is installed later has not received this signal.
    NoHandler,
    Nothing,
}

/// The relevant fields of `/proc/PID/status`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// `S` for interruptible sleep.
    state: char,
    /// Its pid in its own pid namespace.
    number: u32,
    caught: u64,
    blocked: u64,
    /// Pending signals for the whole process.
    pending: u64,
    sleeps: u64,
}

impl Listener {
    /// The first process of a container, just before the signal `number` is sent. `None` if the process cannot be seen
    /// (the engine is on another machine), or if it is not process 1 of its namespace, for which the kernel drops no
    /// signal. A program that is just starting gets a moment to come to rest: right after the start, a stop would often
    /// cost the whole grace otherwise.
    pub(crate) async fn of(container: &Details, engine: &Address, number: u8) -> Option<Self> {
        let look = || Self::before(ContainerProcess::of(container, engine)?, &container.id, number);
        Self::at_rest(look).await
    }

    async fn at_rest(look: impl Fn() -> Option<Self>) -> Option<Self> {
        let begun = Instant::now();
        loop {
            let listener = look()?;
            if listener.can_tell() || begun.elapsed() >= START {
                return Some(listener);
            }
            sleep(GLANCE).await;
        }
    }

    fn before(process: ContainerProcess, id: &str, number: u8) -> Option<Self> {
        let status = Status::read(&process)?;
        let bit = 1_u64.checked_shl(u32::from(number).checked_sub(1)?)?;
        (status.number == 1).then(|| Self {
            process,
            id: id.to_owned(),
            bit,
            sleeps: status.sleeps,
            heard: status.shows(bit),
            asleep: status.state == 'S',
            first: None,
        })
    }

    /// Whether it can be seen what becomes of the signal: the process would receive it, or it sleeps. The fate of a
    /// signal for a running process without a handler, such as a program that is just starting, stays unclear.
    fn can_tell(&self) -> bool {
        self.heard || self.asleep
    }

    /// Looks at the process. The first look must come immediately after the signal.
    pub(crate) fn look(&mut self) -> Fate {
        let Some(status) = Status::read(&self.process).filter(|_| self.process.belongs_to(&self.id)) else {
            return Fate::Unknown;
        };
        let deaf = status.number == 1 && !status.shows(self.bit);
        let slept = status.state == 'S' && status.sleeps == self.sleeps;
        let first = match (deaf, slept) {
            (true, true) => FirstLook::Dropped,
            (true, false) if !self.heard => FirstLook::NoHandler,
            _ => FirstLook::Nothing,
        };
        match *self.first.get_or_insert(first) {
            FirstLook::Dropped if !deaf => Fate::Audible,
            FirstLook::Dropped if slept => Fate::Dropped,
            FirstLook::Dropped => Fate::DroppedAndWoke,
            FirstLook::NoHandler if status.caught & self.bit != 0 => Fate::Audible,
            FirstLook::NoHandler if deaf => Fate::Unclear,
            FirstLook::NoHandler | FirstLook::Nothing => Fate::Unknown,
        }
    }

    /// Whether it is the container's only process, so that no other process could be working.
    pub(crate) fn is_alone(&self) -> bool {
        self.is_alone_below(Path::new(GROUPS))
    }

    fn is_alone_below(&self, groups: &Path) -> bool {
        let text = fs::read_to_string(self.process.path("cgroup")).unwrap_or_default();
        // In a hierarchy that the engine does not use, the container is in the root group, with all other processes.
        let own = text.lines().filter(|line| line.contains(&self.id));
        let folders = own.filter_map(|line| folder(groups, line));
        let mut folders = folders.filter(|folder| folder.is_dir()).peekable();
        folders.peek().is_some() && folders.all(|folder| holds_one(&folder))
    }
}

/// The folder of a control group, from a line `0::/PATH` (version 2) or `4:memory:/PATH`.
pub(crate) fn folder(groups: &Path, line: &str) -> Option<PathBuf> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?);
    let controllers = controllers.strip_prefix("name=").unwrap_or(controllers);
    Some(groups.join(controllers).join(path.trim_start_matches('/')))
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

    /// Whether the signal is handled, blocked or pending.
    fn shows(&self, bit: u64) -> bool {
        (self.caught | self.blocked | self.pending) & bit != 0
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
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
    use std::cell::Cell;

    use tempfile::TempDir;

    use super::*;

    const STATUS: &str = "Name:\tsleep\nState:\tS (sleeping)\nNSpid:\t4711\t1\nSigPnd:\t0000000000000000\n\
        ShdPnd:\t0000000000000000\nSigBlk:\t0000000000010000\nSigIgn:\t0000000000000000\n\
        SigCgt:\t0000000000004002\nvoluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t2\n";

    #[test]
    fn the_relevant_fields_are_read() {
        let wanted =
            Status { state: 'S', number: 1, caught: 0x4002, blocked: 0x1_0000, pending: 0, sleeps: 7 };
        assert_eq!(Status::parse(STATUS), Some(wanted));
        for gone in ["NSpid", "SigCgt", "SigBlk", "ShdPnd", "voluntary", "State"] {
            assert_eq!(Status::parse(&STATUS.replace(&format!("\n{gone}"), "\nX")), None, "{gone}");
        }
    }

    const ID: &str = "f2ca1bb6c7e907d06dafe4687e579fce76b37e4e93b7605022da52e6ccc26fd2";
    const TERM: u8 = 15;

    /// The files of a process as a kernel with control groups of version 1 or 2 shows them.
    fn recorded(groups: &str) -> TempDir {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("cgroup"), groups.replace("ID", ID)).unwrap();
        fs::write(folder.path().join("status"), STATUS).unwrap();
        folder
    }

    #[tokio::test(start_paused = true)]
    async fn a_program_that_is_starting_gets_a_moment() {
        let deaf = STATUS.replace("SigCgt:\t0000000000004002", "SigCgt:\t0000000000000002");
        let runs = deaf.replace("S (sleeping)", "R (running)");
        let handles = STATUS.replace("S (sleeping)", "R (running)");
        for (statuses, wanted) in [
            (vec![&deaf], 0),
            (vec![&handles], 0),
            (vec![&runs, &runs, &deaf], 2),
            (vec![&runs, &handles], 1),
            (vec![&runs], START.as_millis() / GLANCE.as_millis()),
        ] {
            let (folder, looks) = (recorded(FIRST), Cell::new(0));
            let look = || {
                let status = statuses.get(looks.replace(looks.get() + 1)).or(statuses.last())?;
                fs::write(folder.path().join("status"), status).unwrap();
                Listener::before(ContainerProcess::at(folder.path().to_owned()), ID, TERM)
            };
            let begun = Instant::now();
            assert!(Listener::at_rest(look).await.is_some());
            assert_eq!(begun.elapsed().as_millis(), wanted * GLANCE.as_millis(), "{looks:?}");
        }
        assert!(Listener::at_rest(|| None).await.is_none());
    }

    const FIRST: &str = "12:pids:/docker/ID\n4:memory:/docker/ID\n1:name=systemd:/docker/ID\n0::/\n";
    const SECOND: &str = "0::/system.slice/docker-ID.scope\n";

    #[test]
    fn the_first_look_decides_what_later_ones_can_prove() {
        let caught = STATUS.to_owned();
        let deaf = STATUS.replace("SigCgt:\t0000000000004002", "SigCgt:\t0000000000000002");
        let blocked = deaf.replace("SigBlk:\t0000000000010000", "SigBlk:\t0000000000004000");
        let pending = deaf.replace("ShdPnd:\t0000000000000000", "ShdPnd:\t0000000000004000");
        let awake = deaf.replace("switches:\t7", "switches:\t8");
        let running = deaf.replace("S (sleeping)", "R (running)");
        let other = deaf.replace("NSpid:\t4711\t1", "NSpid:\t4711\t1\t2");
        for (before, looks) in [
            (&deaf, vec![(&deaf, Fate::Dropped), (&awake, Fate::DroppedAndWoke), (&caught, Fate::Audible)]),
            (&deaf, vec![(&deaf, Fate::Dropped), (&blocked, Fate::Audible)]),
            // It was running at the first look: only a handler that appears later proves that the signal was not
            // received.
            (&deaf, vec![(&awake, Fate::Unclear), (&deaf, Fate::Unclear), (&caught, Fate::Audible)]),
            (&deaf, vec![(&running, Fate::Unclear), (&blocked, Fate::Unknown)]),
            (&caught, vec![(&awake, Fate::Unknown), (&caught, Fate::Unknown)]),
            (&deaf, vec![(&caught, Fate::Unknown), (&deaf, Fate::Unknown)]),
            (&deaf, vec![(&pending, Fate::Unknown)]),
            (&deaf, vec![(&other, Fate::Unknown)]),
        ] {
            for groups in [FIRST, SECOND] {
                let folder = recorded(groups);
                let status = folder.path().join("status");
                fs::write(&status, before).unwrap();
                let process = ContainerProcess::at(folder.path().to_owned());
                let mut listener = Listener::before(process, ID, TERM).unwrap();
                for (at, (look, fate)) in looks.iter().enumerate() {
                    fs::write(&status, look).unwrap();
                    assert_eq!(listener.look(), *fate, "look {at} of {looks:?}");
                }
                fs::write(folder.path().join("cgroup"), "0::/user.slice\n").unwrap();
                assert_eq!(listener.look(), Fate::Unknown);
            }
        }
    }

    #[test]
    fn a_process_is_alone_if_its_groups_contain_no_other_in_both_versions() {
        for (groups, paths) in [
            (FIRST, ["pids/docker/ID", "memory/docker/ID", "systemd/docker/ID"].as_slice()),
            (SECOND, &["system.slice/docker-ID.scope"]),
        ] {
            let (folder, kernel) = (recorded(groups), TempDir::new().unwrap());
            let process = ContainerProcess::at(folder.path().to_owned());
            let listener = Listener::before(process, ID, TERM).unwrap();
            assert!(!listener.is_alone_below(kernel.path()), "nothing is to be seen");
            let folders: Vec<_> =
                paths.iter().map(|path| kernel.path().join(path.replace("ID", ID))).collect();
            for folder in &folders {
                fs::create_dir_all(folder).unwrap();
                fs::write(folder.join("cgroup.procs"), "4711\n").unwrap();
            }
            assert!(listener.is_alone_below(kernel.path()), "{groups}");
            fs::write(folders[0].join("cgroup.procs"), "4711\n4712\n").unwrap();
            assert!(!listener.is_alone_below(kernel.path()), "{groups}");
            fs::write(folders[0].join("cgroup.procs"), "4711\n").unwrap();
            fs::create_dir(folders[0].join("inner")).unwrap();
            assert!(!listener.is_alone_below(kernel.path()), "{groups}");
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
            assert_eq!(folder(Path::new(GROUPS), line), Some(PathBuf::from(path)));
        }
        assert_eq!(folder(Path::new(GROUPS), "no group"), None);
    }
}
