//! The guard of a cube that ended without a word: what it does until nothing is left of the task.

use std::{sync::atomic::Ordering, time::Duration};

use cube::{Docker, Error, ErrorKind};
use tokio::time::{Instant, sleep};

use crate::callers::{ASKED, Caller, NOTHING};

/// How long a guard looks out for a container, and how long it goes on while no engine is there.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long a guard waits for an engine that accepts connections but does not answer.
const HANGING: Duration = Duration::from_hours(1);
/// Between two tries of a guard.
const TRY_AGAIN: Duration = Duration::from_millis(500);

impl Caller {
    /// Whether something was there to remove.
    pub(super) async fn guard(&self) -> Result<bool, Error> {
        let begun = Instant::now();
        let mut there = begun;
        loop {
            let error = match self.clear().await {
                Err(error) => error,
                cleared => return cleared,
            };
            match error.kind() {
                ErrorKind::ConnectionLost if begun.elapsed() < HANGING => there = Instant::now(),
                ErrorKind::EngineUnreachable | ErrorKind::Engine | ErrorKind::BadAnswer
                    if there.elapsed() < PATIENCE => {}
                _ => return Err(error),
            }
            sleep(TRY_AGAIN).await;
        }
    }

    async fn clear(&self) -> Result<bool, Error> {
        let last = self.word.load(Ordering::Relaxed);
        if last == NOTHING && !self.plan.network {
            return Ok(false);
        }
        let docker = self.connect_for(Docker::ANSWER_TIMEOUT);
        let networks = ["net".to_owned()];
        let in_doubt = last == ASKED;
        if in_doubt && self.plan.network {
            docker.remove_unused_networks(&networks).await?;
        }
        let lookout = if in_doubt { PATIENCE } else { Duration::ZERO };
        let found = docker.discard_by_id(self.plan.task, false, lookout).await?;
        if self.plan.network {
            docker.remove_unused_networks(&networks).await?;
        }
        Ok(found)
    }
}
