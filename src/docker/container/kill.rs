//! Sends a signal to a task, or kills and removes it.

use crate::{
    config::value::{name::TaskRef, signal::Signal},
    docker::{Docker, details::Details, handle::RunningTask},
    error::{Error, ErrorKind},
    result::{Action, DockerResult},
};

impl Docker {
    /// Sends a signal to the process of one of cube's own tasks, without removing anything. SIGKILL if none is given.
    ///
    /// # Errors
    /// [`ErrorKind::TaskNotFound`]; [`ErrorKind::WrongState`] for a task that does not run, and for a container that is
    /// not cube's; [`ErrorKind::Unsupported`] on a swarm, which cannot send signals.
    pub async fn kill_task(&self, task: &TaskRef, signal: Option<&Signal>) -> Result<DockerResult, Error> {
        let found = self.find_own(task).await;
        let (found, details) = found.map_err(|error| match error.kind() {
            ErrorKind::WrongState => error.with_hint("`docker kill` sends signals to other containers"),
            _ => error,
        })?;
        let sent = found.signal_if_alive(&details, signal).await;
        sent.map_err(|error| error.with_container(found.id().as_str()))?;
        let after = found.inspect().await.unwrap_or(details);
        Ok(after.result(Action::Kill, self.address()))
    }

    /// Removes one of cube's own tasks with its anonymous volumes; kills it if it runs.
    ///
    /// # Errors
    /// [`ErrorKind::TaskNotFound`], [`ErrorKind::WrongState`] for a container that is not cube's, or the engine's
    /// refusal.
    pub async fn remove_task(&self, task: &TaskRef) -> Result<DockerResult, Error> {
        let (found, details) = self.find_own(task).await?;
        found
            .remove_from(&details.networks)
            .await
            .map_err(|error| error.with_container(found.id().as_str()))?;
        let mut result = details.result(Action::Remove, self.address());
        result.ports.clear();
        Ok(result)
    }
}

impl RunningTask {
    async fn signal_if_alive(&self, details: &Details, signal: Option<&Signal>) -> Result<(), Error> {
        if self.is_service() {
            return Err(Error::new(ErrorKind::Unsupported, "Swarm passes no signals on")
                .with_hint("`cube stop` ends the task with its own stop signal"));
        }
        if !details.is_alive() {
            return Err(Error::new(ErrorKind::WrongState, "the task does not run")
                .with_hint("`cube ps -a` shows the state of each task"));
        }
        self.kill(signal).await
    }
}
