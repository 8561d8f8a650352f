//! From what a user typed to a container: full id, name, unique id prefix, or the task's UUID.

use super::{Container, Docker};
use crate::{Error, ErrorKind, TaskRef};

impl Docker {
    /// The container that `task` names.
    ///
    /// # Errors
    /// [`ErrorKind::TaskNotFound`], [`ErrorKind::AmbiguousTask`] for a prefix of several ids.
    pub async fn find(&self, task: &TaskRef) -> Result<Container, Error> {
        if let Some(uuid) = task.as_uuid() {
            if let Some(listed) = self.list_by_task(uuid).await?.first() {
                return self.inspect(&listed.id).await;
            }
        }
        self.inspect(task.as_str()).await.map_err(|error| explain(error, task))
    }
}

fn explain(error: Error, task: &TaskRef) -> Error {
    let text = error.to_string().to_lowercase();
    if text.contains("multiple ids") || text.contains("more than one") {
        return Error::new(ErrorKind::AmbiguousTask, format!("{task} is the beginning of several ids"))
            .with_hint("give more digits; `cube ps -a` lists the ids");
    }
    if error.kind() == ErrorKind::TaskNotFound {
        return Error::new(ErrorKind::TaskNotFound, format!("no such task: {task}"))
            .with_hint("`cube ps -a` lists cube's tasks");
    }
    error
}
