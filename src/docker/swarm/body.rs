//! The config in Swarm's words, and what Swarm has no words for.

use serde_json::{Map, Value, json};

use crate::{
    config::{
        Config,
        value::{
            host_entry::HostEntry,
            mount::Mount,
            port::{HostPort, Port},
            pull::PullPolicy,
            restart::RestartPolicy,
            tmpfs::Tmpfs,
        },
    },
    docker::{container::body, owner::Owner},
    error::{Error, ErrorKind},
    task::Task,
};

/// Refuses what Swarm cannot do, by the name of its flag: nothing is dropped in silence.
pub(crate) fn check(config: &Config) -> Result<(), Error> {
    let refused = [
        (config.network.bind.is_some(), "--bind", "a port is published on all addresses of the task's node"),
        (config.limits.disk.is_some(), "--disk", "limit --memory instead; Swarm knows no limit of the disk"),
        (config.limits.shm_size.is_some(), "--shm-size", "mount --tmpfs /dev/shm:size=SIZE instead"),
        (config.process.interactive, "--interactive", "give the task its input by a file or a variable"),
        (config.process.tty, "--tty", "leave it out: a service's output comes from its log"),
        (config.process.auto_remove, "--rm", "leave it out; `cube stop` or `cube prune` removes the task"),
        (
            config.pull == PullPolicy::Never,
            "--pull never",
            "each node asks the registry; without an answer it takes its own image",
        ),
        (
            config.process.restart == RestartPolicy::UnlessStopped,
            "--restart unless-stopped",
            "use --restart always; `cube stop` ends it all the same",
        ),
        (
            config.process.stop_timeout.is_some_and(|t| t < 0),
            "--stop-timeout -1",
            "give the grace in seconds",
        ),
        (
            config.network.network.as_deref().is_some_and(is_local),
            "--network",
            "name an overlay network: `docker network create --driver overlay NAME`",
        ),
        (
            config.network.publish.iter().any(|m| m.host_ip.is_some()),
            "--publish with an address",
            "leave the address out; the port is published on the task's node",
        ),
        (
            config.network.publish.iter().any(|m| matches!(m.host_port, HostPort::Range(..))),
            "--publish with a range of host ports",
            "leave the host port out to get a free one",
        ),
        (
            config.network.add_hosts.iter().any(|h| h.ip().is_none()),
            "--add-host NAME:host-gateway",
            "name the address; each node has its own gateway",
        ),
        (
            config.platform.as_ref().is_some_and(|p| p.variant().is_some()),
            "--platform with a variant",
            "name OS/ARCH alone",
        ),
    ];
    if let Some((_, flag, hint)) = refused.iter().find(|(is_set, ..)| *is_set) {
        return Err(unsupported(flag).with_hint(*hint));
    }
    config.storage.volumes.iter().try_for_each(|volume| mount(volume).map(drop))?;
    config.storage.tmpfs.iter().try_for_each(|tmpfs| temporary(tmpfs).map(drop))
}

pub(crate) fn unsupported(flag: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("Swarm cannot honour {flag}"))
}

/// Whether a network is one engine's own.
fn is_local(network: &str) -> bool {
    matches!(network, "host" | "none" | "bridge" | "default") || network.starts_with("container:")
}

/// The service of a task, which publishes `exposed` too.
pub(crate) fn service(task: &Task, exposed: &[Port], owner: Option<&Owner>) -> Value {
    let config = &task.config;
    let labels = body::labels(task, owner);
    json!({
        "Name": name(task),
        "Labels": labels,
        "Mode": {"Replicated": {"Replicas": 1}},
        "TaskTemplate": {
            "ContainerSpec": container(config, &labels),
            "Resources": resources(config),
            "RestartPolicy": restart(config.process.restart),
            "Placement": placement(config),
            "Networks": config.network.network.iter().map(|network| json!({"Target": network})).collect::<Vec<_>>(),
            "LogDriver": log_driver(config),
        },
        "EndpointSpec": {"Ports": ports(config, exposed)},
    })
}

/// Swarm's own random names meet already among a hundred services, and it refuses the second.
fn name(task: &Task) -> String {
    match &task.config.name {
        Some(name) => name.to_string(),
        None => format!("cube-{}", task.id),
    }
}

