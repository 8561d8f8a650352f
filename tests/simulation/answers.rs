//! What the engine answers to each call, and what it does for it.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use tokio::time::{sleep, timeout};

use crate::{
    model::{Container, Labels, Model, NETWORK, Net, OWNER, Stage, TASK_ID, World},
    planted::Planted,
    random::Random,
    wire::Asked,
};

/// An answer.
#[derive(Debug)]
pub enum Answer {
    Whole(u16, Vec<u8>),
    /// Lines of a pull.
    Lines(Vec<String>),
    Wait(String, WaitFor),
    Log(String, LogQuery),
    Attached(String),
}

/// What a wait is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitFor {
    NotRunning,
    Removed,
}

/// Which part of a log.
#[derive(Debug)]
pub struct LogQuery {
    pub follow: bool,
    pub timestamps: bool,
    pub since: Option<DateTime<Utc>>,
    pub tail: Option<usize>,
}

fn said(status: u16, body: &Value) -> Answer {
    Answer::Whole(status, body.to_string().into_bytes())
}

fn refused(status: u16, message: &str) -> Answer {
    said(status, &json!({"message": message}))
}

fn empty(status: u16) -> Answer {
    Answer::Whole(status, Vec::new())
}

/// Does what was asked.
pub async fn answer(world: &World, asked: &Asked, random: &mut Random) -> Answer {
    let subject = asked.path.get(1).map(String::as_str).unwrap_or_default();
    match asked.call() {
        "create" => create(world, asked),
        "list" => world.with(|model| list(model, asked)),
        "image" => world.with(|model| image(model, &asked.path)),
        "pull" => pull(world, asked, random).await,
        "networks" => world.with(|model| networks(model, asked)),
        "network create" => world.change(|model| create_network(model, &asked.body)),
        "network remove" => world.change(|model| remove_network(model, subject)),
        "services" => refused(503, "This node is not a swarm manager. Use \"docker swarm init\" to connect."),
        "other" => empty(200),
        _ => match world.with(|model| model.find(subject)) {
            Some(id) => of_container(world, &id, asked, random).await,
            None => refused(404, &format!("No such container: {subject}")),
        },
    }
}

async fn of_container(world: &World, id: &str, asked: &Asked, random: &mut Random) -> Answer {
    let changes = matches!(asked.call(), "start" | "stop" | "kill" | "remove" | "attach");
    if changes {
        world.with(|model| {
            if model.containers.get(id).is_some_and(|container| container.foreign) {
                model.violated(format!("{} of a foreign container", asked.call()));
            }
        });
    }
    let id = id.to_owned();
    match asked.call() {
        "inspect" => world.with(|model| match model.containers.get(&id) {
            Some(container) => said(200, &inspected(model, container)),
            None => refused(404, &format!("No such container: {id}")),
        }),
        "start" => start(world, &id),
        "stop" => stop(world, &id, asked).await,
        "kill" => kill(world, &id, asked),
        "remove" => remove(world, &id, asked, random).await,
        "wait" => Answer::Wait(
            id,
            if asked.value("condition") == Some("removed") { WaitFor::Removed } else { WaitFor::NotRunning },
        ),
        "logs" => Answer::Log(id, log_query(asked)),
        "attach" => Answer::Attached(id),
        _ => empty(200),
    }
}

