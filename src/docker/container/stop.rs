//! Stops, kills and removes containers, also those that an interrupted start may have left.

pub(crate) mod deaf;
pub mod options;
mod process;

use std::{pin::pin, time::Duration};

use bollard::query_parameters::{
    KillContainerOptionsBuilder, RemoveContainerOptionsBuilder, StopContainerOptionsBuilder,
    WaitContainerOptionsBuilder,
};
use futures_util::StreamExt;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use crate::{
    config::{
        Config,
        value::{name::TaskRef, signal::Signal},
    },
    docker::{
        Docker,
        container::stop::options::{StopOptions, Stopped},
        details::Details,
        handle::RunningTask,
        http::refusal::{self, text::EngineText},
    },
    error::{Error, ErrorKind},
    result::{Action, DockerResult},
    state::State,
    task::{Existence, Task},
};

/// How long the engine may take, after the grace, to end a process.
const AFTER_GRACE: Duration = Duration::from_secs(30);
/// The engine's own grace in seconds, if neither the caller nor the container sets one.
const DEFAULT_GRACE: i64 = 10;
/// The first version of Docker's API whose stop request can name a signal.
const STOP_SIGNAL: (u32, u32) = (1, 42);
/// How long a create request whose answer was lost may still take effect, and how long a container may be between two
/// states.
const SETTLING: Duration = Duration::from_secs(3);
/// The shortest and the longest pause between two looks for such a container: no event says when a create request fails.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
const LOOK_ON: Duration = Duration::from_secs(4);
/// An engine that takes this long for a list was hanging, so the time does not count.
const HANGING: Duration = Duration::from_secs(1);

impl Docker {
    /// Stops a task (signal, grace, kill), then removes it with its anonymous volumes. A stopped task is only removed.
    /// A container that is not cube's is refused.
    ///
    /// # Errors
    /// [`ErrorKind::TaskNotFound`], [`ErrorKind::WrongState`] for a container that is not cube's.
    pub async fn stop(&self, task: &TaskRef, options: &StopOptions) -> Result<DockerResult, Error> {
        let (found, details) = self.find_own(task).await?;
        found.stop_known(&details, options).await
    }

    pub(crate) async fn stop_container(
        &self,
        id: &str,
        options: &StopOptions,
        own: Option<i64>,
    ) -> Result<Stopped, Error> {
        if own.is_none()
            && options.timeout.is_none()
            && let Some(stopped) = Box::pin(self.stop_in_sight(id, options)).await?
        {
            return Ok(stopped);
        }
        let mut settled = None;
        loop {
            match self.stop_by_engine(id, options, own).await {
                Err(error)
                    if refusal::says(&error, EngineText::has_improper_state)
                        && Instant::now() < *settled.get_or_insert_with(|| Instant::now() + SETTLING) =>
                {
                    self.unpause_or_let_end(id).await?;
                }
                stopped => return stopped.map(|()| Stopped::default()),
            }
        }
    }

    /// podman does not stop a paused container, nor one that is ending. That one is not paused either.
    async fn unpause_or_let_end(&self, id: &str) -> Result<(), Error> {
        match self.within(self.api.unpause_container(id)).await {
            Err(error) if refusal::says(&error, EngineText::has_improper_state) => {
                sleep(LOOK_AGAIN).await;
                Ok(())
            }
            unpaused => unpaused,
        }
    }

    async fn stop_by_engine(&self, id: &str, options: &StopOptions, own: Option<i64>) -> Result<(), Error> {
        if let Some(signal) =
            options.signal.as_ref().filter(|_| !self.transport.engine().is_docker_since(STOP_SIGNAL))
        {
            return Box::pin(self.stop_by_signal(id, signal, options.timeout.map(i64::from).or(own))).await;
        }
        let mut query = StopContainerOptionsBuilder::default();
        if let Some(timeout) = options.timeout {
            query = query.t(timeout);
        }
        if let Some(signal) = &options.signal {
            query = query.signal(&signal.to_string());
        }
        let stop = self.api.stop_container(id, Some(query.build()));
        let grace = options.timeout.map(i64::from).or(own).unwrap_or(DEFAULT_GRACE);
        let Ok(grace) = u64::try_from(grace) else {
            return stop.await.map_err(refusal::from_bollard);
        };
        // The engine answers when the task has stopped, so the limit depends on the grace.
        match timeout(Duration::from_secs(grace) + AFTER_GRACE, stop).await {
            Ok(stopped) => stopped.map_err(refusal::from_bollard),
            Err(_) => Err(refusal::too_slow(AFTER_GRACE)),
        }
    }

