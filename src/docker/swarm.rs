//! Tasks on Docker Swarm: each task is a service with one replica.
//!
//! It is not a Swarm job: if a job's service is removed, engines lose its running tasks, which then run for ever
//! (moby#42789, moby#44312). A service without restarts does the same work, and its task ends when it is removed.

pub(crate) mod answer;
pub(crate) mod body;
mod create;
mod find;
pub(crate) mod id;
mod list;
pub(crate) mod managers;
pub(crate) mod output;
mod refused;
mod remove;
pub(crate) mod snapshot;

use std::time::Duration;

use tokio::time::sleep;
use uuid::Uuid;

use crate::{
    docker::{
        Docker,
        container::{exit::Exit, stop::options::StopOptions},
        details::Details,
        http::{
            json,
            patience::when_back,
            query::{filters, query},
            refusal,
        },
        id::EngineId,
        labels::TASK_ID,
        swarm::{
            answer::{Node, Service, ServiceTask},
            id::is_swarm_id,
            snapshot::Snapshot,
        },
    },
    error::{Error, ErrorKind},
};

/// The pause between two looks at a task: Swarm sends no events for tasks.
const POLL: Duration = Duration::from_millis(100);

/// Checks the id of a service, because it becomes part of request paths.
fn checked(id: String) -> Result<String, Error> {
    if is_swarm_id(&id) { Ok(id) } else { Err(refusal::bad_answer("/services", &"an id that is no id")) }
}

/// Refuses another signal or grace: they are part of the service, and changing it would restart its task.
pub(crate) fn check_stop(options: &StopOptions) -> Result<(), Error> {
    let flag = match options {
        StopOptions { signal: Some(_), .. } => "--signal",
        StopOptions { timeout: Some(_), .. } => "--time",
        _ => return Ok(()),
    };
    Err(refused::unsupported(&format!("stop {flag}"))
        .with_hint("give the task its own with `cube run --stop-signal` and `--stop-timeout`"))
}

/// The error for connecting streams: Swarm gives only the log of a container.
pub(crate) fn no_streams() -> Error {
    refused::unsupported("attach").with_hint("`cube logs -f` follows the output")
}

impl Docker {
    /// The details of a service, from its newest placement.
    pub(crate) async fn inspect_service(&self, id: &str) -> Result<Details, Error> {
        let now = self.snapshot(id).await?;
        let ended = now.newest().filter(|task| task.has_ended()).and_then(ServiceTask::container_id);
        let container = match ended {
            Some(id) if self.managers.is_first() => self.inspect_container(id).await.ok(),
            _ => None,
        };
        Ok(Details::from(now).with_end_of(container.as_ref()))
    }

    pub(crate) async fn raw_service(&self, id: &str) -> Result<serde_json::Value, Error> {
        let path = format!("/services/{id}");
        json::as_it_is(&path, &self.managers.bytes(&path).await?)
    }

    /// The service with exactly this name.
    pub(crate) async fn service_named(&self, name: &str) -> Result<Details, Error> {
        let found = self.services(TASK_ID).await?.into_iter().find(|s| s.spec.name == name);
        match found {
            Some(service) => self.inspect_service(&service.id).await,
            None => Err(Error::new(ErrorKind::TaskNotFound, format!("no such service: {name}"))),
        }
    }

    /// The id of one task's service, if there is one.
    pub(crate) async fn services_of(&self, task_id: Uuid) -> Result<Vec<EngineId>, Error> {
        let found = self.services(&format!("{TASK_ID}={task_id}")).await?;
        Ok(found.into_iter().map(|service| EngineId::Service(service.id)).collect())
    }

    /// Waits for the final end of the service's task, after any new placements.
    pub(crate) async fn wait_for_service(&self, id: &str) -> Result<Exit, Error> {
        let mut last = None;
        loop {
            let now = match when_back(|| self.snapshot(id)).await {
                Err(gone) if gone.kind() == ErrorKind::TaskNotFound => return self.end_of(last, gone).await,
                now => now?,
            };
            if let Some(task) = now.newest().filter(|_| now.is_over()) {
                return if now.is_lost(task) { Err(lost(&now)) } else { Ok(Exit { code: task.exit_code() }) };
            }
            last = now.newest().map(|task| task.id.clone());
            sleep(POLL).await;
        }
    }

    /// How the task of a removed service ended; Swarm reports that for a short time.
    async fn end_of(&self, task: Option<String>, gone: Error) -> Result<Exit, Error> {
        let Some(task) = task else { return Err(gone) };
        let path = format!("/tasks/{task}");
        loop {
            match when_back(|| self.managers.get::<ServiceTask>(&path)).await {
                Ok(task) if task.has_ended() => return Ok(Exit { code: task.exit_code() }),
                Err(error) if error.kind() == ErrorKind::TaskNotFound => return Err(gone),
                reported => drop(reported?),
            }
            sleep(POLL).await;
        }
    }

    /// The id of the service's container, if it runs on this engine.
    pub(crate) async fn container_here(&self, id: &str) -> Result<String, Error> {
        let now = self.snapshot(id).await?;
        let Some(container) = now.newest().and_then(ServiceTask::container_id) else {
            return Err(elsewhere(&now));
        };
        match self.inspect_container(container).await {
            Err(error) if error.kind() == ErrorKind::TaskNotFound => Err(elsewhere(&now)),
            found => found.map(|container| container.id.into()),
        }
    }

    async fn snapshot(&self, id: &str) -> Result<Snapshot, Error> {
        let service: Service = self.managers.get(&format!("/services/{id}")).await?;
        let tasks = self.tasks_of(&checked(service.id.clone())?).await?;
        let node = match tasks.last().and_then(ServiceTask::node_id) {
            Some(id) => Some(self.managers.get(&format!("/nodes/{id}")).await?),
            None => None,
        };
        Ok(Snapshot { service, tasks, node })
    }

    async fn tasks_of(&self, service: &str) -> Result<Vec<ServiceTask>, Error> {
        let path = query("/tasks", &[("filters", &filters([("service", service)]))]);
        let mut tasks: Vec<ServiceTask> = self.managers.get(&path).await?;
        tasks.retain(|task| is_swarm_id(&task.id));
        ServiceTask::oldest_first(&mut tasks);
        Ok(tasks)
    }
}

fn lost(now: &Snapshot) -> Error {
    let node = now.node.as_ref().map_or("its node", Node::name);
    Error::new(ErrorKind::TaskDied, format!("the node {node} that ran the task is down"))
        .with_hint("Swarm places a task again that has --restart on-failure or always")
}

fn elsewhere(now: &Snapshot) -> Error {
    let place = now.node.as_ref().map_or_else(
        || "the task has no container yet".to_owned(),
        |node| format!("the task runs on {}", node.name()),
    );
    Error::new(ErrorKind::Unsupported, format!("{place}, and a command runs only by that node's own engine"))
        .with_hint("name that engine with --host; Swarm carries no commands to other nodes")
}
