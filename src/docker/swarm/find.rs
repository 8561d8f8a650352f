//! Finds the service for a task reference: id, name, unique id prefix, the task's UUID, or its container's id.

use crate::{
    config::value::name::TaskRef,
    docker::{
        Docker,
        http::query::{filters, query},
        swarm::{
            answer::{Service, ServiceTask},
            checked,
            id::is_swarm_id,
        },
    },
    error::{Error, ErrorKind},
};

/// The shortest prefix of a container's id that is searched among the tasks.
const LEAST_PREFIX: usize = 12;

impl Docker {
    /// The id of the service that `task` names; `None` if there is none, or if this engine manages no swarm.
    pub(in crate::docker) async fn find_service(&self, task: &TaskRef) -> Result<Option<String>, Error> {
        if let Some(uuid) = task.as_uuid() {
            return Ok(self.services_of(uuid).await?.into_iter().next().map(String::from));
        }
        let path = format!("/services/{}", task.as_str().trim_start_matches('/'));
        match self.managers.get::<Service>(&path).await {
            Ok(service) => checked(service.id).map(Some),
            Err(error) if is_no_manager(&error) => Ok(None),
            Err(error) if error.kind() == ErrorKind::TaskNotFound => self.by_container(task.as_str()).await,
            Err(error) => Err(error),
        }
    }

    /// The services with a label (`NAME` or `NAME=value`); none if this engine manages no swarm.
    pub(crate) async fn services(&self, label: &str) -> Result<Vec<Service>, Error> {
        let path = query("/services", &[("filters", &filters([("label", label)]))]);
        match self.managers.get(&path).await {
            Err(error) if is_no_manager(&error) => Ok(Vec::new()),
            found => found.map(|mut services: Vec<Service>| {
                services.retain(|service| is_swarm_id(&service.id));
                services
            }),
        }
    }

    async fn by_container(&self, prefix: &str) -> Result<Option<String>, Error> {
        if prefix.len() < LEAST_PREFIX {
            return Ok(None);
        }
        let tasks: Vec<ServiceTask> = self.managers.get("/tasks").await?;
        let mut found =
            tasks.into_iter().filter(|t| t.container_id().is_some_and(|id| id.starts_with(prefix)));
        found.next().map(|task| checked(task.service_id)).transpose()
    }
}

/// Whether the engine is in no swarm, is a worker, or does not support Swarm (podman).
fn is_no_manager(error: &Error) -> bool {
    error.kind() == ErrorKind::Unsupported
}
