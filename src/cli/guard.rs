//! The guard: a second process that reads from a pipe and removes the task if cube dies unexpectedly, by SIGKILL or a
//! panic; it also ends HOST-COMMAND of `with` then. While it waits it is a cheap fork of cube; when it has to act, it
//! executes cube again. It ignores all signals but SIGKILL, and it changes its command line, so that `pkill -f cube`
//! does not end both.

mod command_line;
mod copies;
mod host_command;
pub mod host_process;
pub mod order;
pub mod removal;
pub mod words;

use std::{
    io::{self, PipeReader},
    os::unix::process::CommandExt,
    process::Command,
};

use cube::{Error, ErrorKind, Task};
use fork::Fork;
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::retry_on_intr,
    process::{Pid, setpgid},
};

use crate::cli::guard::{
    host_command::HostCommand,
    host_process::HostProcess,
    order::{AT_END, HOST_COMMAND, IN_DOUBT, TITLE, program, take_name},
    words::{HOST_ENDED, LEFT, MADE, NOTHING, RELEASED, Word, last_word},
};

/// A running guard. If it is dropped without [`Guard::release`], the guard removes the task.
pub struct Guard(Word);

impl Guard {
    /// Starts a guard for the task. The engine is found by `hosts` or `context`.
    pub fn post(task: &Task, hosts: &[String], context: Option<&str>) -> Result<Self, Error> {
        Self::fork(task, hosts, context).map_err(|cause| {
            Error::new(ErrorKind::Output, "cannot start the process that guards the task")
                .with_source(cause)
                .with_hint("see whether a limit is reached, of processes or of open files: ulimit -u -n")
        })
    }

    fn fork(task: &Task, hosts: &[String], context: Option<&str>) -> io::Result<Self> {
        let program = program(task, hosts, context);
        let (word, pipe) = io::pipe()?;
        // The fork starts with all signals blocked.
        let mut signals = SigSet::all();
        // A program that it starts, for example ssh, needs SIGCHLD for its own children.
        signals.remove(Signal::SIGCHLD);
        let mask = signals.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        let forked = fork::fork();
        if matches!(forked, Ok(Fork::Child)) {
            drop(pipe);
            stand(word, program, task.config.network.create_network, &format!("{TITLE}\0{}", task.id));
        }
        mask.thread_set_mask()?;
        if let Fork::Parent(child) = forked? {
            leave_group(Pid::from_raw(child));
        }
        Ok(Self(Word::through(pipe)))
    }

    /// The way to report the progress of the task's start.
    pub fn word(&self) -> Word {
        self.0.clone()
    }

    /// Has the guard end HOST-COMMAND and what it starts if cube dies: before it is started without a `pid`, so that it
    /// is known at any moment, and then with the one of its process.
    pub fn watch_host(&self, pid: Option<u32>) {
        self.0.name_host(HostCommand::new(pid.and_then(HostProcess::running)));
    }

    /// HOST-COMMAND has ended: what it left running stays.
    pub fn forget_host(&self) {
        self.0.say(HOST_ENDED);
    }

    /// Lets the task run on; the guard removes it at its end.
    pub fn release_until_end(self) {
        self.0.say(LEFT);
    }

    /// The task needs no guard any more: it ends when the pipe closes.
    pub fn release(self) {
        self.0.say(RELEASED);
    }
}

/// Runs in the fork: waits for the end of the pipe. If the task makes networks, there may be a network to remove even
/// if there is no container.
#[expect(clippy::exit, reason = "a fork must not return into the work of its parent")]
fn stand(word: PipeReader, mut program: Command, makes_network: bool, title: &str) -> ! {
    leave_group(None);
    take_name();
    let _ = command_line::set(title);
    // A reader of cube's output must not have to wait for the guard to end.
    let silent = fork::redirect_stdio();
    // With events, each message would wake the guard; it acts only at the end.
    let _ = retry_on_intr(|| poll(&mut [PollFd::new(&word, PollFlags::empty())], None));
    let (last, host) = last_word(word);
    match last {
        RELEASED => {}
        NOTHING if !makes_network => {}
        _ if silent.is_err() => {}
        _ => {
            program.args(match last {
                MADE | NOTHING => None,
                LEFT => Some(AT_END),
                _ => Some(IN_DOUBT),
            });
            drop(program.args(host.map(|host| HOST_COMMAND.to_owned() + &host.word())).exec());
        }
    }
    std::process::exit(1)
}

/// Moves a process (this one if `None`) into a process group of its own, so that Ctrl-C and the end of the terminal's
/// job do not reach it. The fork and its parent both do this; the first one succeeds.
fn leave_group(pid: Option<Pid>) {
    let _ = setpgid(pid, pid);
}
