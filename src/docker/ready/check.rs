//! Runs the container's own health check while cube waits, because the engine runs it only every 30 s by default.

use std::{future::pending, time::Duration};

use serde::Deserialize;
use tokio::time::{Instant, sleep, timeout};

use crate::{
    docker::{
        handle::RunningTask,
        http::json,
        ready::{
            exec::{self, FinishedCommand},
            progress::{Progress, quote},
        },
    },
    error::ErrorKind,
};

/// The pause between two runs at first, how long it stays the same, and the longest pause.
const AGAIN: Duration = Duration::from_millis(100);
const EAGER: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(1);
/// How long a run may take by default; the same as the engine's default.
const DEFAULT_LIMIT: Duration = Duration::from_secs(30);
/// After this many refusals in a row, cube assumes that commands cannot be run in this container.
const REFUSALS: u32 = 3;

/// A health check as the engine would run it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Check {
    command: Vec<String>,
    limit: Duration,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct CheckAnswer {
    healthcheck: Option<Healthcheck>,
    shell: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Healthcheck {
    test: Vec<String>,
    /// In nanoseconds; 0 means the engine's default.
    timeout: u64,
}

impl Check {
    /// The health check of a task's container; `None` if it has none, or runs on another node of a swarm.
    pub(crate) async fn of(task: &RunningTask) -> Option<Self> {
        Self::read(task.raw_container().await.ok()?.get("Config")?)
    }

    fn read(config: &serde_json::Value) -> Option<Self> {
        let answer: CheckAnswer = json::read(config.to_string().as_bytes()).ok()?;
        let check = answer.healthcheck?;
        let (kind, words) = check.test.split_first()?;
        let command = match kind.as_str() {
            "CMD" => words.to_vec(),
            "CMD-SHELL" => shell(answer.shell).into_iter().chain(words.iter().cloned()).collect(),
            _ => return None,
        };
        let limit =
            Some(check.timeout).filter(|nanos| *nanos > 0).map_or(DEFAULT_LIMIT, Duration::from_nanos);
        (!command.is_empty()).then_some(Self { command, limit })
    }

    /// Returns once the check passes. Never returns if cube cannot run it: then only the engine's verdict counts.
    pub(crate) async fn pass(&self, task: &RunningTask, progress: &Progress) {
        let (begun, mut pause, mut refusals) = (Instant::now(), AGAIN, 0);
        loop {
            let run = timeout(self.limit, exec::output(task, self.command.clone())).await;
            match run {
                Ok(Ok(run)) if run.code == 0 => return,
                Ok(Ok(run)) => {
                    refusals = 0;
                    progress.note(describe(&run));
                }
                Ok(Err(error)) if is_passing(error.kind()) => progress.note(error.to_string()),
                Ok(Err(_)) if refusals < REFUSALS => refusals += 1,
                // A run that hangs may hang again, and cannot be ended.
                Ok(Err(_)) | Err(_) => return pending().await,
            }
            if begun.elapsed() >= EAGER {
                pause = LONGEST.min(pause * 3 / 2);
            }
            sleep(pause).await;
        }
    }
}

fn shell(own: Vec<String>) -> Vec<String> {
    if own.is_empty() { ["/bin/sh", "-c"].map(str::to_owned).to_vec() } else { own }
}

/// Whether the next run may succeed: the task is waiting for its restart, or is paused.
fn is_passing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WrongState | ErrorKind::ConnectionLost)
}

fn describe(run: &FinishedCommand) -> String {
    match run.output.trim() {
        "" => format!("its check exited with {} and printed nothing", run.code),
        output => format!("its check exited with {} and printed {}", run.code, quote(output)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_check_is_read_as_the_engine_runs_it() {
        let cases = [
            (json!({"Healthcheck": {"Test": ["CMD", "a", "b"]}}), Some((vec!["a", "b"], 30_000))),
            (
                json!({"Healthcheck": {"Test": ["CMD-SHELL", "a b"], "Timeout": 2_000_000_000_u64}}),
                Some((vec!["/bin/sh", "-c", "a b"], 2000)),
            ),
            (
                json!({"Healthcheck": {"Test": ["CMD-SHELL", "a"]}, "Shell": ["/bin/bash", "-ec"]}),
                Some((vec!["/bin/bash", "-ec", "a"], 30_000)),
            ),
            (
                json!({"Healthcheck": {"Test": ["CMD-SHELL", "a"], "Timeout": null}, "Shell": null}),
                Some((vec!["/bin/sh", "-c", "a"], 30_000)),
            ),
            (json!({"Healthcheck": {"Test": ["NONE"]}}), None),
            (json!({"Healthcheck": {"Test": ["CMD"]}}), None),
            (json!({"Healthcheck": {"Test": []}}), None),
            (json!({"Healthcheck": null}), None),
            (json!({}), None),
            (json!(7), None),
        ];
        for (config, wanted) in cases {
            let read = Check::read(&config).map(|check| (check.command, check.limit.as_millis()));
            let wanted =
                wanted.map(|(words, limit)| (words.iter().map(ToString::to_string).collect(), limit));
            assert_eq!(read, wanted, "{config}");
        }
    }
}
