//! Identifies a process of this machine. Process ids are reused, so a process is known by its id and start time; a pidfd
//! makes sure that a signal reaches no other process.

use std::{fs::read_to_string, os::fd::OwnedFd, str::FromStr};

use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// A process of this machine, by its id and start time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostProcess {
    pid: u32,
    /// When it started, in clock ticks since the machine's start.
    started: u64,
}

impl HostProcess {
    /// The running process `pid`. `None` if it is gone, or `/proc` does not show it.
    pub fn running(pid: u32) -> Option<Self> {
        Self::running_with_group(pid).map(|(process, _)| process)
    }

    /// The same, and its process group.
    pub fn running_with_group(pid: u32) -> Option<(Self, u32)> {
        let stat = read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some((Self { pid, started: start_time(&stat)? }, field(&stat, 5)?))
    }

    /// The bytes that [`HostProcess::from_bytes`] reads.
    pub fn to_bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        let parts = self.pid.to_le_bytes().into_iter().chain(self.started.to_le_bytes());
        bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        bytes
    }

    /// The process that the bytes identify; `None` for the id 0, which no process has.
    pub fn from_bytes(bytes: [u8; 12]) -> Option<Self> {
        let (pid, started) = bytes.split_at(4);
        let pid = u32::from_le_bytes(pid.try_into().ok()?);
        (pid != 0).then_some(Self { pid, started: u64::from_le_bytes(started.try_into().ok()?) })
    }

    /// The process that a word made by [`HostProcess::word`] identifies.
    pub fn parse(word: &str) -> Option<Self> {
        let (pid, started) = word.split_once(':')?;
        let pid = pid.parse().ok().filter(|pid| *pid != 0)?;
        Some(Self { pid, started: started.parse().ok()? })
    }

    /// The process as a word of a command line.
    pub fn word(self) -> String {
        format!("{}:{}", self.pid, self.started)
    }

    /// A pidfd of this process. `None` if the process is gone, or on a kernel before 5.3.
    pub fn open(self) -> Option<OwnedFd> {
        let pid = Pid::from_raw(i32::try_from(self.pid).ok()?)?;
        let handle = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        // The start time is checked after opening: from then on the id cannot be reused.
        (Self::running(self.pid) == Some(self)).then_some(handle)
    }
}

/// Whether a terminal sends its Ctrl-C to this process and its children; `false` if its group began outside of this pid
/// namespace, where nobody can tell. By `/proc`, since rustix takes the 0 of such a group for a process id.
pub fn is_in_foreground() -> bool {
    let stat = read_to_string("/proc/self/stat").unwrap_or_default();
    let (group, terminal, foreground) = (field::<i32>(&stat, 5), field(&stat, 7), field(&stat, 8));
    terminal.is_some_and(|terminal: i32| terminal != 0) && group != Some(0) && group == foreground
}

fn start_time(stat: &str) -> Option<u64> {
    field(stat, 22)
}

/// A field of `/proc/PID/stat` from the third on, counted from the end of the program's name, which may hold any
/// characters.
pub fn field<T: FromStr>(stat: &str, number: usize) -> Option<T> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::ExitStatusExt, process::Command};

    use rustix::process::{Signal, pidfd_send_signal};

    use super::*;

    #[test]
    fn a_process_is_named_by_bytes_and_by_a_word() {
        let process = HostProcess { pid: 4711, started: 1 << 40 };
        assert_eq!(HostProcess::from_bytes(process.to_bytes()), Some(process));
        assert_eq!(HostProcess::parse(&process.word()), Some(process));
        for word in ["", "4711", "4711:", ":1", "x:1", "1:x", "0:1"] {
            assert_eq!(HostProcess::parse(word), None, "{word}");
        }
    }

    #[test]
    fn the_start_time_is_found_after_any_name() {
        let stat = format!("7 (a ) 1 2 (b) S {} 4242 9", "0 ".repeat(18).trim_end());
        assert_eq!(start_time(&stat), Some(4242));
        assert_eq!(start_time("7 (x) S 1"), None);
        assert_eq!(start_time(""), None);
    }

    #[test]
    fn only_the_identified_process_is_opened() {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let meant = HostProcess::running(child.id()).unwrap();
        let another = HostProcess { started: meant.started + 1, ..meant };
        assert!(another.open().is_none());
        let handle = meant.open().unwrap();
        pidfd_send_signal(&handle, Signal::TERM).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(Signal::TERM.as_raw()));
        assert_eq!(HostProcess::running(meant.pid), None);
        assert!(meant.open().is_none());
    }
}
