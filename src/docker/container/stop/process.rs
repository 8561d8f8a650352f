//! Stops a container's process on this machine if no grace was set: sends the signal, and does not wait for a process
//! for which the kernel dropped it.

use std::{pin::pin, time::Duration};

use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use crate::{
    config::value::signal::Signal,
    docker::{
        Docker,
        container::{
            exit::Exit,
            stop::{
                deaf::{Fate, Listener},
                options::{StopOptions, Stopped, Unheard},
            },
        },
    },
    error::{Error, ErrorKind},
};

/// The pause between two looks at a process whose signal was dropped.
const LOOK: Duration = Duration::from_millis(75);
/// How long a process may still install a handler.
const PATIENCE: Duration = Duration::from_secs(1);
/// The engine's grace, if neither the caller nor the container sets one.
const GRACE: Duration = Duration::from_secs(10);
/// How long the engine may take to end a killed process.
const AFTER_KILL: Duration = Duration::from_secs(30);

/// The result of watching a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hearing {
    /// The signal was dropped, and killing it loses nothing.
    Deaf,
    /// The signal was dropped, but it would be received now.
    Late,
    /// Wait for the grace.
    Wait,
}

impl Docker {
    /// Stops the process of the container `id` with its stop signal. If the kernel drops the signal, the process is
    /// killed without a grace, and the result names the signal. `None` if this does not apply: a grace was set, or the
    /// process cannot be seen.
    pub(crate) async fn stop_in_sight(
        &self,
        id: &str,
        options: &StopOptions,
    ) -> Result<Option<Stopped>, Error> {
        let container = self.inspect_container(id).await?;
        if options.timeout.is_some() || container.stop_timeout.is_some() || container.status != "running" {
            return Ok(None);
        }
        let Some(signal) = self.stop_signal(id, options).await else { return Ok(None) };
        let Some(listener) = Listener::of(&container, self.address(), signal.number()).await else {
            return Ok(None);
        };
        let begun = Instant::now();
        self.kill_container(id, Some(&signal)).await?;
        let mut end = pin!(self.wait_for_container(id));
        let verdict = tokio::select! {
            biased;
            ended = &mut end => return gone(ended).map(Some),
            verdict = watch(listener, options.unheard) => verdict,
        };
        if verdict == Hearing::Late {
            self.kill_container(id, Some(&signal)).await?;
        }
        if verdict != Hearing::Deaf
            && let Ok(ended) = timeout(GRACE.saturating_sub(begun.elapsed()), &mut end).await
        {
            return gone(ended).map(Some);
        }
        self.kill_container(id, None).await?;
        let unheard = (verdict == Hearing::Deaf).then_some(signal);
        match timeout(AFTER_KILL, end).await {
            Ok(ended) => gone(ended).map(|_| Some(Stopped { unheard })),
            Err(_) => Err(Error::new(ErrorKind::Engine, "the task runs on after it was killed")
                .with_hint("see `cube ps`, and the engine's log for what holds its process")),
        }
    }

    /// The signal that the stop would send. `None` if the engine has to do the stop: a restart policy would restart the
    /// container after a signal of cube's; and for SIGKILL there is no grace anyway.
    async fn stop_signal(&self, id: &str, options: &StopOptions) -> Option<Signal> {
        let raw = self.raw_container(id).await.ok()?;
        let policy =
            raw.pointer("/HostConfig/RestartPolicy/Name").and_then(Value::as_str).unwrap_or_default();
        if !matches!(policy, "" | "no") {
            return None;
        }
        // podman reports a number.
        let own = match raw.pointer("/Config/StopSignal") {
            Some(Value::String(name)) => name.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let own = if own.is_empty() { "SIGTERM".to_owned() } else { own };
        let signal = options.signal.or_else(|| own.parse().ok())?;
        (signal.to_string() != "SIGKILL").then_some(signal)
    }
}

/// A container that was removed meanwhile has stopped too.
fn gone(ended: Result<Exit, Error>) -> Result<Stopped, Error> {
    match ended {
        Err(error) if error.kind() != ErrorKind::TaskNotFound => Err(error),
        _ => Ok(Stopped::default()),
    }
}

/// Watches the process until it is clear what to do, at most until the grace is over.
async fn watch(mut listener: Listener, unheard: Unheard) -> Hearing {
    let begun = Instant::now();
    let (mut slept_through, mut spared) = (true, false);
    while begun.elapsed() < GRACE {
        match listener.look() {
            Fate::Unknown => return Hearing::Wait,
            Fate::Audible => return Hearing::Late,
            Fate::Dropped => {}
            Fate::Unclear => spared = true,
            Fate::DroppedAndWoke => slept_through = false,
        }
        if begun.elapsed() >= PATIENCE && !spared {
            if unheard == Unheard::Kill || slept_through && listener.is_alone() {
                return Hearing::Deaf;
            }
            // A process that is working may finish within the grace.
            spared = true;
        }
        sleep(LOOK).await;
    }
    Hearing::Wait
}
