//! Waits for a task's final end, and reports it.

use std::time::Duration;

use crate::{
    config::value::signal::Signal,
    docker::{
        container::{exit::Exit, wait::is_no_answer},
        details::Details,
        handle::RunningTask,
    },
    error::{Error, ErrorKind, Origin},
};

/// The pause before the engine is asked again, if it reports both that the task ended and that it runs.
const AGAIN: Duration = Duration::from_millis(100);

/// How a task ended.
pub(crate) struct TaskEnd {
    /// The engine's details; `None` if the task was removed.
    container: Option<Details>,
    code: i64,
}

impl RunningTask {
    /// Returns when the task's process has ended and will not be restarted.
    pub(crate) async fn end(&self) -> Result<TaskEnd, Error> {
        loop {
            let exit = match self.wait().await {
                Ok(exit) => Some(exit),
                // A proxy may have cut the long request; if the engine failed, the next request fails too.
                Err(error) if is_no_answer(&error) => None,
                Err(error) if error.kind() == ErrorKind::TaskNotFound => return Err(removed()),
                Err(error) => return Err(error),
            };
            match (self.inspect_decided().await, exit) {
                (Ok(now), _) if now.is_alive() => {}
                (Ok(now), _) => return Ok(TaskEnd { code: now.exit_code, container: Some(now) }),
                (Err(error), Some(Exit { code })) if error.kind() == ErrorKind::TaskNotFound => {
                    return Ok(TaskEnd { container: None, code });
                }
                (Err(error), None) if error.kind() == ErrorKind::TaskNotFound => return Err(removed()),
                (Err(error), _) => return Err(error),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

fn removed() -> Error {
    Error::new(ErrorKind::TaskDied, "the task was removed before it was ready")
        .with_hint("see who removes it: a second cube command, --replace, --ttl, or `docker rm`")
}

impl TaskEnd {
    /// The end of a removed task.
    pub(crate) fn of_removed(code: i64) -> Self {
        Self { container: None, code }
    }

    /// Whether its process was ever started.
    pub(crate) fn started(&self) -> bool {
        self.container.as_ref().is_none_or(|container| container.started_at.is_some())
    }

    /// Whether its process ended with 0.
    pub(crate) fn succeeded(&self) -> bool {
        self.code == 0
    }

    /// The error for a task that ended before it was ready.
    pub(crate) fn error(&self) -> Error {
        let Some(container) = &self.container else { return ended("exited", self.code, false) };
        if container.started_at.is_none() {
            let message = format!("the task has not started: it is {}", container.status);
            return Error::new(ErrorKind::WrongState, message)
                .with_hint("start it with `docker start`, or run it again");
        }
        ended(state(container), self.code, container.oom_killed)
    }
}

/// The state for a message. `dead` (a container whose removal failed) and `stopped` (podman, before it cleans up) mean
/// `exited`.
fn state(container: &Details) -> &str {
    match container.status.as_str() {
        "dead" | "removing" | "stopped" => "exited",
        status => status,
    }
}

fn ended(state: &str, code: i64, out_of_memory: bool) -> Error {
    let why = match signal(code) {
        _ if out_of_memory => " (out of memory)".to_owned(),
        Some(signal) => format!(" ({signal})"),
        None => String::new(),
    };
    let hint = match code {
        _ if out_of_memory => "give it more with --memory",
        // The engine may miss the kernel's report of a lack of memory (20.10 misses one in six).
        137 => "if nobody killed it, it lacked memory: give it more with --memory",
        _ => "its output says why; `cube run --attach` shows all of it",
    };
    Error::new(ErrorKind::TaskDied, format!("the task {state} with code {code}{why} before it was ready"))
        .with_origin(Origin::Task)
        .with_hint(hint)
}

/// The signal that an exit code above 128 stands for.
fn signal(code: i64) -> Option<Signal> {
    let number = code.checked_sub(128).filter(|number| *number > 0)?;
    number.to_string().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_state_code_and_reason() {
        for (state, code, oom, text) in [
            ("exited", 3, false, "the task exited with code 3 before it was ready"),
            ("exited", 137, false, "the task exited with code 137 (SIGKILL) before it was ready"),
            ("exited", 137, true, "the task exited with code 137 (out of memory) before it was ready"),
            ("exited", 143, false, "the task exited with code 143 (SIGTERM) before it was ready"),
            ("exited", 255, false, "the task exited with code 255 before it was ready"),
        ] {
            let error = ended(state, code, oom);
            assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::TaskDied, text));
            assert!(error.hint().is_some());
        }
    }
}
