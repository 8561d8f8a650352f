//! Waits for a container's process to end.

use std::{pin::pin, time::Duration};

use bollard::{errors::Error as BollardError, query_parameters::WaitContainerOptionsBuilder};
use futures_util::StreamExt;
use tokio::time::{Instant, sleep, timeout};

use crate::{
    docker::{
        Docker,
        container::exit::Exit,
        handle::RunningTask,
        http::{
            patience::when_back,
            refusal::{self, call::Call},
        },
    },
    error::{Error, ErrorKind},
};

/// The pause before a broken wait is started again, and the longest pause.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A wait that lasted this long was probably cut by a proxy, so the pause starts over.
const LASTED: Duration = Duration::from_secs(5);

impl Docker {
    pub(crate) async fn wait_for_container(&self, id: &str) -> Result<Exit, Error> {
        let mut answer = pin!(self.wait_answer(id));
        loop {
            if let Ok(exit) = timeout(self.transport.limit(), &mut answer).await {
                return exit;
            }
            // A dead connection looks like a task that runs for a long time, so ask.
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
            Some(Ok(answer)) => {
                match answer.error.and_then(|error| error.message).filter(|text| !text.is_empty()) {
                    None => Ok(Exit { code: answer.status_code }),
                    Some(text) => Err(refusal::refusal(Call::Container, 500, &text, self.transport.engine())),
                }
            }
            // bollard returns every code but 0 as an error; only one with a text is an engine's error.
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
    /// As [`RunningTask::wait`], but survives a restart of the engine: waits again once the engine is back.
    ///
    /// # Errors
    /// [`ErrorKind::EngineUnreachable`] if it does not come back within 30 s.
    pub async fn wait_through(&self) -> Result<Exit, Error> {
        let mut pause = FIRST_PAUSE;
        loop {
            let begun = Instant::now();
            match self.wait().await {
                Err(error) if is_no_answer(&error) => {
                    let container = when_back(|| self.inspect()).await?;
                    if !container.is_alive() {
                        return Ok(Exit { code: container.exit_code });
                    }
                }
                waited => return waited,
            }
            pause = if begun.elapsed() < LASTED { LONGEST_PAUSE.min(pause * 2) } else { FIRST_PAUSE };
            sleep(pause).await;
        }
    }
}

/// Whether the error says nothing about the process: the connection broke, or the answer was not understood.
pub(crate) fn is_no_answer(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionLost | ErrorKind::BadAnswer)
}
