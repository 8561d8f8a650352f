//! Creates a task as a service, and waits for its first placement.

use hyper::header::HeaderValue;
use serde::Deserialize;
use tokio::time::sleep;

use crate::{
    config::{Config, value::duration},
    docker::{
        Docker,
        deadline::Deadline,
        http::patience::when_back,
        http::refusal::{self, call::Call},
        id::EngineId,
        swarm::{POLL, answer::ServiceTask, body, checked, refused, snapshot::Snapshot},
    },
    error::{Error, ErrorKind, Origin},
    event::{Event, Events},
    task::Task,
};

#[derive(Deserialize)]
struct Created {
    #[serde(rename = "ID")]
    id: String,
}

impl Docker {
    /// Creates the task's service. The registry's credentials are sent with it to its node.
    pub(in crate::docker) async fn create_service(
        &self,
        task: &mut Task,
        events: Events<'_>,
    ) -> Result<EngineId, Error> {
        refused::check(&task.config)?;
        body::check_mounts(&task.config)?;
        let exposed = if task.config.network.publish_all {
            self.exposed_by(&task.config, events).await?
        } else {
            Vec::new()
        };
        let body = body::service(task, &exposed, task.owner.as_ref());
        let (auth, _) = self.registry_auth(&task.config.image, events).await;
        events(Event::Creating);
        let created = task.created_by(self.submit(body.to_string().into_bytes(), auth)).await;
        created.map_err(|e| e.during(format!("cannot create {}", task.title())))
    }

    async fn submit(&self, body: Vec<u8>, auth: Option<HeaderValue>) -> Result<EngineId, Error> {
        let headers: Vec<_> = auth.map(|value| ("x-registry-auth", value)).into_iter().collect();
        let created: Created = self.managers.post("/services/create", body.into(), &headers).await?;
        checked(created.id).map(EngineId::Service)
    }

    /// Waits until the service's task runs or has run, and reports why it does not yet. If no deadline is `given`,
    /// Swarm has the default time to find a node, and pulling the image may take as long as necessary.
    pub(in crate::docker) async fn start_service(
        &self,
        id: &str,
        given: Option<Deadline>,
        events: Events<'_>,
    ) -> Result<(), Error> {
        let deadline = given.unwrap_or_else(|| Deadline::after(Config::WAIT_TIMEOUT));
        let mut reported = String::new();
        loop {
            let now = when_back(|| self.snapshot(id)).await?;
            if now.newest().is_some_and(ServiceTask::has_run) {
                return Ok(());
            }
            let (state, reason) = now.reason();
            if now.is_over() {
                return Err(self.failed_task(reason));
            }
            if !reason.is_empty() && reason != reported {
                reported = reason.to_owned();
                events(Event::Waiting { state: state.to_owned(), reason: reported.clone() });
            }
            if deadline.is_over() && (given.is_some() || !now.is_first_placement()) {
                return Err(self.late(&now, deadline));
            }
            sleep(POLL).await;
        }
    }

    /// The error for a service's task that ended with `reason`.
    fn failed_task(&self, reason: &str) -> Error {
        refusal::refusal(Call::ServiceTask, 500, reason, self.transport.engine())
    }

    /// The error for a service whose task did not run by the deadline.
    fn late(&self, now: &Snapshot, deadline: Deadline) -> Error {
        let (state, reason) = now.reason();
        if now.tasks.iter().any(ServiceTask::has_ended) {
            return self.failed_task(reason);
        }
        if now.is_first_placement() {
            return deadline.missed("started").with_source(format!("its node has it {state}"));
        }
        unplaced(reason, deadline)
    }
}

fn unplaced(reason: &str, deadline: Deadline) -> Error {
    let message = format!("Swarm found no node for the task within {}", duration::format(deadline.limit()));
    Error::new(ErrorKind::Unschedulable, message)
        .with_origin(Origin::Engine)
        .with_source(if reason.is_empty() { "it gave no reason".to_owned() } else { reason.to_owned() })
        .with_hint(
            "ask for less --memory or --cpus, loosen --constraint, or wait longer with --wait-timeout; \
             `docker node ls` shows the nodes",
        )
}
