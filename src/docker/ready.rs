//! Waits until a task is ready: watches all conditions and the end of its process at the same time.

mod automatic;
mod check;
mod exec;
pub(crate) mod exit;
mod file;
mod health;
mod http;
pub(crate) mod log;
pub(crate) mod port;
pub(crate) mod proc;
mod progress;
pub(crate) mod protocol;
mod published;
mod running;
mod watch;

use std::{pin::pin, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::{
    config::{readiness::Readiness, value::condition::fail_on::FailOn},
    docker::{
        container::exit::Exit,
        deadline::Deadline,
        details::Details,
        handle::RunningTask,
        ready::{exit::TaskEnd, log::fail_on::FailureWatch, watch::Watches},
    },
    error::{Error, ErrorKind},
    event::{Event, Events},
};

/// How often the progress of a wait is reported.
const REPORT: Duration = Duration::from_secs(1);

impl RunningTask {
    /// Returns when the task is ready: all conditions hold, or one of them if that is enough. Without a `wait_timeout`
    /// there is no time limit.
    ///
    /// The final end of the container's process, after any restarts by its policy, ends the wait as failed. With
    /// [`crate::Condition::Exit`] it is a condition, and the other conditions must hold before. Output and files that
    /// the task left before its end count.
    ///
    /// # Errors
    /// [`ErrorKind::TaskDied`], [`ErrorKind::TimedOut`] with what each condition last saw, [`ErrorKind::FailOn`] with
    /// the line, [`ErrorKind::Unhealthy`], [`ErrorKind::NotPublished`], [`ErrorKind::WrongState`] for a task that
    /// never started, [`ErrorKind::InvalidInput`] for a condition that this container cannot meet,
    /// and the engine's.
    pub async fn ready(&self, readiness: &Readiness) -> Result<(), Error> {
        self.ready_with(readiness, &mut |_| ()).await
    }

    /// The same, with events: [`Event::NotReady`] every second, and [`Event::Ready`].
    ///
    /// # Errors
    /// As [`RunningTask::ready`].
    pub async fn ready_with(&self, readiness: &Readiness, events: Events<'_>) -> Result<(), Error> {
        self.ready_by(readiness, readiness.wait_timeout.map(Deadline::after), events).await
    }

    /// The same, with a deadline that other steps share.
    pub(crate) async fn ready_by(
        &self,
        readiness: &Readiness,
        deadline: Option<Deadline>,
        events: Events<'_>,
    ) -> Result<(), Error> {
        let watches = Watches::of(readiness);
        let whole = Box::pin(self.watch(&watches, readiness));
        let mut done = pin!(async {
            let Some(deadline) = deadline else { return whole.await };
            let done = deadline.cover(whole).await;
            done.unwrap_or_else(|| Err(watches.timed_out(deadline.limit())))
        });
        let begun = Instant::now();
        let not_ready = || Event::NotReady { waiting_for: watches.describe(), elapsed: begun.elapsed() };
        // Also if the conditions hold at the first look: the first tick of an interval may come after that.
        events(not_ready());
        let mut report = interval_at(begun + REPORT, REPORT);
        report.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                done = &mut done => {
                    return done.inspect(|()| events(Event::Ready { elapsed: begun.elapsed() }));
                }
                _ = report.tick() => events(not_ready()),
            }
        }
    }

    /// Waits until its process does not run, as [`RunningTask::wait_through`], unless a line of its output matches one
    /// of the signs before.
    ///
    /// # Errors
    /// [`ErrorKind::FailOn`] with the line, and those of [`RunningTask::wait_through`].
    pub async fn wait_unless(&self, signs: &[FailOn]) -> Result<Exit, Error> {
        if signs.is_empty() {
            return self.wait_through().await;
        }
        let mut failures = FailureWatch::open(self, &self.inspect().await?, signs).await?;
        let exit = tokio::select! {
            biased;
            error = failures.failure() => return Err(error),
            exit = self.wait_through() => exit?,
        };
        // Its policy may have restarted it; then its output continues.
        let ended = !self.inspect_decided().await.is_ok_and(|now| now.is_alive());
        failures.failure_by_now(ended).await.map_or(Ok(exit), Err)
    }

    async fn watch(&self, watches: &Watches<'_>, readiness: &Readiness) -> Result<(), Error> {
        let container = self.inspect().await?;
        let mut failures = FailureWatch::open(self, &container, &readiness.fail_on).await?;
        let done = tokio::select! {
            biased;
            error = failures.failure() => return Err(error),
            done = self.reach(watches, &container) => done,
        };
        // Output that was written earlier may arrive later than what other conditions saw.
        let ended = match &done {
            Ok(ended) => *ended,
            Err(error) if error.kind() == ErrorKind::TaskDied => true,
            Err(_) => return done.map(drop),
        };
        failures.failure_by_now(ended).await.map_or(done.map(drop), Err)
    }

    /// Returns when the conditions hold, and whether the task has ended by then. An error means that they can never
    /// hold.
    async fn reach(&self, watches: &Watches<'_>, container: &Details) -> Result<bool, Error> {
        let mut held = pin!(watches.wait(self, container));
        let mut end = pin!(self.end());
        tokio::select! {
            biased;
            held = &mut held => held?,
            end = &mut end => return self.ended_first(watches, container, &end?).await.map(|()| true),
        }
        if watches.want_exit_too() {
            end.await?;
        }
        Ok(watches.want_exit_too())
    }

    /// The result of the wait if the task ended while conditions were open.
    async fn ended_first(
        &self,
        watches: &Watches<'_>,
        container: &Details,
        end: &TaskEnd,
    ) -> Result<(), Error> {
        // A process that succeeded has run, even if only for a moment.
        let ran = end.started() && (watches.until_exit || end.succeeded());
        let held = ran && watches.take_exit() || watches.held_before_end(self, container, ran).await;
        if held { Ok(()) } else { Err(end.error()) }
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
        let readiness = Readiness::default();
        let waiting = task.ready(&readiness);
        sendable(&waiting);
        assert_eq!(waiting.await.unwrap_err().kind(), ErrorKind::EngineUnreachable);
    }
}
