//! The work of a guard that acts: it ends HOST-COMMAND, and removes what is left of the task.

use std::{
    process::ExitCode,
    thread::{self, JoinHandle},
    time::Duration,
};

use cube::{Docker, Error, ErrorKind};
use tokio::time::{Instant, sleep};

use crate::cli::{
    app,
    guard::{
        copies,
        order::{Order, has_log, networks, take_name},
    },
    output::stdio,
};

/// How long a guard looks for a container that an open request may still make, counted from the engine's first answer;
/// and how long it goes on trying while no engine answers, or the engine fails.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long a guard waits for an engine that accepts connections but does not answer.
const HANGING: Duration = Duration::from_hours(1);
/// The verbosity of a guard's log: each request.
const VERBOSE: u8 = 2;
/// The pause between two tries: no event says when the engine is back.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// Ends HOST-COMMAND and removes the task.
pub fn serve(order: Order) -> ExitCode {
    // Otherwise its name would be `exe`, the link by which it was started.
    take_name();
    if has_log() {
        app::log::begin(VERBOSE);
    }
    let runtime = app::runtime();
    let host_ends = order.host.map(|host| thread::spawn(move || host.end(&order.task_id.to_string())));
    let cleared = runtime.map(|runtime| runtime.block_on(clear(order)));
    let _ = host_ends.map(JoinHandle::join);
    match cleared {
        Ok(Ok(_)) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

async fn clear(order: Order) -> Result<bool, Error> {
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    let hosts: Vec<String> = var("CUBE_HOST").split_whitespace().map(str::to_owned).collect();
    let context = var("CUBE_CONTEXT");
    let begun = Instant::now();
    let mut there = begun;
    loop {
        let error = match discard(order, &hosts, &context).await {
            Err(error) => error,
            discarded => return discarded,
        };
        tracing::info!("task {}: {}", order.task_id, stdio::one_line(&error));
        // The engine took the request: it hangs, or it is shutting down.
        if error.kind() == ErrorKind::ConnectionLost {
            there = Instant::now();
        }
        if !is_tried_again(error.kind(), begun.elapsed(), there.elapsed()) {
            return Err(error);
        }
        sleep(TRY_AGAIN).await;
    }
}

/// Whether a failed removal is tried again. `begun` is the time since the first try, `there` the time since the engine
/// last took a request. A removal that fails once, for example on a busy disk, may succeed in a moment.
fn is_tried_again(failed: ErrorKind, begun: Duration, there: Duration) -> bool {
    match failed {
        ErrorKind::ConnectionLost => begun < HANGING,
        ErrorKind::EngineUnreachable | ErrorKind::Engine | ErrorKind::BadAnswer => there < PATIENCE,
        _ => false,
    }
}

async fn discard(order: Order, hosts: &[String], context: &str) -> Result<bool, Error> {
    let (docker, _) = app::connect(hosts, Some(context), Docker::ANSWER_TIMEOUT, &|_| ()).await?;
    if order.at_end {
        match docker.find(&order.task_id.to_string().parse()?).await {
            Ok((task, _)) => drop(task.wait_through().await?),
            // Its networks may still exist.
            Err(error) if error.kind() == ErrorKind::TaskNotFound => {}
            Err(error) => return Err(error),
        }
    }
    copies::rescue(&docker, order.task_id).await?;
    let networks = networks();
    // The container may appear late or never.
    if order.in_doubt && !networks.is_empty() {
        docker.remove_unused_networks(&networks).await?;
    }
    let lookout = if order.in_doubt { PATIENCE } else { Duration::ZERO };
    let found = docker.discard_by_id(order.task_id, order.swarm, lookout).await?;
    if !networks.is_empty() {
        docker.remove_unused_networks(&networks).await?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_fails_once_is_asked_again_for_two_minutes() {
        let (early, late) = (Duration::from_secs(119), Duration::from_secs(121));
        for kind in [ErrorKind::Engine, ErrorKind::BadAnswer, ErrorKind::EngineUnreachable] {
            assert!(is_tried_again(kind, early, early) && !is_tried_again(kind, late, late), "{kind:?}");
        }
        assert!(is_tried_again(ErrorKind::ConnectionLost, late, late));
        assert!(!is_tried_again(ErrorKind::ConnectionLost, HANGING, early));
        assert!(!is_tried_again(ErrorKind::PermissionDenied, early, early));
    }
}
