//! Create, start, stop, kill and remove.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::{sleep, timeout};

use crate::{
    engine::{
        answers::{Answer, empty, no_container, refused, said, text, words},
        wire::Asked,
    },
    model::{
        Model,
        container::{Container, Stage, Wanted},
        policy::Policy,
        start::StartRefusal,
        world::World,
    },
    planted::Planted,
    random::Random,
};

/// In how many of a thousand starts another took the host port that the engine chose.
const PORT_RACES: u64 = 300;
/// How often an engine probes where nobody says.
const PROBES: Duration = Duration::from_secs(30);

pub fn create(world: &World, asked: &Asked) -> Answer {
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let image = text(&body, "/Image").unwrap_or_default();
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
        let id = model.add_container(&image, name, wanted(&body));
        said(201, &json!({"Id": id, "Warnings": []}))
    })
}

fn wanted(body: &Value) -> Wanted {
    let policy = text(body, "/HostConfig/RestartPolicy/Name").unwrap_or_default();
    let most = body.pointer("/HostConfig/RestartPolicy/MaximumRetryCount").and_then(Value::as_u64);
    let interval = body.pointer("/Healthcheck/Interval").and_then(Value::as_u64);
    Wanted {
        command: words(body, "/Cmd"),
        labels: serde_json::from_value(body["Labels"].clone()).unwrap_or_default(),
        networks: networks_of(body),
        policy: Policy::read(&policy, most.unwrap_or_default()),
        ports: ports_of(body),
        probes: body.get("Healthcheck").map(|_| interval.map_or(PROBES, Duration::from_nanos)),
    }
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

/// The host ports that it is to have; none is any.
fn ports_of(body: &Value) -> Vec<Option<u16>> {
    let bindings = body.pointer("/HostConfig/PortBindings").and_then(Value::as_object);
    let each = bindings.into_iter().flat_map(Map::values).filter_map(Value::as_array).flatten();
    each.map(|binding| binding["HostPort"].as_str().and_then(|port| port.parse().ok())).collect()
}

pub fn start(world: &World, id: &str, random: &mut Random) -> Answer {
    let races = random.chance(PORT_RACES);
    let refusal = world.change(|model| {
        let Some(container) = model.containers.get(id) else { return Some(no_container(id)) };
        match container.stage {
            Stage::Running | Stage::Restarting => return Some(empty(304)),
            Stage::Removing => {
                return Some(refused(409, "container is marked for removal and cannot be started"));
            }
            Stage::Created | Stage::Exited => {}
        }
        let race = races && container.wanted.ports.contains(&None);
        let refusal =
            model.refuses_start(id).or_else(|| race.then(|| StartRefusal::PortTaken(model.next_port())));
        if !matches!(refusal, Some(StartRefusal::NoNetwork(_))) {
            count_start(model, id);
        }
        refusal.map(|refusal| {
            model.start_refused(id, &refusal);
            if model.planted == Planted::StartBelieved {
                return empty(204);
            }
            refused(refusal.status(), &refusal.text())
        })
    });
    if let Some(refusal) = refusal {
        return refusal;
    }
    world.start(id);
    empty(204)
}

fn count_start(model: &mut Model, id: &str) {
    let Some(container) = model.containers.get_mut(id) else { return };
    container.starts += 1;
    if container.starts > 1 {
        model.violated(format!("a second start of {id}"));
    }
}

pub async fn stop(world: &World, id: &str, asked: &Asked) -> Answer {
    let runs = |model: &mut Model| model.containers.get(id).is_some_and(|c| c.stage == Stage::Running);
    let alive = world.with(|model| model.containers.get(id).is_some_and(Container::is_alive));
    if !alive {
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

pub fn kill(world: &World, id: &str, asked: &Asked) -> Answer {
    let alive = world.with(|model| model.containers.get(id).is_some_and(Container::is_alive));
    if !alive {
        return refused(409, &format!("Cannot kill container: {id}: Container {id} is not running"));
    }
    world.signal(id, matches!(asked.value("signal"), None | Some("SIGKILL" | "KILL" | "9")));
    empty(204)
}

pub async fn remove(world: &World, id: &str, asked: &Asked, random: &mut Random) -> Answer {
    let refusal = world.change(|model| begin_removal(model, id, asked));
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

fn begin_removal(model: &mut Model, id: &str, asked: &Asked) -> Option<Answer> {
    let planted = model.planted;
    let Some(container) = model.containers.get_mut(id) else { return Some(no_container(id)) };
    if container.stage == Stage::Removing {
        return Some(refused(409, &format!("removal of container {id} is already in progress")));
    }
    if container.is_alive() && !asked.says("force") {
        let text = format!("You cannot remove a running container {id}. Stop the container before");
        return Some(refused(409, &text));
    }
    if planted == Planted::ForgottenFirst && container.stage == Stage::Created && !container.error.is_empty()
    {
        return Some(empty(204));
    }
    model.kill(id);
    let container = model.containers.get_mut(id)?;
    (container.stage, container.by_hand) = (Stage::Removing, true);
    None
}
