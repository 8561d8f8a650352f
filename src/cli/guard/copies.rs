//! `--copy-out` after cube was killed: the guard fetches the files before it removes the task.

use std::{process::Command, time::Duration};

use cube::{CopyOut, Docker, Error, ErrorKind, RunningTask, State, TaskRef};
use tokio::time::sleep;
use uuid::Uuid;

use crate::cli::output::stdio;

/// The variable with the copies for the guard: a JSON list.
const VARIABLE: &str = "CUBE_GUARD_COPY_OUT";

/// How many times a guard tries to make a copy, and the pause in between.
const TRIES: usize = 3;
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// Passes the copies on to a guard.
pub fn order(command: &mut Command, copies: &[CopyOut]) {
    if let Ok(list) = serde_json::to_string(copies)
        && !copies.is_empty()
    {
        command.env(VARIABLE, list);
    }
}

/// In the guard: makes the copies before the task is removed. A running task is killed first, so that its files no
/// longer change.
pub async fn rescue(docker: &Docker, task_id: Uuid) -> Result<(), Error> {
    let list = std::env::var(VARIABLE).unwrap_or_default();
    let copies: Vec<CopyOut> = serde_json::from_str(&list).unwrap_or_default();
    if copies.is_empty() {
        return Ok(());
    }
    let task: TaskRef = task_id.to_string().parse()?;
    let (task, container) = match docker.find(&task).await {
        Err(error) if error.kind() == ErrorKind::TaskNotFound => return Ok(()),
        found => found?,
    };
    if container.state() == State::Scheduled {
        return Ok(());
    }
    let succeeded = !container.is_alive() && container.exit_code == 0;
    if container.is_alive() {
        task.kill(None).await?;
        task.wait().await?;
    }
    for copy in copies.iter().filter(|copy| copy.is_due(succeeded)) {
        fetch_unseen(&task, copy, task_id).await?;
    }
    Ok(())
}

/// Makes one copy, and tries again after any failure: nobody sees an error, and the task is about to be removed.
async fn fetch_unseen(task: &RunningTask, copy: &CopyOut, task_id: Uuid) -> Result<(), Error> {
    for _ in 0..TRIES {
        let Err(error) = task.copy_out(copy, &task_id.to_string(), &mut |_| {}).await else { break };
        tracing::info!("{}", stdio::one_line(&error));
        match error.kind() {
            // An engine that does not answer is asked again for as long as a guard goes on.
            _ if error.is_passing() => return Err(error),
            ErrorKind::Unsupported => break,
            _ => sleep(TRY_AGAIN).await,
        }
    }
    Ok(())
}
