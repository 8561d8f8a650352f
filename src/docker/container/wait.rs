//! Waiting for a container's process to end.

use std::pin::pin;

use bollard::{errors::Error as BollardError, query_parameters::WaitContainerOptionsBuilder};
use futures_util::StreamExt;
use tokio::time::timeout;

use crate::{
    docker::{Docker, handle::RunningTask, http::refusal, output::follow},
    error::{Error, ErrorKind},
};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code; 128 + n if signal n ended it.
    pub code: i64,
}

impl Docker {
    pub(crate) async fn wait_for_container(&self, id: &str) -> Result<Exit, Error> {
        let mut answer = pin!(self.wait_answer(id));
        loop {
            if let Ok(exit) = timeout(self.transport.limit(), &mut answer).await {
                return exit;
            }
            // A connection that died without a word looks like a task that runs for long.
            let container = self.inspect_container(id).await?;
            if !container.is_alive() {
                return Ok(Exit { code: container.exit_code });
            }
        }
    }

    async fn wait_answer(&self, id: &str) -> Result<Exit, Error> {
        let query = WaitContainerOptionsBuilder::default().condition("not-running").build();
        let mut answers = pin!(self.api.wait_container(id, Some(query)));
        match answers.next().await {
            Some(Ok(answer)) => Ok(Exit { code: answer.status_code }),
            // bollard makes an error of every code but 0; only one with a text is the engine's.
            Some(Err(BollardError::DockerContainerWaitError { error, code })) if error.is_empty() => {
                Ok(Exit { code })
            }
            Some(Err(error)) => Err(refusal::from_bollard(error)),
            None => Err(Error::new(ErrorKind::ConnectionLost, "the engine stopped waiting for the task")
                .with_hint("see whether the engine was restarted")),
        }
    }
}

impl RunningTask {
    /// As [`RunningTask::wait`], through a restart of the engine: the exit code is asked for again once it is back.
    ///
    /// # Errors
    /// [`ErrorKind::EngineUnreachable`] if it does not come back within 30 s.
    pub async fn wait_through(&self) -> Result<Exit, Error> {
        loop {
            match self.wait().await {
                Err(error) if error.kind() == ErrorKind::ConnectionLost => {
                    let container = follow::when_back(|| self.inspect()).await?;
                    if !container.is_alive() {
                        return Ok(Exit { code: container.exit_code });
                    }
                }
                waited => return waited,
            }
        }
    }
}
