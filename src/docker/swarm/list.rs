//! Lists cube's own tasks on the swarm, found by their label.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::{
    docker::{
        Docker,
        container::{
            list::{Listed, newest_first},
            networks::joined::TaskNetworks,
        },
        details::Details,
        labels::{Labels, TASK_ID},
        swarm::{
            answer::{Node, ServiceTask},
            snapshot::Snapshot,
        },
    },
    error::Error,
};

impl Docker {
    /// cube's own tasks on the swarm, newest first: those that are not over, or `all`. Empty if this engine manages no
    /// swarm.
    ///
    /// # Errors
    /// The engine's.
    pub async fn list_swarm(&self, all: bool) -> Result<Vec<Listed>, Error> {
        let services = self.services(TASK_ID).await?;
        if services.is_empty() {
            return Ok(Vec::new());
        }
        let tasks: Vec<ServiceTask> = self.managers.get("/tasks").await?;
        let nodes: Vec<Node> = self.managers.get("/nodes").await?;
        let nodes: HashMap<String, Node> = nodes.into_iter().map(|node| (node.id.clone(), node)).collect();
        let mut of_service: HashMap<String, Vec<ServiceTask>> = HashMap::new();
        for task in tasks {
            of_service.entry(task.service_id.clone()).or_default().push(task);
        }
        let now = self.managers.current().engine_time();
        let mut listed: Vec<Listed> = services
            .into_iter()
            .filter_map(|service| {
                let mut tasks = of_service.remove(&service.id).unwrap_or_default();
                ServiceTask::oldest_first(&mut tasks);
                let node = tasks.last().and_then(|task| nodes.get(task.node_id()?)).cloned();
                listed(Snapshot { service, tasks, node }, now)
            })
            .collect();
        listed.retain(|task| all || !task.state.is_final());
        newest_first(&mut listed);
        Ok(listed)
    }
}

/// `None` for a service whose label is not a UUID, which is not cube's.
fn listed(seen: Snapshot, now: Option<DateTime<Utc>>) -> Option<Listed> {
    let labels = Labels::read(&seen.service.spec.labels)?;
    let all_labels = seen.service.spec.labels.clone();
    let container = Details::from(seen);
    let place = container.node.as_ref().map(|node| format!(" on {node}")).unwrap_or_default();
    let reason = if container.error.is_empty() { String::new() } else { format!(": {}", container.error) };
    Some(Listed {
        task_id: labels.task_id,
        state: container.state(),
        status: format!("{}{place}{reason}", container.status),
        ports: container.published,
        expires_at: labels.expiry(container.created_at),
        owner: labels.owner,
        labels: all_labels,
        networks: TaskNetworks::default(),
        created_at: container.created_at,
        listed_at: now,
        id: container.id,
        name: container.name,
        image: container.image,
    })
}