    /// The same on an engine that silently ignores the signal of a stop request and sends the container's own.
    async fn stop_by_signal(&self, id: &str, signal: &Signal, grace: Option<i64>) -> Result<(), Error> {
        self.kill_container(id, Some(signal)).await?;
        let mut ended = pin!(self.wait_for_container(id));
        let ended = match u64::try_from(grace.unwrap_or(DEFAULT_GRACE)) {
            Ok(grace) => timeout(Duration::from_secs(grace), &mut ended).await.ok(),
            Err(_) => Some(ended.await),
        };
        if ended.transpose()?.is_none() {
            self.kill_container(id, None).await?;
        }
        // Its restart policy may have restarted it; a stop prevents that.
        let query = StopContainerOptionsBuilder::default().t(0).build();
        match timeout(AFTER_GRACE, self.api.stop_container(id, Some(query))).await {
            Ok(stopped) => stopped.map_err(refusal::from_bollard),
            Err(_) => Err(refusal::too_slow(AFTER_GRACE)),
        }
    }

    pub(crate) async fn kill_container(&self, id: &str, signal: Option<&Signal>) -> Result<(), Error> {
        let signal = signal.map_or_else(|| "SIGKILL".to_owned(), ToString::to_string);
        let query = KillContainerOptionsBuilder::default().signal(&signal).build();
        match self.within(self.api.kill_container(id, Some(query))).await {
            Err(error) if refusal::says(&error, EngineText::is_not_running) => Ok(()),
            killed => killed,
        }
    }

    pub(crate) async fn remove_container(&self, id: &str, force: bool) -> Result<(), Error> {
        let query = RemoveContainerOptionsBuilder::default().force(force).v(true).build();
        let (settled, until) = (Instant::now() + SETTLING, Instant::now() + AFTER_GRACE);
        loop {
            match self.within(self.api.remove_container(id, Some(query.clone()))).await {
                Err(error) if error.kind() == ErrorKind::TaskNotFound => return Ok(()),
                Err(error)
                    if refusal::says(&error, EngineText::is_removal_under_way) && Instant::now() < until =>
                {
                    self.removed_by_others(id).await;
                }
                Err(error)
                    if refusal::says(&error, EngineText::has_improper_state) && Instant::now() < settled =>
                {
                    sleep(LOOK_AGAIN).await;
                }
                removed => return removed,
            }
        }
    }

