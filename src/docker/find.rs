//! Finds the container or service for a task reference: full id, name, unique id prefix, or the task's UUID.

use uuid::Uuid;

use crate::{
    config::value::name::TaskRef,
    docker::{Docker, container::networks::joined::TaskNetworks, details::Details, handle::RunningTask},
    error::{Error, ErrorKind},
};

impl Docker {
    /// Finds a task, and returns its handle and the engine's details.
    ///
    /// # Errors
    /// [`ErrorKind::TaskNotFound`], [`ErrorKind::AmbiguousTask`] for a prefix of several ids.
    pub async fn find(&self, task: &TaskRef) -> Result<(RunningTask, Details), Error> {
        let details = match self.find_container(task).await {
            // For a task on a swarm, the service is the task; its container may change.
            Ok(container) if self.is_of_service(&container).await? => match &container.service {
                Some(id) => self.inspect_service(id).await?,
                None => container,
            },
            Err(error) if error.kind() == ErrorKind::TaskNotFound => match self.find_service(task).await {
                Ok(Some(id)) => self.inspect_service(&id).await?,
                Ok(None) => return Err(error),
                Err(swarms) => return Err(explain(swarms, task)),
            },
            found => found?,
        };
        Ok((self.handle(details.id.clone()), details))
    }

    /// The engine's own JSON of a task, unchanged.
    ///
    /// # Errors
    /// As [`Docker::find`].
    pub async fn inspect_raw(&self, task: &TaskRef) -> Result<serde_json::Value, Error> {
        let (found, _) = self.find(task).await?;
        found.inspect_raw().await.map_err(|error| explain(error, task))
    }

    /// The container or service named `name`. A container may also match by a prefix of its id.
    pub(crate) async fn named(&self, name: &str, swarm: bool) -> Result<Details, Error> {
        if swarm { self.service_named(name).await } else { self.inspect_container(name).await }
    }

    /// The handle of a task that exists, with its networks; empty if there is none.
    pub(crate) async fn all_of(
        &self,
        task_id: Uuid,
        swarm: bool,
    ) -> Result<Vec<(RunningTask, TaskNetworks)>, Error> {
        if swarm {
            let services = self.services_of(task_id).await?;
            return Ok(services.into_iter().map(|id| (self.handle(id), TaskNetworks::default())).collect());
        }
        let listed = self.list_by_task(task_id).await?;
        Ok(listed.into_iter().map(|task| (self.handle(task.id), task.networks)).collect())
    }

    async fn find_container(&self, task: &TaskRef) -> Result<Details, Error> {
        let id = self.resolve(task).await?;
        let found = self.inspect_container(&id).await.map_err(|error| explain(error, task))?;
        // An engine before this one did not answer; it may have another task of that name.
        let is_certain =
            found.id.as_str() == task.as_str() || task.as_uuid().is_some() || found.service.is_some();
        if self.passed_over && !is_certain { Err(uncertain(&found, task)) } else { Ok(found) }
    }

    /// The name or id by which the engine finds the container: it does not know UUIDs.
    async fn resolve(&self, task: &TaskRef) -> Result<String, Error> {
        let listed = match task.as_uuid() {
            Some(uuid) => self.list_by_task(uuid).await?,
            None => Vec::new(),
        };
        Ok(listed
            .into_iter()
            .next()
            .map_or_else(|| task.as_str().trim_start_matches('/').to_owned(), |found| found.id.into()))
    }
}

fn uncertain(found: &Details, task: &TaskRef) -> Error {
    let message = format!("{task} may be on an engine that does not answer, and is on this one too");
    Error::new(ErrorKind::AmbiguousTask, message).with_hint(format!(
        "name this one's engine alone by --host, or the task by its whole id, {}",
        found.id
    ))
}

/// A failed look-up, as an error that names `task` as the user typed it.
pub(crate) fn explain(error: Error, task: &TaskRef) -> Error {
    let text = error.to_string().to_lowercase();
    if text.contains("multiple ids") || text.contains("is ambiguous") || text.contains("more than one") {
        return Error::new(ErrorKind::AmbiguousTask, format!("{task} is the beginning of several ids"))
            .with_hint("give more digits; `cube ps -a` lists the ids");
    }
    if error.kind() == ErrorKind::TaskNotFound {
        return Error::new(ErrorKind::TaskNotFound, format!("no such task: {task}"))
            .with_hint("`cube ps -a` lists cube's tasks");
    }
    error
}
