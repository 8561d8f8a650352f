//! The stop of a container's process on this machine where nobody set a grace: the signal, and no wait for a process
//! that the kernel keeps it from.

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

/// Between two looks at a process that the signal did not reach.
const LOOK: Duration = Duration::from_millis(75);
/// How long a process may still install a handler.
const PATIENCE: Duration = Duration::from_secs(1);
/// The engine's grace, where neither caller nor container says.
const GRACE: Duration = Duration::from_secs(10);
/// What the engine needs to take a process down.
const AFTER_KILL: Duration = Duration::from_secs(30);

/// What came of the looks at a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hearing {
    /// It cannot hear the signal, and nothing is lost without it.
    Deaf,
    /// It can hear the signal now, and did not when it was sent.
    Late,
    /// The grace counts.
    Wait,
}

impl Docker {
    /// Stops the process of the container `id` with the signal that its config says, without a grace for a process that
    /// cannot hear it: then the signal is in the answer. `None` if that is not for this stop: somebody set a grace, or the
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
        let Some(listener) = Listener::of(&container, self.address(), signal.number()) else {
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

    /// The signal that the stop would send. None where the engine has to be left to itself: a policy would start the
    /// container again after a mere signal, and SIGKILL needs no rule.
    async fn stop_signal(&self, id: &str, options: &StopOptions) -> Option<Signal> {
        let raw = self.raw_container(id).await.ok()?;
        let policy =
            raw.pointer("/HostConfig/RestartPolicy/Name").and_then(Value::as_str).unwrap_or_default();
        if !matches!(policy, "" | "no") {
            return None;
        }
        // podman gives a number.
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

/// A container that went meanwhile has stopped.
fn gone(ended: Result<Exit, Error>) -> Result<Stopped, Error> {
    match ended {
        Err(error) if error.kind() != ErrorKind::TaskNotFound => Err(error),
        _ => Ok(Stopped::default()),
    }
}

/// Looks until it is known what to do: at the latest when the grace is over.
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
            // What is at work may be finished within the grace.
            spared = true;
        }
        sleep(LOOK).await;
    }
    Hearing::Wait
}
