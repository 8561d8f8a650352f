//! How a task is stopped, and what came of it.

use crate::config::value::signal::Signal;

/// What to do with a task whose first process cannot hear the signal: the kernel drops one that the first process of a
/// container does not handle, and the grace would pass for nothing. Seen on this machine only; elsewhere the grace counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unheard {
    /// Kill it after a second if it slept all the time and is the container's only process.
    #[default]
    KillIfIdle,
    /// Kill it after a second: nobody needs what it may still be doing.
    Kill,
}

/// How a task is stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StopOptions {
    /// The signal that asks it to end; its own stop signal if left out.
    pub signal: Option<Signal>,
    /// Grace before the kill, in seconds; -1 waits for ever. Its own, else the engine's 10 s, if left out.
    pub timeout: Option<i32>,
    /// What to do where the first process has no way to hear the signal, and nobody set a grace.
    pub unheard: Unheard,
    /// Not to ask the engine how the task ended: a request less, and a result without its exit code.
    pub skip_outcome: bool,
}

/// How a task's process was stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// The signal that it could not hear, so that it was killed without a grace.
    pub unheard: Option<Signal>,
}
