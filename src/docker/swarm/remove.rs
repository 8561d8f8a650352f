//! Removes a service and waits until its containers are gone.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{
    docker::{
        Docker,
        http::patience::when_back,
        http::refusal,
        swarm::{Node, POLL, ServiceTask},
    },
    error::{Error, ErrorKind},
};

/// How long Swarm may take, after the grace, to end a task.
const AFTER_GRACE: Duration = Duration::from_secs(30);
/// Swarm's default grace, in seconds.
const DEFAULT_GRACE: i64 = 10;

impl Docker {
    /// Removes a service: Swarm stops its task with the task's own signal and grace, and removes the container with its
    /// anonymous volumes. Returns when that is done. It is not an error if the service is gone. A container on a node
    /// that is down is removed when the node is back.
    pub(in crate::docker) async fn remove_service(&self, id: &str) -> Result<(), Error> {
        let now = match when_back(|| self.snapshot(id)).await {
            Err(error) if error.kind() == ErrorKind::TaskNotFound => return Ok(()),
            now => now?,
        };
        let path = format!("/services/{id}");
        match when_back(|| self.managers.delete(&path)).await {
            Err(error) if error.kind() == ErrorKind::TaskNotFound => {}
            removed => removed?,
        }
        let grace = now.service.stop_grace().unwrap_or(DEFAULT_GRACE);
        let until = Instant::now() + Duration::from_secs(grace.unsigned_abs()) + AFTER_GRACE;
        for task in &now.tasks {
            self.removed(task, until).await?;
        }
        Ok(())
    }

    async fn removed(&self, task: &ServiceTask, until: Instant) -> Result<(), Error> {
        while when_back(|| self.is_left(task)).await? {
            if Instant::now() >= until {
                return Err(refusal::too_slow(AFTER_GRACE));
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    async fn is_left(&self, task: &ServiceTask) -> Result<bool, Error> {
        let known = self.managers.get::<ServiceTask>(&format!("/tasks/{}", task.id)).await;
        match known {
            Ok(known) => Ok(!self.is_on_dead_node(&known).await?),
            // A node removes the container when it learns that the task is gone. Only this node can be asked.
            Err(error) if error.kind() == ErrorKind::TaskNotFound => self.has_container_of(task).await,
            Err(error) => Err(error),
        }
    }

    async fn has_container_of(&self, task: &ServiceTask) -> Result<bool, Error> {
        let Some(id) = task.container_id() else { return Ok(false) };
        match self.inspect_container(id).await {
            Ok(_) => Ok(true),
            // This node does not answer, while another manager does.
            Err(error) if error.kind() == ErrorKind::TaskNotFound || error.is_passing() => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn is_on_dead_node(&self, task: &ServiceTask) -> Result<bool, Error> {
        let Some(id) = task.node_id() else { return Ok(false) };
        let node: Node = self.managers.get(&format!("/nodes/{id}")).await?;
        Ok(node.is_down())
    }
}
