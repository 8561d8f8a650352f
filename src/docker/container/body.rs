//! What is sent to create a container: the config in the engine's words.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, PortBinding, PortMap,
    RestartPolicy as EngineRestartPolicy, RestartPolicyNameEnum,
};

use crate::{
    config::{
        Config,
        health::HealthCheck,
        value::{
            port::{HostPort, Port, PortMapping},
            restart::RestartPolicy,
            standard_stream::StandardStream,
        },
    },
    docker::{labels::Labels, owner::Owner},
    task::Task,
};

/// The log driver that keeps every byte: `json-file` replaces what is not UTF-8.
const LOG_DRIVER: &str = "local";
/// So large that it never rotates, whatever the engine's own default: a rotated log has lost output.
const LOG_OPTIONS: [(&str, &str); 3] = [("max-size", "1000g"), ("max-file", "1"), ("compress", "false")];

/// The body of the create request. `published` comes on top of the config's own mappings.
pub(crate) fn create_body(
    task: &Task,
    published: &[PortMapping],
    owner: Option<&Owner>,
) -> ContainerCreateBody {
    let config = &task.config;
    let attaches = |stream| config.process.attach.contains(&stream);
    ContainerCreateBody {
        image: Some(config.image.as_str().to_owned()),
        cmd: list(config.process.command.clone()),
        entrypoint: config.process.entrypoint.clone().map(|e| vec![e]),
        env: list(config.process.env.iter().map(crate::config::value::env::EnvVar::to_engine).collect()),
        labels: Some(labels(task, owner)),
        exposed_ports: list(exposed(config, published)),
        volumes: list(
            config.storage.volumes.iter().filter_map(|v| v.anonymous().map(str::to_owned)).collect(),
        ),
        hostname: config.network.hostname.clone(),
        working_dir: config.process.workdir.clone(),
        user: config.process.user.clone(),
        stop_signal: config.process.stop_signal.as_ref().map(ToString::to_string),
        stop_timeout: config.process.stop_timeout.map(i64::from),
        healthcheck: health(&config.health),
        tty: Some(config.process.tty),
        open_stdin: Some(config.process.interactive),
        stdin_once: Some(config.process.interactive && attaches(StandardStream::Stdin)),
        attach_stdin: Some(attaches(StandardStream::Stdin)),
        attach_stdout: Some(attaches(StandardStream::Stdout)),
        attach_stderr: Some(attaches(StandardStream::Stderr)),
        host_config: Some(host_config(config, published)),
        ..ContainerCreateBody::default()
    }
}

/// The same body with the engine's own choice of log driver.
pub(crate) fn with_engines_log_driver(mut body: ContainerCreateBody) -> ContainerCreateBody {
    if let Some(host) = &mut body.host_config {
        host.log_config = None;
    }
    body
}

/// A mapping of `port` to any free host port.
pub(crate) fn on_any_host_port(port: Port) -> PortMapping {
    PortMapping { container: port, host_ip: None, host_port: HostPort::Any }
}

fn host_config(config: &Config, published: &[PortMapping]) -> HostConfig {
    HostConfig {
        nano_cpus: config.limits.cpus.map(|c| signed(c.nanos())),
        memory: config.limits.memory.map(|m| signed(m.bytes())),
        shm_size: config.limits.shm_size.map(|s| signed(s.bytes())),
        auto_remove: Some(config.process.auto_remove),
        storage_opt: config.limits.disk.map(|d| HashMap::from([("size".to_owned(), d.bytes().to_string())])),
        binds: list(
            config.storage.volumes.iter().filter_map(crate::config::value::mount::Mount::bind).collect(),
        ),
        tmpfs: pairs(config.storage.tmpfs.iter().map(|t| (t.path().to_owned(), t.options().to_owned()))),
        network_mode: config.network.network.clone(),
        port_bindings: bindings(config, published),
        publish_all_ports: Some(publishes_all(config)),
        restart_policy: Some(restart(config.process.restart)),
        init: config.process.init.then_some(true),
        extra_hosts: list(config.network.add_hosts.iter().map(ToString::to_string).collect()),
        log_config: Some(log_config(config)),
        ..HostConfig::default()
    }
}

