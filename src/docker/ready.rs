//! Waiting until a task is ready: all conditions watched at once, beside the end of its process.

mod automatic;
mod check;
mod exec;
pub(crate) mod exit;
mod file;
mod health;
mod http;
pub(crate) mod lines;
mod log;
mod port;
pub(crate) mod proc;
mod progress;
mod protocol;
mod published;
mod running;
mod sockets;

use std::{future::pending, pin::pin, time::Duration};

use futures_util::future::try_join_all;

use crate::{
    config::value::condition::Condition,
    docker::{deadline::Deadline, details::Details, handle::RunningTask, ready::progress::Progress},
    error::{Error, ErrorKind},
};

/// One condition, and how far it is.
struct Watch<'a> {
    condition: &'a Condition,
    seen: Progress,
}

impl RunningTask {
    /// Returns once all of `conditions` hold, at the latest after `limit`.
    ///
    /// Without [`Condition::Exit`] the end of the container's process (for good: a restart policy may
    /// start it again) ends the wait; with it, the end is waited for and the other conditions must
    /// have held before. What the task wrote before it ended counts.
    ///
    /// # Errors
    /// [`ErrorKind::TaskDied`], [`ErrorKind::TimedOut`] with what each condition last saw,
    /// [`ErrorKind::Unhealthy`], [`ErrorKind::NotPublished`], [`ErrorKind::WrongState`] for a task that
    /// never started, [`ErrorKind::InvalidInput`] for a condition that this container cannot meet,
    /// and the engine's.
    pub async fn ready(&self, conditions: &[Condition], limit: Option<Duration>) -> Result<(), Error> {
        self.ready_by(conditions, limit.map(Deadline::after)).await
    }

    /// The same by a moment that other steps share.
    pub(crate) async fn ready_by(
        &self,
        conditions: &[Condition],
        deadline: Option<Deadline>,
    ) -> Result<(), Error> {
        let watches: Vec<Watch> = conditions
            .iter()
            .filter(|condition| **condition != Condition::Exit)
            .map(|condition| Watch { condition, seen: Progress::default() })
            .collect();
        let until_exit = conditions.contains(&Condition::Exit);
        let whole = Box::pin(self.watch(&watches, until_exit));
        let Some(deadline) = deadline else { return whole.await };
        let done = deadline.cover(whole).await;
        done.unwrap_or_else(|| Err(progress::timed_out(deadline.limit(), &watches)))
    }

    async fn watch(&self, watches: &[Watch<'_>], until_exit: bool) -> Result<(), Error> {
        let container = self.inspect().await?;
        let mut all = pin!(try_join_all(watches.iter().map(|watch| watch.hold(self, &container))));
        let mut end = pin!(self.end());
        tokio::select! {
            biased;
            held = &mut all => held.map(drop)?,
            end = &mut end => {
                let end = end?;
                // A process that did all it had to do has run, be it for a moment.
                let ran = end.started() && (until_exit || end.succeeded());
                return if self.held_before_end(&container, watches, ran).await { Ok(()) } else { Err(end.error()) };
            }
        }
        if until_exit {
            end.await?;
        }
        Ok(())
    }

    /// Whether all that is still open is lines that the task wrote before it ended, or that it `ran`.
    async fn held_before_end(&self, container: &Details, watches: &[Watch<'_>], ran: bool) -> bool {
        for watch in watches.iter().filter(|watch| !watch.seen.held()) {
            let held = match watch.condition {
                Condition::Running => ran,
                Condition::Log { pattern, times } => log::held(self, container, pattern, *times).await,
                Condition::File(path) => file::held(self, path).await,
                _ => false,
            };
            if !held {
                return false;
            }
        }
        true
    }
}

impl Watch<'_> {
    /// Returns once the condition holds. An error means that it never will.
    async fn hold(&self, task: &RunningTask, container: &Details) -> Result<(), Error> {
        let seen = &self.seen;
        let held = match self.condition {
            Condition::Running => running::hold(task, container, seen).await,
            Condition::Healthy => health::hold(task, container, seen).await,
            Condition::Port(port) => port::hold(task, container, *port, seen).await,
            Condition::Log { pattern, times } => log::hold(task, container, pattern, *times, seen).await,
            Condition::Http(http) => http::hold(task, container, http, seen).await,
            Condition::Server { protocol, port } => {
                protocol::hold(task, container, *protocol, *port, seen).await
            }
            Condition::Ready => automatic::hold(task, container, seen).await,
            Condition::File(path) => file::hold(task, path, seen).await,
            Condition::Exec(command) => exec::hold(task, command, seen).await,
            Condition::Exit => Ok(()),
        };
        match held {
            // The container is gone, or stopped: how it ended says more than that it did.
            Err(error) if matches!(error.kind(), ErrorKind::TaskNotFound) => pending().await,
            held => held.inspect(|()| seen.hold()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        address::{Address, Surroundings},
        docker::{Docker, id::EngineId},
    };

    #[tokio::test]
    async fn the_wait_may_be_spawned_on_any_runtime() {
        fn sendable<T: Send>(_: &T) {}
        let address = Address::Unix("/nowhere".into());
        let docker = Docker::connect(address, &Surroundings::of_process(), Docker::ANSWER_TIMEOUT).unwrap();
        let task = docker.handle(EngineId::Container("x".into()));
        let waiting = task.ready(&[], None);
        sendable(&waiting);
        assert_eq!(waiting.await.unwrap_err().kind(), ErrorKind::EngineUnreachable);
    }
}
