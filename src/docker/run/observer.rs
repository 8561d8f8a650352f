//! How a task ends that its engine removes at its end, taken down from before its start on: afterwards there is
//! neither an exit code nor a log to ask for.
//!
//! The wait is asked for beside bollard: the engine counts from its answer's head on, which bollard does not report.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hyper::{Method, Response, body::Incoming};
use regex_lite::Regex;
use serde_json::Value;
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};

use crate::{
    config::{Config, readiness::Readiness, value::condition::Condition},
    docker::{
        Docker,
        container::exit::Exit,
        handle::RunningTask,
        http::client::{AnswerKind, next_piece},
        id::EngineId,
        output::{attach::AttachOptions, frames::Chunk},
        ready::{
            exit::TaskEnd,
            log::{fail_on::FailureSigns, lines::MatchedLines},
        },
    },
    error::{Error, ErrorKind},
};

/// How much of the end of the output is kept, in bytes.
const KEPT: usize = 64 << 10;
/// How long an engine may take to say that it waits: not each says so before the end.
const REGISTERED: Duration = Duration::from_secs(10);
/// How long the last output and the exit code may come after the end was noticed.
const LAST_WORDS: Duration = Duration::from_secs(20);
/// The most that an answer to a wait holds, in bytes.
const LONGEST_ANSWER: usize = 64 << 10;

/// How a task ended that its engine has removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Its exit code.
    pub exit: Exit,
    /// What it wrote last, both streams as they came, at most 64 KiB.
    pub last_output: Vec<u8>,
}

/// Reads the output, and waits for the end. Dropped, it lets go of both.
#[derive(Debug)]
pub(super) struct Observer {
    reading: JoinHandle<Option<Exit>>,
    written: Arc<Mutex<Written>>,
    ended: Option<Exit>,
}

/// What the task wrote so far.
#[derive(Default)]
struct Written {
    last: Vec<u8>,
    /// Each `log=` condition, and the lines that matched.
    logs: Vec<(Condition, MatchedLines)>,
    signs: FailureSigns,
}