fn container(config: &Config, labels: &std::collections::HashMap<String, String>) -> Value {
    let volumes = config.storage.volumes.iter().filter_map(|volume| mount(volume).ok());
    let mounts: Vec<Value> =
        volumes.chain(config.storage.tmpfs.iter().filter_map(|tmpfs| temporary(tmpfs).ok())).collect();
    json!({
        "Image": config.image.as_str(),
        "Labels": labels,
        "Command": config.process.entrypoint.as_ref().map(|entrypoint| [entrypoint]),
        "Args": config.process.command,
        "Env": config.process.env.iter().map(crate::config::value::env::EnvVar::to_engine).collect::<Vec<_>>(),
        "Hostname": config.network.hostname,
        "Dir": config.process.workdir,
        "User": config.process.user,
        "Init": config.process.init,
        "StopSignal": config.process.stop_signal.as_ref().map(ToString::to_string),
        "StopGracePeriod": config.process.stop_timeout.map(|seconds| i64::from(seconds) * 1_000_000_000),
        "Healthcheck": body::health(&config.health),
        "Hosts": config.network.add_hosts.iter().filter_map(hosts_line).collect::<Vec<_>>(),
        "Mounts": mounts,
    })
}

/// Swarm places a task where what it may use at most is free.
fn resources(config: &Config) -> Value {
    let mut amounts = Map::new();
    if let Some(cpus) = config.limits.cpus {
        amounts.insert("NanoCPUs".to_owned(), cpus.nanos().into());
    }
    if let Some(memory) = config.limits.memory {
        amounts.insert("MemoryBytes".to_owned(), memory.bytes().into());
    }
    json!({"Limits": amounts, "Reservations": amounts})
}

fn restart(policy: RestartPolicy) -> Value {
    match policy {
        RestartPolicy::No => json!({"Condition": "none"}),
        RestartPolicy::OnFailure { max_retries } => {
            json!({"Condition": "on-failure", "MaxAttempts": max_retries.unwrap_or(0)})
        }
        RestartPolicy::Always | RestartPolicy::UnlessStopped => json!({"Condition": "any"}),
    }
}

fn placement(config: &Config) -> Value {
    let platform = config
        .platform
        .as_ref()
        .map(|platform| json!({"OS": platform.os(), "Architecture": platform.arch()}));
    json!({"Constraints": config.constraints, "Platforms": platform.into_iter().collect::<Vec<_>>()})
}

fn log_driver(config: &Config) -> Value {
    let chosen = body::log_config(config);
    json!({"Name": chosen.typ, "Options": chosen.config})
}

/// On the node that runs the task, not on every one.
fn ports(config: &Config, exposed: &[Port]) -> Vec<Value> {
    let named = config.network.publish.iter().map(|mapping| match mapping.host_port {
        HostPort::Fixed(port) => (mapping.container, port),
        HostPort::Any | HostPort::Range(..) => (mapping.container, 0),
    });
    let is_named = |port: &Port| config.network.publish.iter().any(|mapping| mapping.container == *port);
    let others = exposed.iter().filter(|port| !is_named(port)).map(|port| (*port, 0));
    let port = |(target, published): (Port, u16)| {
        json!({
            "Protocol": target.protocol.to_string(),
            "TargetPort": target.number,
            "PublishedPort": published,
            "PublishMode": "host",
        })
    };
    named.chain(others).map(port).collect()
}

/// As `/etc/hosts` has it.
fn hosts_line(entry: &HostEntry) -> Option<String> {
    entry.ip().map(|ip| format!("{ip} {}", entry.name()))
}

fn mount(volume: &Mount) -> Result<Value, Error> {
    let source = volume.source();
    let is_path = source.is_some_and(|source| source.starts_with('/'));
    let (mut of_volume, mut of_bind) = (None, None);
    for option in volume.options() {
        match option.as_str() {
            "ro" | "rw" | "consistent" | "cached" | "delegated" => {}
            "nocopy" => of_volume = Some(json!({"NoCopy": true})),
            "z" | "Z" => {
                return Err(unsupported(&format!("--volume with the option {option}"))
                    .with_hint("label the folder on each node: `chcon -Rt container_file_t PATH`"));
            }
            propagation => of_bind = Some(json!({"Propagation": propagation})),
        }
    }
    Ok(json!({
        "Type": if is_path { "bind" } else { "volume" },
        "Source": source,
        "Target": volume.target(),
        "ReadOnly": volume.is_read_only(),
        "VolumeOptions": of_volume,
        "BindOptions": of_bind,
    }))
}

