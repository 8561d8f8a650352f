//! Tasks on Docker Swarm: a task is a service of one replica there. The only place that speaks to a
//! manager's `/services`, `/tasks` and `/nodes`.
//!
//! Not a job: engines lose the tasks of a job's service that is removed, and they run for ever
//! (moby#42789, moby#44312). A service without restarts is the same and goes when it is removed.

mod answer;
pub(crate) mod body;
mod create;
mod find;
pub(crate) mod id;
mod list;
pub(crate) mod managers;
pub(crate) mod output;
mod refused;
mod remove;
mod snapshot;

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

/// Between two looks at a task: Swarm reports no change of a task.
const POLL: Duration = Duration::from_millis(100);

/// An id that stands in later requests: a service's, as it must be.
fn checked(id: String) -> Result<String, Error> {
    if is_swarm_id(&id) { Ok(id) } else { Err(refusal::bad_answer("/services", &"an id that is no id")) }
}

/// Signal and grace are part of the service: a change would start its task anew.
pub(crate) fn check_stop(options: &StopOptions) -> Result<(), Error> {
    let flag = match options {
        StopOptions { signal: Some(_), .. } => "--signal",
        StopOptions { timeout: Some(_), .. } => "--time",
        _ => return Ok(()),
    };
    Err(refused::unsupported(&format!("stop {flag}"))
        .with_hint("give the task its own with `cube run --stop-signal` and `--stop-timeout`"))
}

/// Swarm hands on no streams of a container, only its log.
pub(crate) fn no_streams() -> Error {
    refused::unsupported("attach").with_hint("`cube logs -f` follows the output")
}

impl Docker {
    /// The service as the command line knows a task: its newest placement in a container's words.
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

    /// The service of this very name.
    pub(crate) async fn service_named(&self, name: &str) -> Result<Details, Error> {
        let found = self.services(TASK_ID).await?.into_iter().find(|s| s.spec.name == name);
        match found {
            Some(service) => self.inspect_service(&service.id).await,
            None => Err(Error::new(ErrorKind::TaskNotFound, format!("no such service: {name}"))),
        }
    }

    /// The ids of one task's services: one, or none.
    pub(crate) async fn services_of(&self, task_id: Uuid) -> Result<Vec<EngineId>, Error> {
        let found = self.services(&format!("{TASK_ID}={task_id}")).await?;
        Ok(found.into_iter().map(|service| EngineId::Service(service.id)).collect())
    }

    /// Waits until the service's task has ended for good, wherever Swarm places it meanwhile.
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

    /// How the task of a service ended that was removed, which Swarm reports for a moment.
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

    /// The id of the service's container, if it runs on this very engine.
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
        tasks.sort_by_key(|task| task.created_at);
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
