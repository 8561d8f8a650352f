//! What the engine says of containers.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use crate::{
    engine::{
        answers::{Answer, filters, holds, no_container, said},
        wire::Asked,
    },
    model::{
        Model, OWNER,
        container::{Container, Labels, Stage},
    },
    planted::Planted,
};

pub fn list(model: &mut Model, asked: &Asked) -> Answer {
    let wanted = filters(asked);
    let all = asked.says("all");
    let found = model.containers.values().filter(|container| {
        (all || container.is_alive())
            && wanted.iter().all(|(name, value)| name != "label" || holds(&container.labels, value))
    });
    let mut found: Vec<&Container> = found.collect();
    found.sort_by_key(|container| std::cmp::Reverse(container.created));
    let listed: Vec<Value> = found.into_iter().map(|container| listed(model, container)).collect();
    said(200, &Value::Array(listed))
}

fn listed(model: &Model, container: &Container) -> Value {
    let status = match container.stage {
        Stage::Exited => format!("Exited ({}) a moment ago", container.code),
        Stage::Restarting => format!("Restarting ({}) a moment ago", container.code),
        _ => "Up".to_owned(),
    };
    json!({
        "Id": container.id,
        "Names": [format!("/{}", container.name)],
        "Image": container.image,
        "ImageID": container.image_id,
        "Created": container.created.timestamp(),
        "State": word(model, container.stage),
        "Status": status,
        "Labels": shown_labels(model, container),
        "Ports": [],
        "NetworkSettings": {"Networks": endpoints(model, container)},
    })
}

fn word(model: &Model, stage: Stage) -> &'static str {
    match stage {
        Stage::Created => "created",
        Stage::Running => "running",
        Stage::Restarting if model.planted == Planted::FirstEnd => "exited",
        Stage::Restarting => "restarting",
        Stage::Exited => "exited",
        Stage::Removing => "removing",
    }
}

/// Its labels, as they are read on a machine on which the owner of an ended task's is gone.
fn shown_labels(model: &Model, container: &Container) -> Labels {
    let mut labels = container.labels.clone();
    let is_dead = container.task().is_some_and(|task| model.dead.contains(task));
    if let Some(owner) = labels.get_mut(OWNER).filter(|owner| is_dead && !owner.is_empty()) {
        let mut words: Vec<&str> = owner.split(' ').collect();
        if let Some(started) = words.get_mut(3) {
            *started = "1";
        }
        *owner = words.join(" ");
    }
    labels
}

fn endpoints(model: &Model, container: &Container) -> Value {
    let mut endpoints = Map::new();
    for wanted in &container.wanted.networks {
        let (name, id) = match model.network(wanted) {
            Some(network) => (network.name.clone(), network.id.clone()),
            None => (wanted.clone(), String::new()),
        };
        endpoints.insert(name, json!({"NetworkID": id}));
    }
    Value::Object(endpoints)
}

/// A time in an answer; Go's zero if there is none.
pub fn moment(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(
        || "0001-01-01T00:00:00Z".to_owned(),
        |time| time.to_rfc3339_opts(SecondsFormat::Nanos, true),
    )
}

/// All of a container, or that there is none.
pub fn inspect(model: &mut Model, id: &str) -> Answer {
    let now = model.now();
    match model.containers.get(id) {
        Some(container) => said(200, &inspected(model, container, now)),
        None => no_container(id),
    }
}

fn inspected(model: &Model, container: &Container, now: DateTime<Utc>) -> Value {
    let (policy, most) = container.wanted.policy.words();
    let networks = &container.wanted.networks;
    let check = container.wanted.probes.map(|_| json!({"Test": ["CMD-SHELL", "check"]}));
    let wished: Map<String, Value> =
        container.wanted.ports.iter().map(|port| bindings(port.as_ref())).collect();
    let bound: Map<String, Value> = container.bound.iter().map(|port| bindings(Some(port))).collect();
    let health = container.health(now).map(|status| json!({"Status": status, "FailingStreak": 0, "Log": []}));
    json!({
        "Id": container.id,
        "Name": format!("/{}", container.name),
        "Created": moment(Some(container.created)),
        "Image": container.image_id,
        "Config": {"Image": container.image, "Labels": shown_labels(model, container), "Tty": false,
            "OpenStdin": false, "ExposedPorts": null, "Healthcheck": check},
        "HostConfig": {"NetworkMode": networks.first().map_or("default", String::as_str),
            "LogConfig": {"Type": "json-file"}, "PortBindings": wished,
            "RestartPolicy": {"Name": policy, "MaximumRetryCount": most}},
        "State": {"Status": word(model, container.stage), "Error": container.error,
            "ExitCode": container.code, "OOMKilled": false, "Pid": 0, "Health": health,
            "StartedAt": moment(container.started), "FinishedAt": moment(container.finished)},
        "NetworkSettings": {"Ports": bound, "Networks": endpoints(model, container)},
        "RestartCount": container.restarts,
    })
}

/// The only port that programs of the simulation have.
fn bindings(port: Option<&u16>) -> (String, Value) {
    let host = port.map(ToString::to_string).unwrap_or_default();
    ("80/tcp".to_owned(), json!([{"HostIp": "0.0.0.0", "HostPort": host}]))
}
