//! Decides whether a container is cube's own: its task label must not come from its image, as after `docker commit`. An
//! image is inspected once for each list, and only if a container of it could be cube's.

use std::collections::{HashMap, hash_map::Entry};

use crate::{
    config::value::name::TaskRef,
    docker::{
        Docker,
        details::Details,
        handle::RunningTask,
        id::{EngineId, is_id},
        labels::{LabelMap, SERVICE, TASK_ID, is_inherited},
    },
    error::{Error, ErrorKind},
};

/// The labels of the images inspected so far; `None` for an image that cannot be inspected.
#[derive(Default)]
pub(crate) struct ImageLabels(HashMap<String, Option<LabelMap>>);

impl ImageLabels {
    /// Whether the container has the label itself, and not from the image with this id.
    pub(crate) async fn leave_own(
        &mut self,
        docker: &Docker,
        name: &str,
        container: &LabelMap,
        image: &str,
    ) -> Result<bool, Error> {
        if !container.contains_key(name) {
            return Ok(false);
        }
        let known = match self.0.entry(image.to_owned()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(docker.image_labels(image).await?),
        };
        Ok(known.as_ref().is_some_and(|image| !is_inherited(name, container, image)))
    }
}

impl Docker {
    /// Finds one of cube's own tasks.
    ///
    /// # Errors
    /// Those of [`Docker::find`]; [`ErrorKind::WrongState`] for a container or service that is not cube's.
    pub async fn find_own(&self, task: &TaskRef) -> Result<(RunningTask, Details), Error> {
        let (found, details) = self.find(task).await?;
        self.check_own(&details, task.as_str()).await?;
        Ok((found, details))
    }

    /// Refuses a container or service that cube did not make. `name` is how the user named it.
    pub(crate) async fn check_own(&self, details: &Details, name: &str) -> Result<(), Error> {
        if self.is_own(details).await? { Ok(()) } else { Err(foreign(details, name)) }
    }

    /// Whether cube made the container or service.
    pub(crate) async fn is_own(&self, container: &Details) -> Result<bool, Error> {
        // A service inherits no labels.
        match &container.id {
            _ if container.task_id.is_none() => Ok(false),
            EngineId::Service(_) => Ok(true),
            EngineId::Container(_) => self.has_own_label(TASK_ID, container).await,
        }
    }

    /// Whether Swarm made the container for a service, and it does not just have the label from its image.
    pub(crate) async fn is_of_service(&self, container: &Details) -> Result<bool, Error> {
        self.has_own_label(SERVICE, container).await
    }

    async fn has_own_label(&self, name: &str, container: &Details) -> Result<bool, Error> {
        ImageLabels::default().leave_own(self, name, &container.labels, &container.image_id).await
    }

    /// The image's labels; `None` if the image is gone, or the engine did not give its id.
    async fn image_labels(&self, image: &str) -> Result<Option<LabelMap>, Error> {
        if !is_id(image.strip_prefix("sha256:").unwrap_or(image)) {
            return Ok(None);
        }
        match self.labels_of_image(image).await {
            Err(error) if is_unanswered(&error) => Err(error),
            labels => Ok(labels.ok()),
        }
    }
}

/// Whether asking again may help: none of these errors means that the image is gone.
fn is_unanswered(error: &Error) -> bool {
    error.is_passing() || error.kind() == ErrorKind::Engine
}

fn foreign(container: &Details, name: &str) -> Error {
    let (kind, command) = container.id.foreign_words();
    Error::new(ErrorKind::WrongState, format!("{name} is a {kind} that cube did not start"))
        .with_hint(format!("`{command} {name}` removes it"))
        .with_container(container.id.as_str())
}
