//! `--copy-out`: fetches files from a task before it is removed, however it ended. If cube itself was killed, the guard
//! does it (`guard/copies.rs`).

use std::fs;

use cube::{CopyOut, Error, RunningTask};

use crate::cli::{
    outcome::{Outcome, RUN_FAILED},
    output::{copying::CopyDisplay, stdio},
    session::supervisor::Supervisor,
    signals::LAST,
};

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
pub async fn fetch(supervisor: &mut Supervisor<'_>, task: &RunningTask, succeeded: bool) -> Fetched {
    let due: Vec<CopyOut> =
        supervisor.config().files.copy_out.iter().filter(|copy| copy.is_due(succeeded)).cloned().collect();
    if due.is_empty() {
        return Fetched::Done;
    }
    let (tag, record) = (supervisor.task_id().to_string(), supervisor.record.clone());
    let mut display = CopyDisplay::new(supervisor.app);
    let mut failed = None;
    for copy in &due {
        let mut events = |event| display.show(event);
        let mut copying = std::pin::pin!(async {
            let is_all = fs::symlink_metadata(copy.to()).is_err();
            task.copy_out(copy, &tag, &mut events).await?;
            record.keep_copied(task, copy, is_all, !succeeded).await;
            Ok(())
        });
        let mut reported = false;
        let done = loop {
            tokio::select! {
                done = &mut copying => break done,
                _ = supervisor.signals.next() => {
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
            stdio::error(&earlier, supervisor.app.colors_errors());
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
pub fn explain_left(supervisor: &Supervisor<'_>, task: &RunningTask, by_guard: bool) {
    for copy in supervisor.config().files.copy_out.iter().filter(|_| !supervisor.app.global.quiet) {
        stdio::note(&if by_guard {
            format!("{copy} is copied out at the task's end")
        } else {
            let (id, path, to) = (task.id(), copy.path(), copy.to().display());
            format!("{copy} is not copied out: use `cube cp {id}:{path} {to}` when the task has ended")
        });
    }
}

/// Kills a task whose start failed, so that its files no longer change, and makes the copies that are due.
pub async fn fetch_failed(supervisor: &mut Supervisor<'_>, task: &RunningTask) -> Fetched {
    if supervisor.config().files.copy_out.is_empty() {
        return Fetched::Done;
    }
    let ended = async {
        if task.kill(None).await.is_ok() {
            let _ = task.wait().await;
        }
    };
    match supervisor.signals.until(LAST, ended).await {
        Some(()) => fetch(supervisor, task, false).await,
        None => Fetched::LeftToGuard,
    }
}

fn in_one_line(error: &Error) -> String {
    std::iter::once(error.to_string()).chain(error.causes()).collect::<Vec<_>>().join(": ")
}
