//! Messages about a stop: that it takes long, or why the task was killed without a grace.

use std::{pin::pin, time::Duration};

use cube::{DockerResult, Error, Signal};
use tokio::time::timeout;

use crate::cli::output::stdio;

/// A stop that takes longer is announced. A task that cannot receive its signal is killed before that, with a message
/// of its own.
const SLOW: Duration = Duration::from_millis(1300);

/// Runs a stop, and prints a line if it takes long. `grace` is the one that was set, in seconds.
pub async fn reported_if_slow<T>(
    title: &str,
    grace: Option<i64>,
    quiet: bool,
    stop: impl Future<Output = T>,
) -> T {
    let mut stop = pin!(stop);
    if let Ok(stopped) = timeout(SLOW, &mut stop).await {
        return stopped;
    }
    if !quiet {
        stdio::step(&format!("waiting for {title} to end, {}", longest(grace)));
    }
    stop.await
}

fn longest(grace: Option<i64>) -> String {
    match grace {
        Some(seconds) if seconds < 0 => "without an end to its grace".to_owned(),
        Some(seconds) => format!("at most for its grace of {seconds} s"),
        None => "at most for its grace (10 s unless set)".to_owned(),
    }
}

/// Runs a stop, and prints a line if it takes long or if the task was killed without a grace.
pub async fn shown(
    title: &str,
    grace: Option<i64>,
    quiet: bool,
    stop: impl Future<Output = Result<DockerResult, Error>>,
) -> Result<DockerResult, Error> {
    let stopped = reported_if_slow(title, grace, quiet, Box::pin(stop)).await;
    if let Ok(result) = &stopped {
        explain(title, quiet, result.unheard);
    }
    stopped
}

/// Explains that a task was killed without a grace, if it was.
pub fn explain(title: &str, quiet: bool, unheard: Option<Signal>) {
    if let Some(signal) = unheard.filter(|_| !quiet) {
        stdio::step(&format!(
            "{title} was killed: its first process does not handle {signal}, so the kernel drops it; \
             with --init it would be passed on"
        ));
    }
}
