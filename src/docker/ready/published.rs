//! The current address of a published port, which a restart may change.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    config::value::port::{Binding, Port},
    docker::{
        details::{self, Details},
        handle::RunningTask,
    },
    error::{Error, ErrorKind},
};

/// How long the engine's answer is reused.
const FRESH: Duration = Duration::from_secs(1);

/// How long a published port of a running container may have no address yet, and how often the engine is asked then.
const TOLD_LATE: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A published port.
pub(crate) struct Published {
    port: Port,
    bindings: Vec<Binding>,
    asked: Instant,
    /// Since when its container has been running without an address for it.
    lacking: Option<Instant>,
}

impl Published {
    /// # Errors
    /// [`ErrorKind::NotPublished`]. A container that does not run yet has no bindings, but may get them.
    pub(crate) fn of(task: &RunningTask, container: &Details, port: Port) -> Result<Self, Error> {
        let now = Instant::now();
        let mut published = Self { port, bindings: Vec::new(), asked: now, lacking: None };
        published.take(task, container)?;
        Ok(published)
    }

    /// The bindings, at most one second old.
    pub(crate) async fn bindings(&mut self, task: &RunningTask) -> Result<&[Binding], Error> {
        let fresh = if self.bindings.is_empty() { LOOK_AGAIN } else { FRESH };
        if self.asked.elapsed() >= fresh {
            self.take(task, &task.inspect().await?)?;
            self.asked = Instant::now();
        }
        Ok(&self.bindings)
    }

    fn take(&mut self, task: &RunningTask, container: &Details) -> Result<(), Error> {
        if container.status != "running" {
            self.lacking = None;
            return Ok(());
        }
        let mut bindings = container.ports(task.docker().address()).remove(&self.port).unwrap_or_default();
        if bindings.is_empty() && container.network_mode == "host" {
            let here = Binding { host: "0.0.0.0".to_owned(), port: self.port.number };
            bindings.push(details::reachable(&here, task.docker().address()));
        }
        let since = bindings.is_empty().then(|| self.lacking.unwrap_or_else(Instant::now));
        self.lacking = since;
        let is_late = container.to_publish.contains(&self.port);
        if since.is_some_and(|since| !is_late || since.elapsed() >= TOLD_LATE) {
            let message = format!("port {} is not published, so it cannot be reached from here", self.port);
            return Err(Error::new(ErrorKind::NotPublished, message)
                .with_hint(format!("publish it: -p {}", self.port.number)));
        }
        self.bindings = bindings;
        Ok(())
    }
}
