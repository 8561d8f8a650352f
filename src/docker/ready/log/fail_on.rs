//! The lines that end a wait as failed: the task's output is read once, from its beginning on, beside the conditions.

use std::{future::pending, time::Duration};

use tokio::time::timeout;

use crate::{
    config::value::condition::fail_on::FailOn,
    docker::{
        details::Details,
        handle::RunningTask,
        output::{frames::Chunk, logs::LogOptions, task_output::Follow},
        ready::log::{lines::MatchedLines, regex},
    },
    error::{Error, ErrorKind, Origin},
};

/// How long the rest of what a task wrote may take to come once it has ended.
const REST: Duration = Duration::from_secs(10);
/// How long the engine may take to have in its log what a task wrote before a condition held.
const LAG: Duration = Duration::from_millis(50);

/// The lines that must not be in a task's output, and what is known of them so far.
#[derive(Default)]
pub(crate) struct FailureSigns(Vec<(FailOn, MatchedLines)>);

impl FailureSigns {
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for what is no regular expression.
    pub(crate) fn of(signs: &[FailOn]) -> Result<Self, Error> {
        let signs = signs.iter().map(|sign| {
            let FailOn::Log(pattern) = sign;
            Ok((sign.clone(), MatchedLines::new(regex(pattern)?)))
        });
        signs.collect::<Result<_, _>>().map(Self)
    }

    /// Adds what the task wrote next.
    pub(crate) fn take(&mut self, chunk: &Chunk) {
        self.0.iter_mut().for_each(|(_, lines)| lines.feed(chunk));
    }

    /// The error for a line that matched.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.0.iter().find_map(|(sign, lines)| lines.first_match().map(|line| failed(sign, &line)))
    }
}

/// The output of a task, read for signs of failure.
pub(crate) struct FailureWatch {
    signs: FailureSigns,
    /// Nothing where there is no sign to look for, and at the output's end.
    output: Option<Follow>,
}

impl FailureWatch {
    pub(crate) async fn open(
        task: &RunningTask,
        container: &Details,
        signs: &[FailOn],
    ) -> Result<Self, Error> {
        let output = match signs {
            [] => None,
            _ => Some(task.logs_of(container, &LogOptions { follow: true, ..LogOptions::default() }).await?),
        };
        Ok(Self { signs: FailureSigns::of(signs)?, output })
    }

    /// Returns with the error once a line is a sign of failure; not at all if none is.
    pub(crate) async fn failure(&mut self) -> Error {
        match self.read().await {
            Some(error) => error,
            None => pending().await,
        }
    }

    /// The same for all that was written by now; once the task has `ended`, that is all it ever wrote.
    pub(crate) async fn failure_by_now(&mut self, ended: bool) -> Option<Error> {
        self.output.as_ref()?;
        if ended {
            return timeout(REST, self.read()).await.ok().flatten();
        }
        if let Ok(Some(failure)) = timeout(LAG, self.read()).await {
            return Some(failure);
        }
        if self.output.as_mut()?.stop_following() { self.read().await } else { None }
    }

    /// Reads the output to its end, or to a line that is a sign of failure.
    async fn read(&mut self) -> Option<Error> {
        while let Some(output) = &mut self.output {
            match output.next().await {
                Ok(Some(chunk)) => {
                    self.signs.take(&chunk);
                    if let Some(error) = self.signs.failure() {
                        return Some(error);
                    }
                }
                // How a task ended that is gone is another's to say.
                Err(error) if error.kind() == ErrorKind::TaskNotFound => self.output = None,
                Ok(None) => self.output = None,
                Err(error) => return Some(error.during("cannot watch the task's output for --fail-on")),
            }
        }
        None
    }
}

fn failed(sign: &FailOn, line: &str) -> Error {
    Error::new(ErrorKind::FailOn, format!("its output matches {sign}: {line}"))
        .with_origin(Origin::Task)
        .with_hint("the lines before it may say why; `cube run --attach` shows all of its output")
}
