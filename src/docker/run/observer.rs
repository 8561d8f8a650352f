//! Observes a task that its engine removes at its end: its exit code and last output cannot be requested afterwards, so
//! they are recorded from before the start.
//!
//! The wait request does not go through bollard: the engine waits as soon as it has sent the head of its answer, and
//! bollard does not report when the head has come.

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
/// How long an engine may take to send the head of its answer. Some engines send it only at the task's end.
const REGISTERED: Duration = Duration::from_secs(10);
/// How long to wait for the last output and the exit code after the end was noticed.
const LAST_WORDS: Duration = Duration::from_secs(20);
/// The largest answer to a wait request, in bytes.
const LONGEST_ANSWER: usize = 64 << 10;

/// The end of a task that its engine has removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Its exit code.
    pub exit: Exit,
    /// Its last output, both streams in the order in which they came, at most 64 KiB.
    pub last_output: Vec<u8>,
}

/// Reads the output and waits for the end, until it is dropped.
#[derive(Debug)]
pub(super) struct Observer {
    reading: JoinHandle<Option<Exit>>,
    written: Arc<Mutex<Written>>,
    ended: Option<Exit>,
}

/// The task's output so far.
#[derive(Default)]
struct Written {
    last: Vec<u8>,
    /// Each `log=` condition, and its matching lines.
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
    /// Begins to observe a task before its start, if its engine will remove it and there are conditions to wait for.
    /// `None` otherwise, and if the engine does not give its output.
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

    /// Decides about a wait that failed because the task ended or is gone, or because the engine is removing it and
    /// answers with something else than its output: it succeeded if the expected lines were
    /// written before, or if the end itself was waited for.
    pub(super) async fn judge(&mut self, error: Error, readiness: &Readiness) -> Result<(), Error> {
        if !matches!(error.kind(), ErrorKind::TaskDied | ErrorKind::TaskNotFound | ErrorKind::BadAnswer) {
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

    /// The end of the task, if it ended during the wait.
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

    /// Whether enough lines matched the pattern of a condition.
    fn has_matched(&self, wanted: &Condition, times: u32) -> bool {
        self.logs.iter().any(|(condition, lines)| condition == wanted && lines.matches() >= times)
    }
}

impl Docker {
    /// Waits for the exit code of a container that has not started yet, even if it is removed at its end. `registered`
    /// is signalled when the engine waits.
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