fn log_query(asked: &Asked) -> LogQuery {
    let since = asked.value("since").and_then(|since| {
        let (seconds, nanos) = since.split_once('.').unwrap_or((since, "0"));
        DateTime::from_timestamp(seconds.parse().ok()?, nanos.parse().ok()?)
    });
    LogQuery {
        follow: asked.says("follow"),
        timestamps: asked.says("timestamps"),
        since,
        tail: asked.value("tail").and_then(|tail| tail.parse().ok()),
    }
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

fn create(world: &World, asked: &Asked) -> Answer {
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let image = text(&body, "/Image").unwrap_or_default();
    let words = body.pointer("/Cmd").and_then(Value::as_array).cloned().unwrap_or_default();
    let command: Vec<String> = words.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let labels: Labels = serde_json::from_value(body["Labels"].clone()).unwrap_or_default();
    world.change(|model| {
        if model.image(&image).is_none() {
            return refused(404, &format!("No such image: {image}"));
        }
        let name = asked.value("name").map(str::to_owned);
        if let Some(other) =
            name.as_ref().and_then(|name| model.containers.values().find(|c| &c.name == name))
        {
            return refused(
                409,
                &format!(
                    "Conflict. The container name \"/{}\" is already in use by container \"{}\". You have to \
                     remove (or rename) that container to be able to reuse that name.",
                    other.name, other.id
                ),
            );
        }
        let name = name.unwrap_or_else(|| format!("some-{}", &model.id()[..16]));
        let id = model.add_container(&image, name, labels, &command);
        let networks = networks_of(&body);
        if let Some(container) = model.containers.get_mut(&id) {
            container.networks = networks;
        }
        said(201, &json!({"Id": id, "Warnings": []}))
    })
}

/// The networks that a container is to be on, by name or id.
fn networks_of(body: &Value) -> Vec<String> {
    let mode = text(body, "/HostConfig/NetworkMode").unwrap_or_default();
    let endpoints = body.pointer("/NetworkingConfig/EndpointsConfig").and_then(Value::as_object);
    let mut networks: Vec<String> = endpoints.into_iter().flat_map(Map::keys).cloned().collect();
    if !matches!(mode.as_str(), "" | "default" | "bridge") && !networks.contains(&mode) {
        networks.push(mode);
    }
    networks
}

fn start(world: &World, id: &str) -> Answer {
    let refusal = world.change(|model| {
        let Some(container) = model.containers.get(id) else {
            return Some(refused(404, &format!("No such container: {id}")));
        };
        match container.stage {
            Stage::Running => return Some(empty(304)),
            Stage::Removing => {
                return Some(refused(409, "container is marked for removal and cannot be started"));
            }
            Stage::Created | Stage::Exited => {}
        }
        let missing = container.networks.iter().find(|wanted| model.network(wanted).is_none());
        if let Some(missing) = missing {
            return Some(refused(404, &format!("network {missing} not found")));
        }
        let container = model.containers.get_mut(id)?;
        container.starts += 1;
        if container.starts > 1 {
            model.violated(format!("a second start of {id}"));
        }
        None
    });
    if let Some(refusal) = refusal {
        return refusal;
    }
    world.start(id);
    empty(204)
}

async fn stop(world: &World, id: &str, asked: &Asked) -> Answer {
    let runs = |model: &mut Model| {
        model.containers.get(id).is_some_and(|container| container.stage == Stage::Running)
    };
    if !world.with(runs) {
        return empty(304);
    }
    world.signal(id, false);
    let grace = asked.value("t").and_then(|t| t.parse().ok()).unwrap_or(10);
    let ended = world.until(|model| (!runs(model)).then_some(()));
    if timeout(Duration::from_secs(grace), ended).await.is_err() {
        world.signal(id, true);
    }
    empty(204)
}

fn kill(world: &World, id: &str, asked: &Asked) -> Answer {
    let runs = world.with(|model| model.containers.get(id).is_some_and(|c| c.stage == Stage::Running));
    if !runs {
        return refused(409, &format!("Cannot kill container: {id}: Container {id} is not running"));
    }
    world.signal(id, matches!(asked.value("signal"), None | Some("SIGKILL" | "KILL" | "9")));
    empty(204)
}

async fn remove(world: &World, id: &str, asked: &Asked, random: &mut Random) -> Answer {
    let refusal = world.change(|model| {
        let Some(container) = model.containers.get_mut(id) else {
            return Some(refused(404, &format!("No such container: {id}")));
        };
        if container.stage == Stage::Removing {
            return Some(refused(409, &format!("removal of container {id} is already in progress")));
        }
        if container.stage == Stage::Running && !asked.says("force") {
            let text = format!("You cannot remove a running container {id}. Stop the container before");
            return Some(refused(409, &text));
        }
        model.kill(id);
        if let Some(container) = model.containers.get_mut(id) {
            container.stage = Stage::Removing;
        }
        None
    });
    if let Some(refusal) = refusal {
        return refusal;
    }
    let (world, id, with_volume) = (world.clone(), id.to_owned(), asked.says("v"));
    let time = if random.chance(300) { random.millis(1_000) } else { 0 };
    // A removal that has begun goes on, whoever asked for it.
    let removal = tokio::spawn(async move {
        sleep(Duration::from_millis(time)).await;
        world.change(|model| {
            model.note("a container is gone");
            model.remove(&id, with_volume);
        });
    });
    let _ = removal.await;
    empty(204)
}

/// What the filters of a list ask for: each a name and a value.
fn filters(asked: &Asked) -> Vec<(String, String)> {
    let read = asked.value("filters").and_then(|filters| serde_json::from_str(filters).ok());
    let all: Map<String, Value> = read.unwrap_or_default();
    let mut found = Vec::new();
    for (name, values) in all {
        match values {
            Value::Array(values) => {
                found.extend(
                    values.iter().filter_map(Value::as_str).map(|value| (name.clone(), value.to_owned())),
                );
            }
            Value::Object(values) => found.extend(values.keys().map(|value| (name.clone(), value.clone()))),
            _ => {}
        }
    }
    found
}

fn holds(labels: &Labels, wanted: &str) -> bool {
    match wanted.split_once('=') {
        Some((name, value)) => labels.get(name).is_some_and(|label| label == value),
        None => labels.contains_key(wanted),
    }
}

fn list(model: &mut Model, asked: &Asked) -> Answer {
    let wanted = filters(asked);
    let all = asked.says("all");
    let found = model.containers.values().filter(|container| {
        (all || container.stage == Stage::Running)
            && wanted.iter().all(|(name, value)| name != "label" || holds(&container.labels, value))
    });
    let mut found: Vec<&Container> = found.collect();
    found.sort_by_key(|container| std::cmp::Reverse(container.created));
    let listed: Vec<Value> = found.into_iter().map(|container| listed(model, container)).collect();
    said(200, &Value::Array(listed))
}

fn listed(model: &Model, container: &Container) -> Value {
    json!({
        "Id": container.id,
        "Names": [format!("/{}", container.name)],
        "Image": container.image,
        "ImageID": container.image_id,
        "Created": container.created.timestamp(),
        "State": word(container.stage),
        "Status": if container.stage == Stage::Exited { format!("Exited ({}) a moment ago", container.code) } else { "Up".to_owned() },
        "Labels": shown_labels(model, container),
        "Ports": [],
        "NetworkSettings": {"Networks": endpoints(model, container)},
    })
}

fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Created => "created",
        Stage::Running => "running",
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
    for wanted in &container.networks {
        let (name, id) = match model.network(wanted) {
            Some(network) => (network.name.clone(), network.id.clone()),
            None => (wanted.clone(), String::new()),
        };
        endpoints.insert(name, json!({"NetworkID": id}));
    }
    Value::Object(endpoints)
}

