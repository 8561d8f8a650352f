//! The body of a create request: the config in the engine's terms, field by field as Docker's CLI sends it.
//!
//! It does not use bollard's model, which lacks fields that the CLI sends to older engines (`KernelMemory`, the
//! container's own `MacAddress`) and refuses unknown values (`CgroupnsMode`).

pub(crate) mod context;
mod fields;
mod grace;
mod host;
mod log_driver;
mod mounts;
mod networks;

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::{
    config::{
        Config,
        health::HealthCheck,
        value::{
            env::EnvVar,
            mount::Mount,
            port::{HostPort, Port, PortMapping},
            standard_stream::StandardStream,
        },
    },
    docker::{
        container::body::{context::CreateContext, fields::add},
        labels::{Labels, owner::Owner},
    },
    task::Task,
};

pub(crate) use grace::with_grace;
pub(crate) use host::{capabilities, publishes_exposed, ulimits};
pub(crate) use log_driver::{is_chosen_by_cube, log_driver, with_engines_log_driver};
pub(crate) use mounts::words as mount;
pub(crate) use networks::later;

/// The body of the create request.
pub(crate) fn create_body(task: &Task, around: &CreateContext) -> Map<String, Value> {
    let config = &task.config;
    let mut body = process(config);
    let mut env: Vec<String> = config.process.env.iter().map(EnvVar::to_engine).collect();
    if let Some(proxies) = &around.proxies {
        proxies.add_to(&mut env);
    }
    env.extend(around.docker_config.map(str::to_owned));
    add(
        &mut body,
        [
            ("Image", config.image.as_str().into()),
            ("Env", json!(env)),
            ("Labels", json!(labels(task, task.owner.as_ref()))),
            ("ExposedPorts", set(exposed(config, around.published))),
            ("Volumes", set(config.storage.volumes.iter().filter_map(Mount::anonymous))),
            ("Hostname", json!(config.network.hostname)),
            ("Domainname", json!(config.network.domainname)),
            ("Healthcheck", json!(health(&config.health))),
            ("HostConfig", host::host_config(task, around).into()),
        ],
    );
    networks::add(&mut body, config, around.engine);
    body
}

fn process(config: &Config) -> Map<String, Value> {
    let process = &config.process;
    let attaches = |stream| process.attach.contains(&stream);
    let stdin = attaches(StandardStream::Stdin);
    let mut body = Map::new();
    add(
        &mut body,
        [
            ("AttachStdin", stdin.into()),
            ("AttachStdout", attaches(StandardStream::Stdout).into()),
            ("AttachStderr", attaches(StandardStream::Stderr).into()),
            ("Tty", process.tty.into()),
            ("OpenStdin", process.interactive.into()),
            ("StdinOnce", (process.interactive && stdin).into()),
            ("Cmd", json!(process.command)),
            ("Entrypoint", json!(process.entrypoint.as_ref().map(|entrypoint| [entrypoint]))),
            ("WorkingDir", json!(process.workdir)),
            ("User", json!(process.user)),
            ("StopSignal", json!(process.stop_signal)),
            ("StopTimeout", json!(process.stop_timeout)),
        ],
    );
    body
}

/// A set, as the engine writes it: an object with empty values.
fn set(names: impl IntoIterator<Item = impl ToString>) -> Value {
    Value::Object(names.into_iter().map(|name| (name.to_string(), json!({}))).collect())
}

/// A mapping of `port` to any free host port.
pub(crate) fn on_any_host_port(port: Port) -> PortMapping {
    PortMapping { container: port, host_ip: None, host_port: HostPort::Any }
}

pub(crate) fn labels(task: &Task, owner: Option<&Owner>) -> HashMap<String, String> {
    let mut labels: HashMap<_, _> = task.config.labels.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    labels.extend(Labels::written(task.id, owner, task.config.ttl, &task.own_networks()));
    labels
}

fn exposed(config: &Config, published: &[PortMapping]) -> Vec<Port> {
    let mapped = config.network.publish.iter().chain(published).map(|m| m.container);
    let mut ports: Vec<Port> = config.network.expose.iter().copied().chain(mapped).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// The health check; `None` leaves the image's own.
pub(crate) fn health(health: &HealthCheck) -> Option<Value> {
    if health.disabled {
        return Some(json!({"Test": ["NONE"]}));
    }
    let nanos = |d: Option<std::time::Duration>| json!(d.and_then(|d| i64::try_from(d.as_nanos()).ok()));
    let mut check = Map::new();
    add(
        &mut check,
        [
            ("Test", json!(health.command.as_ref().map(|command| ["CMD-SHELL", command]))),
            ("Interval", nanos(health.interval)),
            ("Timeout", nanos(health.timeout)),
            ("Retries", json!(health.retries)),
            ("StartPeriod", nanos(health.start_period)),
            ("StartInterval", nanos(health.start_interval)),
        ],
    );
    (!health.is_empty()).then_some(check.into())
}
