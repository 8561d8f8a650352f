//! How to stop a task, and how it was stopped.

use crate::config::value::signal::Signal;

/// What to do if the kernel drops the stop signal, because the task's first process has no handler for it, so that the
/// grace would be wasted. It can be detected on a local engine only; on others the grace counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unheard {
    /// Kill it after a second, if it slept all the time and is the container's only process.
    #[default]
    KillIfIdle,
    /// Kill it after a second, whatever it is doing.
    Kill,
}

/// How a task is stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StopOptions {
    /// The signal that asks it to end; its own stop signal if left out.
    pub signal: Option<Signal>,
    /// The grace before the kill, in seconds; -1 waits for ever. If left out: the task's own, else the engine's 10 s.
    pub timeout: Option<i32>,
    /// What to do if the kernel drops the signal and no grace was set.
    pub unheard: Unheard,
    /// Skips the question how the task ended: one request less, and a result without the exit code.
    pub skip_outcome: bool,
}

/// How a task's process was stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// The signal that the kernel dropped, so that the process was killed without a grace.
    pub unheard: Option<Signal>,
}
