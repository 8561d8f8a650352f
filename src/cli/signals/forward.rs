//! Passes signals on to a task, one after the other, in the background: an engine that does not answer delays neither
//! cube's own signals nor the task's output.

use cube::{ErrorKind, RunningTask, Signal};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::cli::output::stdio;

/// Passes signals on to one task until it is dropped.
pub struct Forward(UnboundedSender<Signal>);

impl Forward {
    /// Starts to pass signals on to `task`. Has to be called within a runtime.
    pub fn to(task: RunningTask) -> Self {
        let (sender, mut signals) = unbounded_channel::<Signal>();
        tokio::spawn(async move {
            while let Some(signal) = signals.recv().await {
                if let Err(error) = task.kill(Some(&signal)).await
                    // A task that has ended refuses the signal; its end will be noticed elsewhere.
                    && error.kind() != ErrorKind::TaskNotFound
                {
                    stdio::note(&format!("{signal} did not reach the task: {}", stdio::one_line(&error)));
                }
            }
        });
        Self(sender)
    }

    /// Sends the signal after those before it.
    pub fn send(&self, signal: Signal) {
        // Cannot fail: the receiver lives as long as this.
        let _ = self.0.send(signal);
    }
}
