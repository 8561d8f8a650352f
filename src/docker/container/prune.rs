//! Finds and removes cube's own tasks that are over: finished, expired, or orphaned.

use crate::{
    docker::{Docker, container::list::Listed, labels::TTL},
    error::Error,
    state::State,
};

impl Docker {
    /// cube's own tasks that are over: finished, past their time to live by the engine's clock, or left by a process of
    /// cube that is gone. Never a container that is not cube's.
    ///
    /// # Errors
    /// The engine's.
    pub async fn prunable(&self) -> Result<Vec<Listed>, Error> {
        let mut tasks = self.list(true).await?;
        tasks.extend(self.list_swarm(true).await?);
        tasks.retain(|task| task.is_finished() || task.is_expired());
        Ok(tasks)
    }

    /// Removes a task that is over, with its anonymous volumes, and with cube's networks that no other task uses. A
    /// task that did not run when it was listed, but runs now, is left alone. Returns whether it is gone.
    ///
    /// # Errors
    /// The engine's.
    pub async fn remove_listed(&self, task: &Listed) -> Result<bool, Error> {
        let handle = self.handle(task.id.clone());
        // A task that was listed as running is over for another reason (its age, its owner is gone), which does not
        // change.
        if task.state == State::Running {
            return handle.remove_from(&task.networks).await.map(|()| true);
        }
        match handle.remove_ended().await {
            Ok(()) => self.leave_networks(&task.networks).await.map(|()| true),
            Err(refused) => match handle.inspect().await {
                Ok(details) if details.is_alive() => Ok(false),
                _ => Err(refused),
            },
        }
    }

    /// Removes cube's own tasks that are past their time to live by the engine's clock, on the engine or its `swarm`.
    ///
    /// # Errors
    /// The engine's.
    pub async fn expire(&self, swarm: bool) -> Result<(), Error> {
        let listed = if swarm {
            self.list_swarm(true).await?
        } else {
            self.list_labelled(TTL, true, Listed::is_expired).await?
        };
        for task in listed.iter().filter(|task| task.is_expired()) {
            self.remove_listed(task).await?;
        }
        Ok(())
    }
}