fn moment(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(
        || "0001-01-01T00:00:00Z".to_owned(),
        |time| time.to_rfc3339_opts(SecondsFormat::Nanos, true),
    )
}

fn inspected(model: &Model, container: &Container) -> Value {
    json!({
        "Id": container.id,
        "Name": format!("/{}", container.name),
        "Created": moment(Some(container.created)),
        "Image": container.image_id,
        "Config": {"Image": container.image, "Labels": shown_labels(model, container), "Tty": false,
            "OpenStdin": false, "ExposedPorts": null},
        "HostConfig": {"NetworkMode": container.networks.first().map_or("default", String::as_str),
            "LogConfig": {"Type": "json-file"}, "RestartPolicy": {"Name": "no"}},
        "State": {"Status": word(container.stage), "Error": "", "ExitCode": container.code, "OOMKilled": false,
            "Pid": 0, "StartedAt": moment(container.started), "FinishedAt": moment(container.finished)},
        "NetworkSettings": {"Ports": {}, "Networks": endpoints(model, container)},
        "RestartCount": 0,
    })
}

fn image(model: &Model, path: &[String]) -> Answer {
    let name = path.get(1..path.len().saturating_sub(1)).unwrap_or_default().join("/");
    match model.image(&name) {
        Some(image) => said(
            200,
            &json!({"Id": image.id, "RepoTags": [format!("{}:latest", image.name)], "RepoDigests": [],
                "Config": {"Labels": image.labels}}),
        ),
        None => refused(404, &format!("No such image: {name}")),
    }
}

