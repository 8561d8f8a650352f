//! From what a user typed to a container or a service: full id, name, unique id prefix, or the task's UUID.

use crate::{
    config::value::name::TaskRef,
    docker::{Docker, details::Details},
    error::{Error, ErrorKind},
};

impl Docker {
    /// The container that `task` names.
    ///
    /// # Errors
    /// [`ErrorKind::TaskNotFound`], [`ErrorKind::AmbiguousTask`] for a prefix of several ids.
    pub async fn find(&self, task: &TaskRef) -> Result<Details, Error> {
        match self.find_container(task).await {
            // Of a task in the swarm the service is what lasts.
            Ok(container) if self.is_of_service(&container).await? => {
                self.inspect(container.service.as_deref().unwrap_or_default()).await
            }
            Err(error) if error.kind() == ErrorKind::TaskNotFound => match self.find_service(task).await {
                Ok(Some(id)) => self.inspect(&id).await,
                Ok(None) => Err(error),
                Err(swarms) => Err(explain(swarms, task)),
            },
            found => found,
        }
    }

    async fn find_container(&self, task: &TaskRef) -> Result<Details, Error> {
        let id = self.resolve(task).await?;
        let found = self.inspect_container(&id).await.map_err(|error| explain(error, task))?;
        // The engine that was meant may have another of that name.
        let is_certain = found.id == task.as_str() || task.as_uuid().is_some() || found.service.is_some();
        if self.passed_over && !is_certain { Err(uncertain(&found, task)) } else { Ok(found) }
    }

    /// What the engine finds the container by: it knows ids and names, but no UUIDs.
    async fn resolve(&self, task: &TaskRef) -> Result<String, Error> {
        let listed = match task.as_uuid() {
            Some(uuid) => self.list_by_task(uuid).await?,
            None => Vec::new(),
        };
        Ok(listed
            .into_iter()
            .next()
            .map_or_else(|| task.as_str().trim_start_matches('/').to_owned(), |found| found.id))
    }
}

fn uncertain(found: &Details, task: &TaskRef) -> Error {
    let message = format!("{task} may be on an engine that does not answer, and is on this one too");
    Error::new(ErrorKind::AmbiguousTask, message).with_hint(format!(
        "name this one's engine alone by --host, or the task by its whole id, {}",
        found.id
    ))
}

/// A failed look-up, in the words of who typed `task`.
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
