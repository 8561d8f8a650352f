//! Removal of cube's own tasks that are over: finished, expired, or orphaned.

use chrono::{DateTime, Utc};

use crate::{
    docker::{Docker, container::list::Listed, labels::TTL},
    error::Error,
};

impl Docker {
    /// cube's tasks that nothing needs any more: ended, past their time to live at `now`, or left by
    /// a cube that is gone. Never a container that is not cube's.
    ///
    /// # Errors
    /// The engine's.
    pub async fn prunable(&self, now: DateTime<Utc>) -> Result<Vec<Listed>, Error> {
        let mut tasks = self.list(true).await?;
        tasks.extend(self.list_swarm(true).await?);
        tasks.retain(|task| task.is_finished() || task.is_expired(now));
        Ok(tasks)
    }

    /// Removes cube's tasks that are past their time to live at `now`, on the engine or its `swarm`.
    ///
    /// # Errors
    /// The engine's.
    pub async fn expire(&self, now: DateTime<Utc>, swarm: bool) -> Result<(), Error> {
        let listed = if swarm { self.list_swarm(true).await? } else { self.list_labelled(TTL, true).await? };
        for task in listed.iter().filter(|task| task.is_expired(now)) {
            self.remove(&task.id).await?;
        }
        Ok(())
    }
}
