//! `healthy`: the container's own health check passes.

use std::time::Duration;

use hyper::{Method, body::Incoming};

use crate::{
    docker::{
        details::{Details, Health},
        handle::RunningTask,
        http::{
            client::{self, AnswerKind},
            query::{filters, query},
        },
        ready::{
            check::Check,
            progress::{Progress, quote},
        },
    },
    error::{Error, ErrorKind, Origin},
};

/// How often engines without health events (podman) are asked.
const POLL: Duration = Duration::from_secs(1);

pub(crate) async fn wait(task: &RunningTask, container: &Details, progress: &Progress) -> Result<(), Error> {
    let Some(check) = Check::of(task).await else {
        return verdict(task, container, false, progress).await;
    };
    tokio::select! {
        biased;
        verdict = verdict(task, container, true, progress) => verdict,
        () = check.pass(task, progress) => Ok(()),
    }
}

/// Returns once the engine reports `healthy`. Just after the start, its details may lack the health although the
/// container has a check.
async fn verdict(
    task: &RunningTask,
    container: &Details,
    has_check: bool,
    progress: &Progress,
) -> Result<(), Error> {
    // The events are requested before the first look, so that no change is missed.
    let mut events = events(task, &container.id).await;
    let mut last = String::new();
    loop {
        let now = task.inspect().await?;
        let health = match now.health.as_ref() {
            Some(health) => health,
            None if has_check => &Health::default(),
            None => return Err(no_health_check()),
        };
        match health.status.as_str() {
            "healthy" => return Ok(()),
            // An ended task has no more checks; its end is reported instead.
            "unhealthy" if now.is_alive() => return Err(unhealthy(health)),
            _ => note_change(&mut last, describe(health), progress),
        }
        change(&mut events).await;
    }
}

/// Notes the engine's last result only if it changed: cube's own run may be newer.
fn note_change(last: &mut String, text: String, progress: &Progress) {
    if *last != text {
        progress.note(text.clone());
        *last = text;
    }
}

async fn events(task: &RunningTask, id: &str) -> Option<Incoming> {
    let filters = filters([("container", id), ("event", "health_status")]);
    let path = query("/events", &[("filters", &filters)]);
    let answer = task.docker().transport.request(Method::GET, &path, None, &[], AnswerKind::Stream).await;
    answer.ok().map(hyper::Response::into_body)
}

/// Returns when the engine reports a change, or when it is time to ask again.
async fn change(events: &mut Option<Incoming>) {
    let Some(stream) = events else { return tokio::time::sleep(POLL).await };
    if let Ok(Ok(None) | Err(_)) = tokio::time::timeout(POLL, client::next_piece(stream)).await {
        *events = None;
    }
}

fn no_health_check() -> Error {
    Error::new(ErrorKind::WrongState, "the task has no health check, so it never gets healthy")
        .with_hint("give it one with --health-cmd, or wait for port or log=REGEX instead")
}

fn unhealthy(health: &Health) -> Error {
    Error::new(ErrorKind::Unhealthy, format!("the task is {}", describe(health)))
        .with_origin(Origin::Task)
        .with_hint("see what --health-cmd does; --health-start-period and --health-retries give it more time")
}

fn describe(health: &Health) -> String {
    let status = if health.status.is_empty() { "starting" } else { &health.status };
    let Some(probe) = health.probes.last() else {
        return format!("{status}; no probe has ended yet");
    };
    let said = match probe.output.trim() {
        "" => "printed nothing".to_owned(),
        output => format!("printed {}", quote(output)),
    };
    format!("{status}; the last probe exited with {} and {said}", probe.exit_code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::details::Probe;

    #[test]
    fn the_last_probe_is_reported() {
        let mut health = Health { status: "starting".into(), probes: vec![] };
        assert_eq!(describe(&health), "starting; no probe has ended yet");
        health.status = "unhealthy".into();
        health.probes.push(Probe { exit_code: 1, output: "no route\n".into() });
        assert_eq!(
            unhealthy(&health).to_string(),
            "the task is unhealthy; the last probe exited with 1 and printed \"no route\""
        );
        health.probes.push(Probe { exit_code: 2, output: String::new() });
        assert!(describe(&health).ends_with("exited with 2 and printed nothing"));
    }
}
