//! The events that methods report while they run, for showing progress.

use std::time::Duration;

/// Receives the events of a method while it runs.
pub type Events<'a> = &'a mut (dyn FnMut(Event) + Send);

/// A step of a method. The library only reports it, and prints nothing.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The request to create the container is about to be sent.
    Creating,
    /// The container exists.
    Created,
    /// A pull begins.
    PullStarted {
        /// The image, as the task names it.
        image: String,
    },
    /// The state of a layer changed.
    PullProgress {
        /// The layer's short id.
        layer: String,
        /// The engine's status text (`Downloading`, `Extracting`).
        status: String,
        /// The bytes done and the total, if the engine reports them.
        progress: Option<(u64, u64)>,
    },
    /// A pull continues, but the engine has reported nothing for a second. Repeated every second.
    PullSilent {
        /// The image, as the task names it.
        image: String,
    },
    /// A pull succeeded.
    PullFinished {
        /// The image, as the task names it.
        image: String,
        /// Its digest (`sha256:…`), if the engine reports it.
        digest: Option<String>,
    },
    /// A pull failed and will be tried again.
    PullRetried {
        /// The image, as the task names it.
        image: String,
        /// Why it failed.
        reason: String,
        /// The pause before the next try.
        delay: Duration,
    },
    /// Files are being copied, in or out.
    Copying {
        /// The path in the container.
        path: String,
        /// Bytes of the archive so far.
        bytes: u64,
    },
    /// Swarm has not started the task yet.
    Waiting {
        /// Swarm's state of the task (`pending`, `preparing`).
        state: String,
        /// Swarm's reason.
        reason: String,
    },
    /// The task is not ready yet. Reported at the beginning of the wait, and every second.
    NotReady {
        /// Each condition that does not hold yet, and what was seen instead.
        waiting_for: String,
        /// The time since the beginning of the wait.
        elapsed: Duration,
    },
    /// The task is ready as its config says.
    Ready {
        /// The duration of the wait.
        elapsed: Duration,
    },
    /// A problem that the caller should know, but that does not stop the method.
    Warning(String),
}
