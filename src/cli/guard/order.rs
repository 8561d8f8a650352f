//! What a guard that acts is to do, as words of its command line and variables of its environment.

use std::{env, ffi::OsString, fs::File, os::unix::process::CommandExt, process::Command};

use cube::Task;
use rustix::thread::set_name;
use uuid::Uuid;

use crate::cli::guard::{copies, host_command::HostCommand};

const VERB: &str = "guard";
/// The process's name in its command line. It is not `cube`, so that killing cube by its name spares the guard.
pub const TITLE: &str = "task-guard";
/// An argument after the task's UUID: the task is on a swarm.
const SWARM: &str = "swarm";
/// The next argument: the engine has not answered yet whether it made a container.
pub const IN_DOUBT: &str = "in-doubt";
/// The next argument: the task is removed only when it has ended.
pub const AT_END: &str = "at-end";
/// The prefix of the last argument: HOST-COMMAND.
pub const HOST_COMMAND: &str = "host-command=";
/// The variable with the names of the task's networks: a JSON list.
const NETWORKS: &str = "CUBE_GUARD_NETWORKS";
/// The variable with the file that a guard that acts adds a line to for each request and each failure.
const LOG: &str = "CUBE_GUARD_LOG";

/// What a guard has to remove.
#[derive(Clone, Copy)]
pub struct Order {
    pub task_id: Uuid,
    pub swarm: bool,
    pub in_doubt: bool,
    pub at_end: bool,
    pub host: Option<HostCommand>,
}

impl Order {
    /// The task to guard, if this process was started as a guard.
    pub fn read(argv: &[OsString]) -> Option<Self> {
        let [_, verb, task, rest @ ..] = argv else { return None };
        let host_in = |word: &OsString| HostCommand::parse(word.to_str()?.strip_prefix(HOST_COMMAND)?);
        let is_known = |word: &OsString| {
            [SWARM, IN_DOUBT, AT_END].iter().any(|known| word == known) || host_in(word).is_some()
        };
        if verb != VERB || !rest.iter().all(is_known) {
            return None;
        }
        let has = |word: &str| rest.iter().any(|each| each == word);
        let task_id = task.to_str()?.parse().ok()?;
        let (in_doubt, at_end, host) = (has(IN_DOUBT), has(AT_END), rest.iter().find_map(host_in));
        Some(Self { task_id, swarm: has(SWARM), in_doubt, at_end, host })
    }
}

/// Gives this process the guard's name, which `ps` and `pkill` see beside its command line.
pub fn take_name() {
    let _ = set_name(c"task-guard");
}

/// The command that the fork executes when it has to act.
pub fn program(task: &Task, hosts: &[String], context: Option<&str>) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0(TITLE).arg(VERB).arg(task.id.to_string()).args(task.config.swarm.then_some(SWARM));
    if task.config.network.create_network {
        let names: Vec<&str> =
            task.config.network.networks.iter().map(|network| network.name.as_str()).collect();
        command.env(NETWORKS, serde_json::to_string(&names).unwrap_or_default());
    }
    command.env("CUBE_HOST", hosts.join(" ")).env("CUBE_CONTEXT", context.unwrap_or_default());
    if let Some(log) =
        env::var_os(LOG).and_then(|log| File::options().create(true).append(true).open(log).ok())
    {
        command.stderr(log);
    }
    copies::order(&mut command, &task.config.files.copy_out);
    command
}

/// In the guard: whether its standard error is a log.
pub fn has_log() -> bool {
    env::var_os(LOG).is_some()
}

/// In the guard: the names of the networks that its task makes.
pub fn networks() -> Vec<String> {
    serde_json::from_str(&env::var(NETWORKS).unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_reads_the_order_that_was_written() {
        let read = |words: &[&str]| Order::read(&words.iter().map(OsString::from).collect::<Vec<_>>());
        let id = "6e1c8a52-3b1c-4ac3-9d3a-0f6f7d1f2a11";
        let whole = read(&["task-guard", "guard", id, "swarm", "in-doubt"]).unwrap();
        assert!(whole.swarm && whole.in_doubt && whole.task_id.to_string() == id);
        let short = read(&["task-guard", "guard", id]).unwrap();
        assert!(!short.swarm && !short.in_doubt && short.host.is_none());
        let host = read(&["task-guard", "guard", id, "host-command=5:12:34"]).unwrap().host;
        assert_eq!(host, HostCommand::parse("5:12:34"));
        assert!(read(&["task-guard", "guard", id, "host-command=12:34"]).is_none());
        assert!(read(&["cube", "guard", "x"]).is_none() && read(&["cube", "guard", id, "x"]).is_none());
        assert!(read(&["cube", "run", id]).is_none() && read(&["cube"]).is_none());
    }
}
