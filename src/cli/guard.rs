//! The guard: a second process that holds one end of a pipe and removes the task if cube dies without
//! a word, by SIGKILL or a panic. While it waits it is a fork of cube, which costs next to nothing; only
//! one that has to act becomes a program of its own.

use std::{
    ffi::OsString,
    io::{self, PipeReader, PipeWriter, Read, Write},
    os::unix::process::CommandExt,
    process::{Command, ExitCode},
    time::Duration,
};

use cube::{Docker, Error, ErrorKind, Task};
use fork::Fork;
use rustix::{
    process::{Pid, setpgid},
    thread::set_name,
};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::cli::app;

const VERB: &str = "guard";
/// Behind the task's UUID: where it is to be looked for.
const SWARM: &str = "swarm";
/// What tells the guard that all is well.
const RELEASED: &[u8] = b".";

/// How long a guard goes on trying while no engine answers.
const PATIENCE: Duration = Duration::from_mins(2);
/// Between two tries: nothing tells when the engine is back.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// A guard on post. Dropped without [`Guard::release`], it removes the task.
pub struct Guard(PipeWriter);

impl Guard {
    /// Posts a guard over the task, which is to be found at `hosts` or by `context`.
    pub fn post(task: &Task, hosts: &[String], context: Option<&str>) -> Result<Self, Error> {
        Self::fork(program(task, hosts, context)).map_err(|cause| {
            Error::new(ErrorKind::Output, "cannot start the process that guards the task")
                .with_source(cause)
                .with_hint("see whether the limit of processes is reached: ulimit -u")
        })
    }

    fn fork(program: Command) -> io::Result<Self> {
        let (word, pipe) = io::pipe()?;
        match fork::fork()? {
            Fork::Child => {
                drop(pipe);
                stand(word, program)
            }
            Fork::Parent(child) => {
                leave_group(Pid::from_raw(child));
                Ok(Self(pipe))
            }
        }
    }

    /// The task needs no guard any more.
    pub fn release(mut self) {
        let _ = self.0.write_all(RELEASED);
    }
}

/// What a guard becomes when it has to act.
fn program(task: &Task, hosts: &[String], context: Option<&str>) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("cube").arg(VERB).arg(task.id.to_string()).args(task.config.swarm.then_some(SWARM));
    command.env("CUBE_HOST", hosts.join(" ")).env("CUBE_CONTEXT", context.unwrap_or_default());
    command
}

/// The life of a fork as a guard: to wait for a word, or the end of the pipe.
#[expect(clippy::exit, reason = "a fork must not return into the work of its parent")]
fn stand(word: PipeReader, mut program: Command) -> ! {
    leave_group(None);
    let _ = set_name(c"cube-guard");
    // Whoever reads cube's output must not wait for the guard's.
    let silent = fork::redirect_stdio();
    if silent.is_ok() && !is_released(word) {
        let _ = program.exec();
    }
    std::process::exit(1)
}

/// Puts a process (this one if none is named) into a group of its own: Ctrl-C and the end of the
/// terminal's job do not reach it. Fork and parent both do it, whoever comes first.
fn leave_group(pid: Option<Pid>) {
    let _ = setpgid(pid, pid);
}

fn is_released(mut word: PipeReader) -> bool {
    loop {
        match word.read(&mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read.is_ok_and(|bytes| bytes > 0),
        }
    }
}

/// What a guard is to remove.
#[derive(Clone, Copy)]
pub struct Order {
    task_id: Uuid,
    swarm: bool,
}

/// The task to guard, if this process was started as a guard.
pub fn order(argv: &[OsString]) -> Option<Order> {
    let (task, swarm) = match argv {
        [_, verb, task] if verb == VERB => (task, false),
        [_, verb, task, place] if verb == VERB && place == SWARM => (task, true),
        _ => return None,
    };
    Some(Order { task_id: task.to_str()?.parse().ok()?, swarm })
}

/// Removes what is left.
pub fn serve(order: Order) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map(|runtime| runtime.block_on(clear(order))) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

async fn clear(order: Order) -> Result<(), Error> {
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    let hosts: Vec<String> = var("CUBE_HOST").split_whitespace().map(str::to_owned).collect();
    let context = var("CUBE_CONTEXT");
    let until = Instant::now() + PATIENCE;
    loop {
        match discard(order, &hosts, &context).await {
            Err(error) if is_passing(&error) && Instant::now() < until => sleep(TRY_AGAIN).await,
            discarded => return discarded,
        }
    }
}

async fn discard(order: Order, hosts: &[String], context: &str) -> Result<(), Error> {
    let (docker, _) = app::connect(hosts, Some(context), Docker::ANSWER_TIMEOUT).await?;
    docker.discard_by_id(order.task_id, order.swarm).await
}

/// Whether an engine that restarts gives this error.
fn is_passing(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::EngineUnreachable | ErrorKind::ConnectionLost)
}
