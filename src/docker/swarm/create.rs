//! A task handed to Swarm: its service is created, and its first placement awaited.

use std::time::Duration;

use hyper::header::HeaderValue;
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use crate::{
    config::value::duration,
    docker::{
        Docker,
        http::refusal::{self, call::Call},
        output::follow::when_back,
        swarm::{POLL, ServiceTask, body, checked},
    },
    error::{Error, ErrorKind, Origin},
    event::{Event, Events},
};

#[derive(Deserialize)]
struct Created {
    #[serde(rename = "ID")]
    id: String,
}

impl Docker {
    /// Creates the task's service. The registry's credentials go with it to the node that will run it.
    pub(in crate::docker) async fn create_service(
        &self,
        task: &mut crate::task::Task,
        events: Events<'_>,
    ) -> Result<String, Error> {
        body::check(&task.config)?;
        let exposed = if task.config.network.publish_all {
            self.exposed_by(&task.config, events).await?
        } else {
            Vec::new()
        };
        let body = body::service(task, &exposed, self.owner.as_ref());
        let auth = self.registry_auth(&task.config.image).await?;
        let created = self.submit(task, body.to_string().into_bytes(), auth).await;
        created.map_err(|e| e.during(format!("cannot create {}", task.title())))
    }

    async fn submit(
        &self,
        task: &mut crate::task::Task,
        body: Vec<u8>,
        auth: Option<HeaderValue>,
    ) -> Result<String, Error> {
        let headers: Vec<_> = auth.map(|value| ("x-registry-auth", value)).into_iter().collect();
        task.in_doubt = true;
        let created: Result<Created, Error> =
            self.managers.post("/services/create", body.into(), &headers).await;
        // Only an answer that was lost or is no answer leaves it open whether a service exists.
        let open = |e: &Error| matches!(e.kind(), ErrorKind::ConnectionLost | ErrorKind::BadAnswer);
        let created = created.and_then(|created| checked(created.id));
        task.in_doubt = created.as_ref().is_err_and(open);
        created
    }

    /// Waits until the service's task runs, or ran, telling why it does not yet.
    pub(in crate::docker) async fn start_service(
        &self,
        id: &str,
        limit: Duration,
        events: Events<'_>,
    ) -> Result<(), Error> {
        let (until, mut told) = (Instant::now() + limit, String::new());
        loop {
            let now = when_back(|| self.snapshot(id)).await?;
            if now.newest().is_some_and(ServiceTask::has_run) {
                return Ok(());
            }
            let (state, reason) = now.reason();
            if now.is_over() {
                return Err(self.failed_task(reason));
            }
            if !reason.is_empty() && reason != told {
                told = reason.to_owned();
                events(Event::Waiting { state: state.to_owned(), reason: told.clone() });
            }
            // A node may take its time for the image: the first that was found for the task is not hurried.
            if !now.is_first_placement() && Instant::now() >= until {
                let failed = now.tasks.iter().any(ServiceTask::has_ended);
                return Err(if failed { self.failed_task(reason) } else { unplaced(told, limit) });
            }
            sleep(POLL).await;
        }
    }

    /// The error for a service's task that ended with `reason`.
    fn failed_task(&self, reason: &str) -> Error {
        refusal::refusal(Call::ServiceTask, 500, reason, self.transport.engine())
    }
}

fn unplaced(reason: String, limit: Duration) -> Error {
    let message = format!("Swarm found no node for the task within {}", duration::format(limit));
    Error::new(ErrorKind::Unschedulable, message)
        .with_origin(Origin::Engine)
        .with_source(if reason.is_empty() { "it gave no reason".to_owned() } else { reason })
        .with_hint(
            "ask for less --memory or --cpus, loosen --constraint, or wait longer with --wait-timeout; \
                    `docker node ls` shows the nodes",
        )
}
