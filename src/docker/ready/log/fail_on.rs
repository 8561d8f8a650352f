//! `--fail-on`: reads the task's output once, from its beginning on, for lines that end the wait as failed.

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

/// How long the rest of the output may take to arrive after the task's end.
const REST: Duration = Duration::from_secs(10);
/// How long the engine may take to write output to its log.
const LAG: Duration = Duration::from_millis(50);

/// The signs of failure, and the matching lines so far.
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

    /// Adds the next output.
    pub(crate) fn take(&mut self, chunk: &Chunk) {
        self.0.iter_mut().for_each(|(_, lines)| lines.feed(chunk));
    }

    /// The error for a line that matched.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.0.iter().find_map(|(sign, lines)| lines.first_match().map(|line| failed(sign, &line)))
    }
}

/// Watches the output of a task for signs of failure.
pub(crate) struct FailureWatch {
    signs: FailureSigns,
    /// `None` if there is no sign to look for, and after the output's end.
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

    /// Returns the error when a line is a sign of failure; never returns otherwise.
    pub(crate) async fn failure(&mut self) -> Error {
        match self.read().await {
            Some(error) => error,
            None => pending().await,
        }
    }

    /// Checks all output written up to now; if the task has `ended`, that is its whole output.
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

    /// Reads the output to its end, or until a line is a sign of failure.
    async fn read(&mut self) -> Option<Error> {
        while let Some(output) = &mut self.output {
            match output.next().await {
                Ok(Some(chunk)) => {
                    self.signs.take(&chunk);
                    if let Some(error) = self.signs.failure() {
                        return Some(error);
                    }
                }
                // The end of a removed task is reported elsewhere.
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