impl std::fmt::Debug for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Written").field("bytes", &self.last.len()).finish_non_exhaustive()
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl Observer {
    /// Begins before the start of a task that its engine is to remove and that is waited for. `None` for any other,
    /// and where the engine does not hand over the output.
    pub(super) async fn before(task: &RunningTask, config: &Config) -> Option<Self> {
        let EngineId::Container(id) = task.id() else { return None };
        if !config.process.auto_remove || config.readiness.wait_for.is_empty() {
            return None;
        }
        let docker = task.docker().clone();
        let streams = AttachOptions { tty: config.process.tty, ..AttachOptions::default() };
        let (mut attachment, _) = docker.attach_container(id, &streams).await.ok()?;
        let written = Arc::new(Mutex::new(Written::wanted_by(config)));
        let (shared, id) = (Arc::clone(&written), id.clone());
        let (registered, waits) = oneshot::channel();
        let reading = tokio::spawn(async move {
            let output = async {
                while let Ok(Some(chunk)) = attachment.next().await {
                    shared.lock().unwrap_or_else(PoisonError::into_inner).take(&chunk);
                }
            };
            tokio::join!(docker.next_exit(&id, registered), output).0
        });
        let _ = timeout(REGISTERED, waits).await;
        Some(Self { reading, written, ended: None })
    }

    /// What became of a wait that failed because the task ended, or is gone: it held if what was waited for was
    /// written before, or is the end itself.
    pub(super) async fn judge(&mut self, error: Error, readiness: &Readiness) -> Result<(), Error> {
        if !matches!(error.kind(), ErrorKind::TaskDied | ErrorKind::TaskNotFound) {
            return Err(error);
        }
        let Ok(Ok(Some(exit))) = timeout(LAST_WORDS, &mut self.reading).await else { return Err(error) };
        self.ended = Some(exit);
        if let Some(failure) = self.written().signs.failure() {
            return Err(failure);
        }
        let conditions = &readiness.wait_for;
        let ran = exit.code == 0 || conditions.contains(&Condition::Exit);
        let held = |condition: &Condition| match condition {
            Condition::Exit => true,
            Condition::Running => ran,
            Condition::Log { times, .. } => self.written().has_matched(condition, *times),
            _ => false,
        };
        let is_ready =
            if readiness.wait_any { conditions.iter().any(held) } else { conditions.iter().all(held) };
        if is_ready { Ok(()) } else { Err(TaskEnd::of_removed(exit.code).error()) }
    }

    /// How the task ended, if it did while it was waited for.
    pub(super) fn observed(&self) -> Option<Observed> {
        Some(Observed { exit: self.ended?, last_output: self.written().last.clone() })
    }

    fn written(&self) -> std::sync::MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Written {
    fn wanted_by(config: &Config) -> Self {
        let logs = config.readiness.wait_for.iter().filter_map(|condition| match condition {
            Condition::Log { pattern, .. } => {
                Some((condition.clone(), MatchedLines::new(Regex::new(pattern).ok()?)))
            }
            _ => None,
        });
        let signs = FailureSigns::of(&config.readiness.fail_on).unwrap_or_default();
        Self { last: Vec::new(), logs: logs.collect(), signs }
    }

    fn take(&mut self, chunk: &Chunk) {
        self.last.extend_from_slice(&chunk.bytes);
        let excess = self.last.len().saturating_sub(KEPT);
        self.last.drain(..excess);
        self.logs.iter_mut().for_each(|(_, lines)| lines.feed(chunk));
        self.signs.take(chunk);
    }

    /// Whether so many lines matched the pattern of a condition.
    fn has_matched(&self, wanted: &Condition, times: u32) -> bool {
        self.logs.iter().any(|(condition, lines)| condition == wanted && lines.matches() >= times)
    }
}

impl Docker {
    /// The exit code of a container that has not started yet, also if it is removed at its end. `registered` is called
    /// once the engine waits.
    async fn next_exit(&self, id: &str, registered: oneshot::Sender<()>) -> Option<Exit> {
        let path = format!("/containers/{id}/wait?condition=next-exit");
        let answer = self.transport.request(Method::POST, &path, None, &[], AnswerKind::Stream).await.ok()?;
        let _ = registered.send(());
        let answer: Value = serde_json::from_slice(&whole(answer).await).ok()?;
        Some(Exit { code: answer.get("StatusCode")?.as_i64()? })
    }
}

async fn whole(answer: Response<Incoming>) -> Vec<u8> {
    let (mut body, mut bytes) = (answer.into_body(), Vec::new());
    while let Ok(Some(piece)) = next_piece(&mut body).await {
        bytes.extend_from_slice(&piece);
        if bytes.len() > LONGEST_ANSWER {
            break;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::output::frames::Stream;

    #[test]
    fn the_end_of_the_output_is_kept_and_lines_that_were_waited_for_count() {
        let json = r#"{"wait_for":["log*2=ready","port"],"fail_on":["log=bad"]}"#;
        let config = Config::from_json(json.as_bytes(), Some("a".parse().unwrap())).unwrap();
        let mut written = Written::wanted_by(&config);
        let chunk = |text: String| Chunk { stream: Stream::Stdout, bytes: text.into() };
        written.take(&chunk("ready\n".to_owned()));
        let wanted = "log*2=ready".parse().unwrap();
        assert!(!written.has_matched(&wanted, 2) && written.signs.failure().is_none());
        written.take(&chunk("x".repeat(KEPT) + "\nready\n"));
        assert!(
            written.has_matched(&wanted, 2)
                && written.last.len() == KEPT
                && written.last.ends_with(b"x\nready\n")
        );
        written.take(&chunk("too bad\n".to_owned()));
        assert_eq!(written.signs.failure().map(|error| error.kind()), Some(ErrorKind::FailOn));
    }
}