fn temporary(tmpfs: &Tmpfs) -> Result<Value, Error> {
    let mut options = Map::new();
    for option in tmpfs.options().split(',').filter(|option| !option.is_empty()) {
        let (name, value) = match option.split_once('=') {
            Some(("size", size)) => (
                "SizeBytes",
                size.parse::<crate::config::value::size::Size>()
                    .ok()
                    .map(crate::config::value::size::Size::bytes),
            ),
            Some(("mode", mode)) => ("Mode", u64::from_str_radix(mode, 8).ok()),
            _ => ("", None),
        };
        let value = value.ok_or_else(|| {
            unsupported(&format!("--tmpfs with the option {option}"))
                .with_hint("size and mode are all that it takes")
        })?;
        options.insert(name.to_owned(), value.into());
    }
    Ok(json!({"Type": "tmpfs", "Target": tmpfs.path(), "TmpfsOptions": options}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(json: &str) -> Task {
        Task::new(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn what_swarm_cannot_do_is_refused_by_the_name_of_its_flag() {
        for (json, flag) in [
            (r#"{"image":"a","bind":"127.0.0.1"}"#, "--bind"),
            (r#"{"image":"a","disk":"1g"}"#, "--disk"),
            (r#"{"image":"a","shm_size":"1g"}"#, "--shm-size"),
            (r#"{"image":"a","interactive":true}"#, "--interactive"),
            (r#"{"image":"a","tty":true}"#, "--tty"),
            (r#"{"image":"a","auto_remove":true}"#, "--rm"),
            (r#"{"image":"a","pull":"never"}"#, "--pull never"),
            (r#"{"image":"a","restart":"unless-stopped"}"#, "--restart unless-stopped"),
            (r#"{"image":"a","stop_timeout":-1}"#, "--stop-timeout -1"),
            (r#"{"image":"a","network":"host"}"#, "--network"),
            (r#"{"image":"a","publish":["127.0.0.1::80/tcp"]}"#, "--publish"),
            (r#"{"image":"a","publish":["80-90:80/tcp"]}"#, "--publish"),
            (r#"{"image":"a","add_hosts":["a:host-gateway"]}"#, "--add-host"),
            (r#"{"image":"a","platform":"linux/arm/v7"}"#, "--platform"),
            (r#"{"image":"a","volumes":["/a:/b:z"]}"#, "--volume"),
            (r#"{"image":"a","tmpfs":["/a:uid=5"]}"#, "--tmpfs"),
        ] {
            let error = check(&task(json).config).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{json}");
            assert!(error.to_string().contains(flag) && error.hint().is_some(), "{error}");
        }
    }

    #[test]
    fn limits_are_reservations_too_and_ports_are_published_on_the_node() {
        let task = task(
            r#"{"image":"a","memory":"64m","cpus":"0.5","restart":"on-failure:3","publish":["8080:80/tcp"],
                "constraints":["node.labels.disk==ssd"],"add_hosts":["db:10.0.0.1"]}"#,
        );
        check(&task.config).unwrap();
        assert_eq!(name(&task), format!("cube-{}", task.id));
        let spec = service(&task, &["80/tcp".parse().unwrap(), "53/udp".parse().unwrap()], None);
        let template = &spec["TaskTemplate"];
        let amounts = json!({"NanoCPUs": 500_000_000, "MemoryBytes": 64 << 20});
        assert_eq!(template["Resources"], json!({"Limits": amounts, "Reservations": amounts}));
        assert_eq!(template["RestartPolicy"], json!({"Condition": "on-failure", "MaxAttempts": 3}));
        assert_eq!(template["Placement"]["Constraints"], json!(["node.labels.disk==ssd"]));
        assert_eq!(template["ContainerSpec"]["Hosts"], json!(["10.0.0.1 db"]));
        assert_eq!(
            spec["EndpointSpec"]["Ports"],
            json!([
                {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "host"},
                {"Protocol": "udp", "TargetPort": 53, "PublishedPort": 0, "PublishMode": "host"},
            ])
        );
        for labels in [&spec["Labels"], &template["ContainerSpec"]["Labels"]] {
            assert_eq!(labels["cube.task.id"], task.id.to_string());
        }
    }

    #[test]
    fn mounts_are_of_their_kind() {
        let task = task(
            r#"{"image":"a","volumes":["/a","data:/b:ro,nocopy","/c:/d:rslave"],"tmpfs":["/t:size=64m,mode=1777"]}"#,
        );
        let spec = service(&task, &[], None);
        let mounts = &spec["TaskTemplate"]["ContainerSpec"]["Mounts"];
        let kinds = ["volume", "volume", "bind", "tmpfs"];
        assert_eq!(
            kinds.map(|kind| mounts.as_array().unwrap().iter().filter(|m| m["Type"] == kind).count()),
            [2, 2, 1, 1]
        );
        assert_eq!((&mounts[0]["Source"], &mounts[0]["Target"]), (&Value::Null, &json!("/a")));
        assert_eq!(
            (&mounts[1]["ReadOnly"], &mounts[1]["VolumeOptions"]),
            (&json!(true), &json!({"NoCopy": true}))
        );
        assert_eq!(
            (&mounts[2]["Source"], &mounts[2]["BindOptions"]),
            (&json!("/c"), &json!({"Propagation": "rslave"}))
        );
        assert_eq!(mounts[3]["TmpfsOptions"], json!({"SizeBytes": 64 << 20, "Mode": 0o1777}));
    }
}
