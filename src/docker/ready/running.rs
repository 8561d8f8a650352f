//! `running`: the container's process runs.

use std::time::Duration;

use crate::{
    docker::{details::Details, handle::RunningTask, ready::progress::Progress},
    error::Error,
};

/// How often the engine is asked: no event reports that a restarted task runs.
const POLL: Duration = Duration::from_millis(50);

pub(crate) async fn wait(task: &RunningTask, container: &Details, progress: &Progress) -> Result<(), Error> {
    let mut now = container.clone();
    while now.status != "running" {
        let reason = if now.error.is_empty() { String::new() } else { format!(": {}", now.error) };
        progress.note(format!("it is {}{reason}", now.status));
        tokio::time::sleep(POLL).await;
        now = task.inspect().await?;
    }
    Ok(())
}
