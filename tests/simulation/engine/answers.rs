//! What the engine answers to each call, and what it does for it.

mod exec;
mod files;
mod images;
mod lifecycle;
mod networks;
mod shown;

use chrono::DateTime;
use serde_json::{Map, Value, json};

use crate::{
    engine::{
        streams::{LogQuery, WaitFor},
        wire::Asked,
    },
    model::{container::Labels, world::World},
    random::Random,
};

/// An answer.
#[derive(Debug)]
pub enum Answer {
    Whole(u16, Vec<u8>),
    /// What is at a path of a container, as a line of the head.
    Stat(String),
    /// Lines of a pull.
    Lines(Vec<String>),
    /// A wait for the end of a container that has ended so often before, or is gone.
    Wait(String, WaitFor),
    Log(String, LogQuery),
    Attached(String),
    /// The output of a command in a container.
    Exec(String),
    /// Events, of which none comes.
    Events,
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

fn no_container(id: &str) -> Answer {
    refused(404, &format!("No such container: {id}"))
}

/// Does what was asked.
pub async fn answer(world: &World, asked: &Asked, random: &mut Random) -> Answer {
    let subject = asked.path.get(1).map(String::as_str).unwrap_or_default();
    match asked.call() {
        "create" => lifecycle::create(world, asked),
        "list" => world.with(|model| shown::list(model, asked)),
        "image" => world.with(|model| images::image(model, &asked.path)),
        "pull" => images::pull(world, asked, random).await,
        "networks" => world.with(|model| networks::list(model, asked)),
        "network create" => world.change(|model| networks::create(model, &asked.body)),
        "network remove" => world.change(|model| networks::remove(model, subject)),
        "services" => refused(503, "This node is not a swarm manager. Use \"docker swarm init\" to connect."),
        "exec start" => exec::start(world, subject),
        "exec inspect" => world.with(|model| exec::inspect(model, subject)),
        "events" => Answer::Events,
        "other" => empty(200),
        _ => match world.with(|model| model.find(subject)) {
            Some(id) => of_container(world, id, asked, random).await,
            None => no_container(subject),
        },
    }
}

async fn of_container(world: &World, id: String, asked: &Asked, random: &mut Random) -> Answer {
    let changes = matches!(asked.call(), "start" | "stop" | "kill" | "remove" | "attach");
    if changes {
        world.with(|model| {
            if model.containers.get(&id).is_some_and(|container| container.foreign) {
                model.violated(format!("{} of a foreign container", asked.call()));
            }
        });
    }
    match asked.call() {
        "inspect" => world.with(|model| shown::inspect(model, &id)),
        "start" => lifecycle::start(world, &id, random),
        "stop" => lifecycle::stop(world, &id, asked).await,
        "kill" => lifecycle::kill(world, &id, asked),
        "remove" => lifecycle::remove(world, &id, asked, random).await,
        "exec create" => world.change(|model| exec::create(model, &id, &asked.body)),
        "stat" => world.with(|model| files::stat(model, &id, asked)),
        "wait" => {
            let ends = world.with(|model| model.containers.get(&id).map_or(0, |container| container.ends));
            let removed = asked.value("condition") == Some("removed");
            Answer::Wait(id, if removed { WaitFor::Removed } else { WaitFor::NotRunning { ends } })
        }
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

/// A text in a body.
fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

/// The words of a list in a body.
fn words(value: &Value, pointer: &str) -> Vec<String> {
    let list = value.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
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