async fn pull(world: &World, asked: &Asked, random: &mut Random) -> Answer {
    sleep(Duration::from_millis(random.millis(3_000))).await;
    let name = asked.value("fromImage").unwrap_or_default().to_owned();
    let found = world.change(|model| {
        let mut image = model.images.iter_mut().filter(|image| image.name == name);
        image.next().map(|image| image.present = true).is_some()
    });
    if !found {
        return refused(404, &format!("manifest for {name}:latest not found: manifest unknown"));
    }
    let digest = "0".repeat(64);
    Answer::Lines(vec![
        "{\"status\":\"Pulling from library\",\"id\":\"latest\"}\r\n".to_owned(),
        format!("{{\"status\":\"Digest: sha256:{digest}\"}}\r\n"),
        "{\"status\":\"Status: Downloaded newer image\"}\r\n".to_owned(),
    ])
}

impl Model {
    /// The network that a name or an id means.
    pub fn network(&self, wanted: &str) -> Option<&Net> {
        self.networks.get(wanted).or_else(|| self.networks.values().find(|network| network.name == wanted))
    }

    /// Whether a container that runs is on the network.
    pub fn has_endpoints(&self, network: &Net) -> bool {
        self.containers.values().any(|container| {
            container.stage == Stage::Running
                && container.networks.iter().any(|on| *on == network.id || *on == network.name)
        })
    }
}

fn networks(model: &mut Model, asked: &Asked) -> Answer {
    let wanted = filters(asked);
    if model.planted == Planted::TwoNetworks && wanted.iter().any(|(name, _)| name == "name") {
        return said(200, &json!([]));
    }
    let fits = |network: &&Net| {
        wanted.iter().all(|(name, value)| match name.as_str() {
            "name" => network.name.contains(value.as_str()),
            "label" => holds(&network.labels, value),
            _ => true,
        })
    };
    let found = model.networks.values().filter(fits).map(|network| {
        json!({"Id": network.id, "Name": network.name, "Labels": network.labels, "Driver": "bridge",
            "Created": moment(Some(network.created))})
    });
    said(200, &Value::Array(found.collect()))
}

fn create_network(model: &mut Model, body: &[u8]) -> Answer {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let labels: Labels = serde_json::from_value(body["Labels"].clone()).unwrap_or_default();
    let bridge = body.pointer("/Options/com.docker.network.bridge.name").and_then(Value::as_str);
    let bridge = bridge.map(str::to_owned).filter(|_| model.planted != Planted::TwoNetworks);
    if bridge.is_some() && model.networks.values().any(|network| network.bridge == bridge) {
        let text = "cannot create network web: conflicts with network br: networks have same bridge name";
        return refused(403, text);
    }
    let name = text(&body, "/Name").unwrap_or_default();
    let labelled = labels.contains_key(NETWORK);
    let id = model.add_network(&name, labels, bridge);
    let several =
        model.networks.values().filter(|network| network.name == name && network.is_cubes()).count();
    if labelled && several > 1 {
        model.violated(format!("{several} networks of cube's have the name {name}"));
    }
    said(201, &json!({"Id": id, "Warning": ""}))
}

fn remove_network(model: &mut Model, wanted: &str) -> Answer {
    let Some(network) = model.network(wanted).cloned() else {
        return refused(404, &format!("network {wanted} not found"));
    };
    if !network.is_cubes() {
        model.violated(format!("removal of the foreign network {}", network.name));
    }
    if model.has_endpoints(&network) {
        return refused(
            403,
            &format!("error while removing network: network {} has active endpoints", network.name),
        );
    }
    model.networks.remove(&network.id);
    empty(204)
}

/// Whose container it is, for messages.
pub fn title(container: &Container) -> String {
    format!("{} of task {}", container.id, container.labels.get(TASK_ID).map_or("none", String::as_str))
}