/// The engine publishes all by itself unless the address is chosen; a borrowed network has no ports of its own.
fn publishes_all(config: &Config) -> bool {
    let borrowed = config.network.network.as_ref().is_some_and(|n| n.starts_with("container:"));
    config.network.publish_all && config.network.bind.is_none() && !borrowed
}

pub(crate) fn labels(task: &Task, owner: Option<&Owner>) -> HashMap<String, String> {
    let mut labels: HashMap<_, _> = task.config.labels.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    labels.extend(Labels::written(task.id, owner, task.config.ttl));
    labels
}

fn exposed(config: &Config, published: &[PortMapping]) -> Vec<String> {
    let mapped = config.network.publish.iter().chain(published).map(|m| m.container);
    let mut ports: Vec<Port> = config.network.expose.iter().copied().chain(mapped).collect();
    ports.sort_unstable();
    ports.dedup();
    ports.iter().map(ToString::to_string).collect()
}

fn bindings(config: &Config, published: &[PortMapping]) -> Option<PortMap> {
    let mut map = PortMap::new();
    let extra =
        published.iter().filter(|p| !config.network.publish.iter().any(|m| m.container == p.container));
    for mapping in config.network.publish.iter().chain(extra) {
        let host_ip = mapping.host_ip.or(config.network.bind);
        let binding = PortBinding {
            host_ip: Some(host_ip.map(|ip| ip.to_string()).unwrap_or_default()),
            host_port: Some(mapping.host_port.to_string()),
        };
        map.entry(mapping.container.to_string()).or_default().get_or_insert_default().push(binding);
    }
    (!map.is_empty()).then_some(map)
}

fn restart(policy: RestartPolicy) -> EngineRestartPolicy {
    let (name, retries) = match policy {
        RestartPolicy::No => (RestartPolicyNameEnum::NO, None),
        RestartPolicy::Always => (RestartPolicyNameEnum::ALWAYS, None),
        RestartPolicy::UnlessStopped => (RestartPolicyNameEnum::UNLESS_STOPPED, None),
        RestartPolicy::OnFailure { max_retries } => (RestartPolicyNameEnum::ON_FAILURE, max_retries),
    };
    EngineRestartPolicy { name: Some(name), maximum_retry_count: retries.map(i64::from) }
}

pub(crate) fn health(health: &HealthCheck) -> Option<HealthConfig> {
    let nanos = |d: Option<std::time::Duration>| d.and_then(|d| i64::try_from(d.as_nanos()).ok());
    (!health.is_empty()).then(|| HealthConfig {
        test: health.command.clone().map(|c| vec!["CMD-SHELL".to_owned(), c]),
        interval: nanos(health.interval),
        timeout: nanos(health.timeout),
        retries: health.retries.map(i64::from),
        start_period: nanos(health.start_period),
        start_interval: None,
    })
}

pub(crate) fn log_config(config: &Config) -> HostConfigLogConfig {
    let chosen = config.logging.log_driver.clone();
    let mut options: HashMap<_, _> =
        config.logging.log_opts.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    if chosen.is_none() && options.is_empty() {
        options.extend(LOG_OPTIONS.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    HostConfigLogConfig {
        typ: Some(chosen.unwrap_or_else(|| LOG_DRIVER.to_owned())),
        config: Some(options).filter(|o| !o.is_empty()),
    }
}

fn list(items: Vec<String>) -> Option<Vec<String>> {
    (!items.is_empty()).then_some(items)
}

fn pairs(items: impl Iterator<Item = (String, String)>) -> Option<HashMap<String, String>> {
    let map: HashMap<_, _> = items.collect();
    (!map.is_empty()).then_some(map)
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