    /// Waits for a removal that somebody else began: until then the name is in use. The wait is short, because only
    /// another try shows whether that removal failed.
    async fn removed_by_others(&self, id: &str) {
        let query = WaitContainerOptionsBuilder::default().condition("removed").build();
        let mut gone = pin!(self.api.wait_container(id, Some(query)));
        if !matches!(timeout(SETTLING, gone.next()).await, Ok(Some(Ok(_)))) {
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Removes cube's own task with the config's name, if there is one. Any other container or service with that name
    /// is left alone.
    ///
    /// # Errors
    /// The engine's.
    pub async fn replace(&self, config: &Config) -> Result<(), Error> {
        let Some(name) = &config.name else { return Ok(()) };
        match self.named(name.as_str(), config.swarm).await {
            // The name could also match as a prefix of an id.
            Ok(container) if container.name == name.as_str() && self.is_own(&container).await? => {
                self.handle(container.id).remove_from(&container.networks).await
            }
            Err(error) if error.kind() != ErrorKind::TaskNotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes whatever exists of a task whose start failed or was interrupted: its container, or one that an
    /// unanswered create request may still make. `false` if there was none but one may still appear.
    ///
    /// # Errors
    /// The engine's, if it cannot be reached or refuses. The container can still be found by its label then.
    pub(crate) async fn discard(&self, task: &Task) -> Result<bool, Error> {
        let gone = match task.existence() {
            Existence::Known(id) => self.handle(id.clone()).remove_alone().await.map(|()| true),
            Existence::InDoubt => self.discard_by_id(task.id, task.config.swarm, SETTLING).await,
            Existence::Nothing => Ok(true),
        }?;
        self.leave_networks_of(task).await?;
        Ok(gone)
    }

    /// The same by the task's UUID, on the engine or its `swarm`, for a caller that does not know how far the start
    /// got. Looks for the container as long as `lookout`, counted from the engine's first answer, because an engine
    /// that hangs makes the container only later. Returns whether one was found.
    ///
    /// # Errors
    /// As `Run::discard`.
    pub async fn discard_by_id(&self, task_id: Uuid, swarm: bool, lookout: Duration) -> Result<bool, Error> {
        let (mut since, mut seen) = (None, None);
        loop {
            let asked = Instant::now();
            let found = self.all_of(task_id, swarm).await?;
            if asked.elapsed() >= HANGING {
                since = None;
            }
            let looked = since.get_or_insert_with(Instant::now).elapsed();
            if found.is_empty() && (seen.is_some() || looked >= lookout) {
                return Ok(seen.is_some());
            }
            // The engine may list a container that is still being created, but not find it by its id. So only another
            // look shows that it is gone.
            for (task, networks) in &found {
                if seen.get_or_insert_with(Instant::now).elapsed() >= AFTER_GRACE {
                    return Err(still_there());
                }
                task.remove_from(networks).await?;
            }
            // What was seen is expected to go at once.
            sleep(pause_after(seen.map_or(looked, |seen| seen.elapsed()))).await;
        }
    }
}

/// The pause before the next look, after this time of looking: an eighth of it, so that what takes longer to come is
/// noticed that much later, and the engine is asked a third as often.
fn pause_after(looked: Duration) -> Duration {
    (looked / 8).clamp(LOOK_AGAIN, LOOK_ON)
}

impl RunningTask {
    /// Stops the task (signal, grace, kill), then removes it with its anonymous volumes. A stopped task is only
    /// removed. A container that is not cube's is refused.
    ///
    /// # Errors
    /// [`ErrorKind::TaskNotFound`], [`ErrorKind::WrongState`] for a container that is not cube's.
    pub async fn stop(&self, options: &StopOptions) -> Result<DockerResult, Error> {
        let details = self.inspect().await?;
        self.docker().check_own(&details, &details.name).await?;
        self.stop_known(&details, options).await
    }

    async fn stop_known(&self, details: &Details, options: &StopOptions) -> Result<DockerResult, Error> {
        let stopped = self.stop_and_remove(details, options).await;
        stopped.map_err(|error| error.with_container(details.id.as_str()))
    }

    async fn stop_and_remove(&self, details: &Details, options: &StopOptions) -> Result<DockerResult, Error> {
        self.check_stop(options)?;
        let mut stopped = Stopped::default();
        if details.is_alive() {
            stopped = match self.stop_process(options, details.stop_timeout).await {
                // Another client is removing it.
                Err(error) if error.kind() == ErrorKind::TaskNotFound => stopped,
                stopped => stopped?,
            };
        }
        let result = self.last_word(details, options.skip_outcome).await;
        self.remove_from(&details.networks).await?;
        let container_id = Some(details.id.to_string());
        Ok(DockerResult { container_id, unheard: stopped.unheard, ..result })
    }

    /// The result of a stopped task before its removal: its exit code and times.
    async fn last_word(&self, before: &Details, briefly: bool) -> DockerResult {
        let known = briefly || !before.is_alive();
        let after = if known { None } else { self.inspect().await.ok() };
        let mut result = after.as_ref().unwrap_or(before).result(Action::Stop, self.docker().address());
        result.state = Some(State::Completed);
        result.ports.clear();
        result
    }
}

fn still_there() -> Error {
    Error::new(ErrorKind::Engine, "the engine still lists the task after its removal")
        .with_hint("`cube ps -a` shows what is left, `cube prune` removes it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_minutes_of_looking_ask_seldom_and_notice_soon() {
        let (mut looked, mut looks) = (Duration::ZERO, 0);
        while looked < Duration::from_mins(2) {
            let pause = pause_after(looked);
            assert!(pause <= LOOK_AGAIN.max(looked / 8) && pause <= LOOK_ON, "{pause:?} after {looked:?}");
            (looked, looks) = (looked + pause, looks + 1);
        }
        assert!(looks < 70, "{looks} looks");
    }
}
