//! The deadline for a task to be ready, shared by all steps before that.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::{
    config::value::duration,
    error::{Error, ErrorKind},
};

const HINT: &str = "give it longer with --wait-timeout";

/// A point in time, and the limit it was made from, for messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    limit: Duration,
    /// `None` if the time is beyond the range of the clock.
    until: Option<Instant>,
}

impl Deadline {
    /// A deadline `limit` from now.
    pub(crate) fn after(limit: Duration) -> Self {
        Self { limit, until: Instant::now().checked_add(limit) }
    }

    /// The whole limit.
    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    /// Whether it has passed.
    pub(crate) fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// The result of `work`; `None` if the deadline comes first.
    pub(crate) async fn cover<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        match self.until {
            Some(until) => timeout_at(until, work).await.ok(),
            None => Some(work.await),
        }
    }

    /// The error for a task that was not `done` by the deadline.
    pub(crate) fn missed(&self, done: &str) -> Error {
        let limit = duration::format(self.limit);
        Error::new(ErrorKind::TimedOut, format!("the task was not {done} within {limit}")).with_hint(HINT)
    }
}

/// Runs a step that may have no deadline.
pub(crate) async fn in_time<T>(
    deadline: Option<Deadline>,
    done: &str,
    step: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let Some(deadline) = deadline else { return step.await };
    deadline.cover(step).await.unwrap_or_else(|| Err(deadline.missed(done)))
}
