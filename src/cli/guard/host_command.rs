//! HOST-COMMAND and the processes that it started, for the guard, which ends them if cube was killed. They are known by
//! a variable of their environment with the task's UUID, and by cube's process group. What HOST-COMMAND detached into a
//! session or group of its own is left alone, as it is when cube ends normally.

use std::{
    fs::{read, read_dir},
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Signal, pidfd_send_signal},
};

use crate::cli::guard::host_process::HostProcess;

/// The time between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(10);
/// How many times the guard looks for processes that were started while others ended.
const ROUNDS: usize = 10;
/// How the name of the variable with the task's UUID ends; `--prefix` decides how it begins.
const TASK_ID: &[u8] = b"_TASK_ID";
/// The bytes of a HOST-COMMAND: its group, the process's id, and its start time.
pub const BYTES: usize = 16;

/// A HOST-COMMAND that runs, or is about to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostCommand {
    /// The process group, which is cube's own; 0 if it began outside of this pid namespace.
    group: u32,
    /// Its first process, once it is known.
    first: Option<HostProcess>,
}

impl HostCommand {
    /// One that is started in this process's group.
    pub fn new(first: Option<HostProcess>) -> Self {
        // Not by getpgrp: rustix takes a 0 for a process id.
        let own = HostProcess::running_with_group(std::process::id());
        Self { group: own.map_or(0, |(_, group)| group), first }
    }

    /// The bytes that [`HostCommand::from_bytes`] reads.
    pub fn to_bytes(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        let (group, first) = bytes.split_at_mut(4);
        group.copy_from_slice(&self.group.to_le_bytes());
        first.copy_from_slice(&self.first.map(HostProcess::to_bytes).unwrap_or_default());
        bytes
    }

    /// The command that the bytes identify.
    pub fn from_bytes(bytes: [u8; BYTES]) -> Self {
        let [a, b, c, d, first @ ..] = bytes;
        Self { group: u32::from_le_bytes([a, b, c, d]), first: HostProcess::from_bytes(first) }
    }

    /// The command that a word made by [`HostCommand::word`] identifies.
    pub fn parse(word: &str) -> Option<Self> {
        let (group, first) = match word.split_once(':') {
            Some((group, first)) => (group, Some(HostProcess::parse(first)?)),
            None => (word, None),
        };
        Some(Self { group: group.parse().ok()?, first })
    }

    /// The command as a word of a command line.
    pub fn word(self) -> String {
        self.first.map_or(self.group.to_string(), |first| format!("{}:{}", self.group, first.word()))
    }

    /// Ends all its processes with SIGTERM, and with SIGKILL after a grace; then what they started meanwhile.
    pub fn end(self, task_id: &str) {
        let deadline = Instant::now() + GRACE;
        for _ in 0..ROUNDS {
            let handles = self.handles(task_id);
            if handles.is_empty() {
                return;
            }
            for handle in &handles {
                let _ = pidfd_send_signal(handle, Signal::TERM);
            }
            for handle in &handles {
                if !ends_by(handle, deadline) {
                    let _ = pidfd_send_signal(handle, Signal::KILL);
                }
            }
        }
    }

    /// Pidfds of its processes that run.
    fn handles(self, task_id: &str) -> Vec<OwnedFd> {
        let others = read_dir("/proc").into_iter().flatten().filter_map(|entry| {
            let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let (process, group) = HostProcess::running_with_group(pid)?;
            let is_its_own = group == self.group && Some(process) != self.first && is_named(pid, task_id);
            is_its_own.then_some(process)
        });
        // The process is opened only after that, and it is checked that it is still the same.
        self.first
            .into_iter()
            .chain(others)
            .filter_map(HostProcess::open)
            .filter(|it| !has_ended(it))
            .collect()
    }
}

/// Whether the environment of a process has the task's UUID.
fn is_named(pid: u32, task_id: &str) -> bool {
    names(&read(format!("/proc/{pid}/environ")).unwrap_or_default(), task_id)
}

/// Whether an environment has the task's UUID.
fn names(environment: &[u8], task_id: &str) -> bool {
    environment.split(|byte| *byte == 0).any(|variable| {
        let name = variable.strip_suffix(task_id.as_bytes()).and_then(|rest| rest.strip_suffix(b"="));
        name.is_some_and(|name| name.ends_with(TASK_ID))
    })
}

fn has_ended(handle: &OwnedFd) -> bool {
    ends_by(handle, Instant::now())
}

/// Waits for the end of a process. A pidfd becomes readable then.
fn ends_by(handle: &OwnedFd, deadline: Instant) -> bool {
    let left = Timespec::try_from(deadline.saturating_duration_since(Instant::now())).ok();
    matches!(poll(&mut [PollFd::new(handle, PollFlags::IN)], left.as_ref()), Ok(1..))
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::process::{CommandExt, ExitStatusExt},
        process::{Child, Command},
    };

    use super::*;

    const ID: &str = "6e1c8a52-3b1c-4ac3-9d3a-0f6f7d1f2a11";

    fn sleeper(change: impl FnOnce(&mut Command) -> &mut Command) -> Child {
        change(Command::new("sleep").arg("1000")).spawn().unwrap()
    }

    fn signal(mut child: Child) -> Option<i32> {
        child.wait().unwrap().signal()
    }

    #[test]
    fn a_command_is_named_by_bytes_and_by_a_word() {
        let known = HostCommand { group: 12, first: HostProcess::parse("4711:99") };
        assert!(known.first.is_some());
        let outside = HostCommand { group: 0, first: None };
        for command in [known, HostCommand { group: 12, first: None }, outside] {
            assert_eq!(HostCommand::from_bytes(command.to_bytes()), command);
            assert_eq!(HostCommand::parse(&command.word()), Some(command));
        }
        for word in ["", "-1", "x", "12:", "12:4711", "12:x:1"] {
            assert_eq!(HostCommand::parse(word), None, "{word}");
        }
    }

    #[test]
    fn the_task_is_named_by_a_variable_with_any_prefix() {
        for variable in ["CUBE_TASK_ID", "DB_TASK_ID"] {
            assert!(names(format!("A=b\0{variable}={ID}\0C=d\0").as_bytes(), ID), "{variable}");
        }
        for other in
            [format!("NOTE={ID}"), format!("CUBE_TASK_ID={ID}0"), "CUBE_TASK_ID=".to_owned(), String::new()]
        {
            assert!(!names(other.as_bytes(), ID), "{other}");
        }
    }

    #[test]
    fn all_its_processes_are_ended_and_no_others() {
        let first = sleeper(|command| command.env_clear().env("PATH", "/usr/bin:/bin"));
        let command = HostCommand::new(HostProcess::running(first.id()));
        let child = sleeper(|command| command.env("DB_TASK_ID", ID));
        let mut others = [
            sleeper(|command| command),
            sleeper(|command| command.env("CUBE_TASK_ID", ID.replace('6', "7"))),
            // What was detached.
            sleeper(|command| command.env("CUBE_TASK_ID", ID).process_group(0)),
        ];
        command.end(ID);
        assert_eq!(signal(first), Some(Signal::TERM.as_raw()));
        assert_eq!(signal(child), Some(Signal::TERM.as_raw()));
        for other in &mut others {
            assert!(other.try_wait().unwrap().is_none());
            other.kill().unwrap();
            other.wait().unwrap();
        }
    }
}
