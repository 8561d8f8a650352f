//! The guard: a second process that holds one end of a pipe and removes the task if cube dies without
//! a word, by SIGKILL or a panic. It costs nothing while it waits and ends with cube.

use std::{
    ffi::OsString,
    io::{Read, Write},
    os::unix::process::CommandExt,
    process::{Child, Command, ExitCode, Stdio},
    time::Duration,
};

use cube::{Docker, Error, ErrorKind, Task};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::app;

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
pub struct Guard(Child);

impl Guard {
    /// Posts a guard over the task, which is to be found at `hosts` or by `context`.
    pub fn post(task: &Task, hosts: &[String], context: Option<&str>) -> Result<Self, Error> {
        let mut command = Command::new("/proc/self/exe");
        command.arg0("cube").arg(VERB).arg(task.id.to_string()).args(task.config.swarm.then_some(SWARM));
        command.env("CUBE_HOST", hosts.join(" ")).env("CUBE_CONTEXT", context.unwrap_or_default());
        // A group of its own: Ctrl-C and the end of the terminal's job do not reach it.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().map(Self).map_err(|cause| {
            Error::new(ErrorKind::Output, "cannot start the process that guards the task")
                .with_source(cause)
                .with_hint("see whether the limit of processes is reached: ulimit -u")
        })
    }

    /// The task needs no guard any more.
    pub fn release(mut self) {
        if let Some(mut pipe) = self.0.stdin.take() {
            let _ = pipe.write_all(RELEASED);
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

/// A guard's life: wait for a word or the end of the pipe, then remove what is left.
pub fn serve(order: Order) -> ExitCode {
    let mut word = [0; 1];
    loop {
        match std::io::stdin().lock().read(&mut word) {
            Ok(0) => break,
            Ok(_) => return ExitCode::SUCCESS,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
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
