//! `running`: the container's process runs.

use std::time::Duration;

use super::seen::Seen;
use crate::{Container, Docker, Error};

/// A task that waits for its restart tells nobody when it runs.
const POLL: Duration = Duration::from_millis(50);

pub(super) async fn hold(docker: &Docker, container: &Container, seen: &Seen) -> Result<(), Error> {
    let mut status = container.status.clone();
    while status != "running" {
        seen.note(format!("it is {status}"));
        tokio::time::sleep(POLL).await;
        status = docker.inspect(&container.id).await?.status;
    }
    Ok(())
}
