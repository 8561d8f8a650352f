//! Waiting for a container's process to end.

use bollard::{errors::Error as BollardError, query_parameters::WaitContainerOptionsBuilder};
use futures_util::StreamExt;

use super::{Docker, fault};
use crate::{Error, ErrorKind};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code; 128 + n if signal n ended it.
    pub code: i64,
}

impl Docker {
    /// Waits until the container does not run and tells its exit code. A container that was never
    /// started does not run.
    ///
    /// # Errors
    /// [`ErrorKind::TaskNotFound`], [`ErrorKind::ConnectionLost`], or the engine's own failure.
    pub async fn wait(&self, id: &str) -> Result<Exit, Error> {
        let query = WaitContainerOptionsBuilder::default().condition("not-running").build();
        let mut answers = std::pin::pin!(self.api.wait_container(id, Some(query)));
        match answers.next().await {
            Some(Ok(answer)) => Ok(Exit { code: answer.status_code }),
            // bollard makes an error of every code but 0; only one with a text is the engine's.
            Some(Err(BollardError::DockerContainerWaitError { error, code })) if error.is_empty() => {
                Ok(Exit { code })
            }
            Some(Err(error)) => Err(fault::from_bollard(error)),
            None => Err(Error::new(ErrorKind::ConnectionLost, "the engine stopped waiting for the task")
                .with_hint("see whether the engine was restarted")),
        }
    }
}
