//! `--copy-out`: fetches files from a task before it is removed, however it ended. If cube itself was killed, the
//! guard does it.

use std::{fs, process::Command, time::Duration};

use cube::{CopyOut, Docker, Error, ErrorKind, RunningTask, State, TaskRef};
use tokio::time::sleep;
use uuid::Uuid;

use crate::cli::{
    outcome::{Outcome, RUN_FAILED},
    output::{copying::CopyDisplay, stdio},
    session::Session,
    signals::LAST,
};

/// The variable with the copies for the guard: a JSON list.
const VARIABLE: &str = "CUBE_GUARD_COPY_OUT";

/// How many times a guard tries to make a copy, and the pause in between.
const TRIES: usize = 3;
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// The result of the copies at a task's end.
pub enum Fetched {
    /// Every copy was made, or the task failed anyway and a warning names the missing ones.
    Done,
    /// The task succeeded, but a copy failed.
    Failed(Error),
    /// A signal interrupted the copies; the guard makes them.
    LeftToGuard,
}

/// Makes the copies that are due after success or failure. The first signal prints a note, the second one leaves the
/// rest to the guard.
pub async fn fetch(session: &mut Session<'_>, succeeded: bool) -> Fetched {
    let due: Vec<CopyOut> =
        session.config().files.copy_out.iter().filter(|copy| copy.is_due(succeeded)).cloned().collect();
    if due.is_empty() {
        return Fetched::Done;
    }
    let (task, tag, record) = (session.task.clone(), session.task_id().to_string(), session.record.clone());
    let mut display = CopyDisplay::new(session.app);
    let mut failed = None;
    for copy in &due {
        let mut events = |event| display.show(event);
        let mut copying = std::pin::pin!(async {
            let is_all = fs::symlink_metadata(copy.to()).is_err();
            task.copy_out(copy, &tag, &mut events).await?;
            record.keep_copied(&task, copy, is_all, !succeeded).await;
            Ok(())
        });
        let mut reported = false;
        let done = loop {
            tokio::select! {
                done = &mut copying => break done,
                _ = session.signals.next() => {
                    if reported {
                        return Fetched::LeftToGuard;
                    }
                    reported = true;
                    stdio::note(&format!("copying out {copy}; another signal leaves it to the background"));
                }
            }
        };
        if let Err(error) = done
            && let Some(earlier) = failed.replace(error)
        {
            stdio::error(&earlier, session.app.colors_errors());
        }
    }
    match failed {
        Some(error) if succeeded => Fetched::Failed(error),
        Some(error) => {
            stdio::note(&format!("warning: {}", in_one_line(&error)));
            Fetched::Done
        }
        None => Fetched::Done,
    }
}

/// Adds the result of the copies to an outcome: a failed copy makes a successful run fail.
pub fn conclude(mut outcome: Outcome, fetched: Fetched) -> Outcome {
    if let Fetched::Failed(error) = fetched {
        outcome.code = RUN_FAILED;
        outcome.result = outcome.result.map(|result| result.failed(error));
    }
    outcome
}

/// Says what happens to the copies after the detach keys: the guard makes them if it also removes the task at its
/// end.
pub fn explain_left(session: &Session, by_guard: bool) {
    for copy in session.config().files.copy_out.iter().filter(|_| !session.app.global.quiet) {
        stdio::note(&if by_guard {
            format!("{copy} is copied out at the task's end")
        } else {
            let (id, path, to) = (session.task.id(), copy.path(), copy.to().display());
            format!("{copy} is not copied out: use `cube cp {id}:{path} {to}` when the task has ended")
        });
    }
}

/// Kills a task whose start failed, so that its files no longer change, and makes the copies that are due.
pub async fn fetch_failed(session: &mut Session<'_>) -> Fetched {
    if session.config().files.copy_out.is_empty() {
        return Fetched::Done;
    }
    let task = &session.task;
    let ended = async {
        if task.kill(None).await.is_ok() {
            let _ = task.wait().await;
        }
    };
    match session.signals.until(LAST, ended).await {
        Some(()) => fetch(session, false).await,
        None => Fetched::LeftToGuard,
    }
}

fn in_one_line(error: &Error) -> String {
    std::iter::once(error.to_string()).chain(error.causes()).collect::<Vec<_>>().join(": ")
}

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
        match task.copy_out(copy, &task_id.to_string(), &mut |_| {}).await {
            // An engine that does not answer is asked again for as long as a guard goes on.
            Err(error) if is_passing(&error) => return Err(error),
            Err(error) if error.kind() != ErrorKind::Unsupported => sleep(TRY_AGAIN).await,
            _ => break,
        }
    }
    Ok(())
}

fn is_passing(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::EngineUnreachable | ErrorKind::ConnectionLost)
}
