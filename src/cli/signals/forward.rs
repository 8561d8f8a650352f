//! Signals on their way to a task, one after the other: an engine that does not answer keeps neither the next signal nor
//! the task's output from being heard.

use cube::{ErrorKind, RunningTask, Signal};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::cli::output::stdio;

/// A task's way to hear signals, for as long as this lives.
pub struct Forward(UnboundedSender<Signal>);

impl Forward {
    /// In a runtime.
    pub fn to(task: RunningTask) -> Self {
        let (sender, mut signals) = unbounded_channel::<Signal>();
        tokio::spawn(async move {
            while let Some(signal) = signals.recv().await {
                if let Err(error) = task.kill(Some(&signal)).await
                    // One that has ended hears nothing, and its end is on its way.
                    && error.kind() != ErrorKind::TaskNotFound
                {
                    stdio::note(&format!("{signal} did not reach the task: {}", stdio::one_line(&error)));
                }
            }
        });
        Self(sender)
    }

    /// Sends it when those before have arrived.
    pub fn send(&self, signal: Signal) {
        // Whoever receives it lives as long as this.
        let _ = self.0.send(signal);
    }
}
