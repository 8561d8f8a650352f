//! What happens while a method runs: for whoever wants to show progress.

use std::time::Duration;

/// Takes the events of a method while it runs.
pub type Events<'a> = &'a mut (dyn FnMut(Event) + Send);

/// A step on the way. The library reports; it prints nothing.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A request is about to be sent that makes the container.
    Creating,
    /// The container exists.
    Created,
    /// A pull begins.
    PullStarted {
        /// The image, as the task names it.
        image: String,
    },
    /// A layer moved on.
    PullProgress {
        /// The layer's short id.
        layer: String,
        /// What is being done with it, in the engine's words (`Downloading`, `Extracting`).
        status: String,
        /// Bytes done, and in all, where the engine says so.
        progress: Option<(u64, u64)>,
    },
    /// A pull goes on, but the engine has reported nothing of it for a second; comes again with each further one.
    PullSilent {
        /// The image, as the task names it.
        image: String,
    },
    /// A pull ended well.
    PullFinished {
        /// The image, as the task names it.
        image: String,
        /// Its digest (`sha256:…`), where the engine says so.
        digest: Option<String>,
    },
    /// A pull failed for now and is tried again.
    PullRetried {
        /// The image, as the task names it.
        image: String,
        /// Why it failed.
        reason: String,
        /// How long until the next try.
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
        /// Swarm's word for how far it is (`pending`, `preparing`).
        state: String,
        /// Why it is not further, in Swarm's words.
        reason: String,
    },
    /// The task is not ready yet: at the beginning of the wait, and every second.
    NotReady {
        /// Each condition that does not hold yet, and what is there instead.
        waiting_for: String,
        /// How long the wait has been.
        elapsed: Duration,
    },
    /// The task is ready as its config says.
    Ready {
        /// How long the wait was.
        elapsed: Duration,
    },
    /// Something that the caller should know but that stops nothing.
    Warning(String),
}
