//! `running`: the container's process runs.

use std::time::Duration;

use crate::{
    docker::{Docker, details::Details, ready::progress::Progress},
    error::Error,
};

/// A task that waits for its restart tells nobody when it runs.
const POLL: Duration = Duration::from_millis(50);

pub(crate) async fn hold(docker: &Docker, container: &Details, seen: &Progress) -> Result<(), Error> {
    let mut now = container.clone();
    while now.status != "running" {
        let reason = if now.error.is_empty() { String::new() } else { format!(": {}", now.error) };
        seen.note(format!("it is {}{reason}", now.status));
        tokio::time::sleep(POLL).await;
        now = docker.inspect(&container.id).await?;
    }
    Ok(())
}
