//! A task's first process, seen on this machine: its end shows here before the engine tells it.

use crate::{
    address::Address,
    docker::{details::Details, handle::RunningTask, id::EngineId, ready::proc::ContainerProcess},
    error::Error,
    result::{Action, DockerResult},
};

/// The first process that a task had when it was looked for. One that a restart policy starts later is another.
pub struct FirstProcess {
    process: ContainerProcess,
    id: EngineId,
}

impl FirstProcess {
    fn of(details: &Details, engine: &Address) -> Option<Self> {
        let process = ContainerProcess::of(details, engine)?;
        Some(Self { process, id: details.id.clone() })
    }

    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        !self.process.belongs_to(&self.id)
    }
}

impl RunningTask {
    /// As [`RunningTask::result`], and the task's first process if this machine shows it: the engine may be on another
    /// one.
    ///
    /// # Errors
    /// [`ErrorKind::TaskNotFound`](crate::ErrorKind::TaskNotFound) if it is gone.
    pub async fn result_with_process(
        &self,
        action: Action,
    ) -> Result<(DockerResult, Option<FirstProcess>), Error> {
        let (details, engine) = (self.inspect_published().await?, self.docker().address());
        Ok((details.result(action, engine), FirstProcess::of(&details, engine)))
    }
}
