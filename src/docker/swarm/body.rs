//! The config as a service for Swarm.

use serde_json::{Map, Value, json};

use crate::{
    config::{
        Config,
        value::{
            mount::{Mount, tmpfs::Tmpfs},
            network::{NetworkAttachment, host_entry::HostEntry},
            port::{HostPort, Port},
            restart::RestartPolicy,
        },
    },
    docker::{container::body as container_body, labels::owner::Owner, swarm::refused::unsupported},
    error::Error,
    task::Task,
};

/// Refuses mount options that Swarm does not have.
pub(crate) fn check_mounts(config: &Config) -> Result<(), Error> {
    config.storage.volumes.iter().try_for_each(|volume| mount(volume).map(drop))?;
    config.storage.tmpfs.iter().try_for_each(|tmpfs| temporary(tmpfs).map(drop))
}

/// The service for a task; it publishes `exposed` too.
pub(crate) fn service(task: &Task, exposed: &[Port], owner: Option<&Owner>) -> Value {
    let config = &task.config;
    let labels = container_body::labels(task, owner);
    json!({
        "Name": name(task),
        "Labels": labels,
        "Mode": {"Replicated": {"Replicas": 1}},
        "TaskTemplate": {
            "ContainerSpec": container(config, &labels),
            "Resources": resources(config),
            "RestartPolicy": restart(config.process.restart),
            "Placement": placement(config),
            "Networks": networks(config),
            "LogDriver": log_driver(config),
        },
        "EndpointSpec": {"Ports": ports(config, exposed)},
    })
}

/// The service's name. Swarm's own random names collide already among a hundred services, and it refuses the second
/// one.
fn name(task: &Task) -> String {
    match &task.config.name {
        Some(name) => name.to_string(),
        None => format!("cube-{}", task.id),
    }
}

fn container(config: &Config, labels: &std::collections::HashMap<String, String>) -> Value {
    let volumes = config.storage.volumes.iter().filter_map(|volume| mount(volume).ok());
    let temporary = config.storage.tmpfs.iter().filter_map(|tmpfs| temporary(tmpfs).ok());
    let long = config.storage.mount.iter().map(container_body::mount);
    let mounts: Vec<Value> = volumes.chain(temporary).chain(long).collect();
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
        "Healthcheck": container_body::health(&config.health),
        "Hosts": config.network.add_hosts.iter().filter_map(hosts_line).collect::<Vec<_>>(),
        "Mounts": mounts,
        "Groups": config.security.group_add,
        "ReadOnly": config.security.read_only,
        "CapabilityAdd": container_body::capabilities(&config.security.cap_add),
        "CapabilityDrop": container_body::capabilities(&config.security.cap_drop),
        "Sysctls": config.security.sysctl,
        "Ulimits": container_body::ulimits(&config.limits.ulimit),
        "DNSConfig": dns(config),
    })
}

fn dns(config: &Config) -> Value {
    let network = &config.network;
    json!({"Nameservers": network.dns, "Search": network.dns_search, "Options": network.dns_option})
}

fn networks(config: &Config) -> Value {
    let words = |network: &NetworkAttachment| json!({"Target": network.name, "Aliases": network.aliases, "DriverOpts": network.driver_opts});
    match config.network.networks.as_slice() {
        [] => json!([]),
        _ => config.network.joined().iter().map(words).collect(),
    }
}

/// The limits, which are reservations too: Swarm places a task on a node that has them free.
fn resources(config: &Config) -> Value {
    let mut amounts = Map::new();
    if let Some(cpus) = config.limits.cpus {
        amounts.insert("NanoCPUs".to_owned(), cpus.nanos().into());
    }
    if let Some(memory) = config.limits.memory {
        amounts.insert("MemoryBytes".to_owned(), memory.bytes().into());
    }
    let mut reserved = amounts.clone();
    if let Some(memory) = config.limits.memory_reservation {
        reserved.insert("MemoryBytes".to_owned(), memory.bytes().into());
    }
    if let Some(pids) = config.limits.pids_limit.filter(|pids| *pids > 0) {
        amounts.insert("Pids".to_owned(), pids.into());
    }
    json!({"Limits": amounts, "Reservations": reserved})
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
    let (name, options) = container_body::log_driver(config);
    json!({"Name": name, "Options": options})
}

/// The ports, published on the node that runs the task, not on every node.
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

/// A line in the form of `/etc/hosts`.
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
    use crate::docker::swarm::refused;

    fn task(json: &str) -> Task {
        Task::new(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn limits_are_reservations_too_and_ports_are_published_on_the_node() {
        let task = task(
            r#"{"image":"a","memory":"64m","cpus":"0.5","restart":"on-failure:3","publish":["8080:80/tcp"],
                "constraints":["node.labels.disk==ssd"],"add_hosts":["db:10.0.0.1"]}"#,
        );
        refused::check(&task.config).unwrap();
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
    fn options_of_mounts_that_swarm_does_not_have_are_refused() {
        for (json, flag) in [
            (r#"{"image":"a","volumes":["/a:/b:z"]}"#, "--volume"),
            (r#"{"image":"a","tmpfs":["/a:uid=5"]}"#, "--tmpfs"),
        ] {
            let error = check_mounts(&task(json).config).unwrap_err();
            assert!(error.to_string().contains(flag) && error.hint().is_some(), "{error}");
        }
    }

    #[test]
    fn docker_s_options_are_translated_for_swarm() {
        let task = task(
            r#"{"image":"a","memory":"64m","memory_reservation":"32m","pids_limit":9,"cap_add":["net_admin"],
                "ulimit":["nofile=1"],"sysctl":{"net.a":"1"},"dns":["1.1.1.1"],"group_add":["g"],"read_only":true,
                "network":["a","name=b,alias=y"],"network_alias":["x"],
                "mount":["source=v,target=/v"],"health":{"disabled":true}}"#,
        );
        refused::check(&task.config).unwrap();
        let spec = service(&task, &[], None);
        let (template, container) = (&spec["TaskTemplate"], &spec["TaskTemplate"]["ContainerSpec"]);
        assert_eq!(template["Resources"]["Limits"], json!({"MemoryBytes": 64 << 20, "Pids": 9}));
        assert_eq!(template["Resources"]["Reservations"], json!({"MemoryBytes": 32 << 20}));
        assert_eq!(
            (&template["Networks"][0]["Aliases"], &template["Networks"][1]["Aliases"]),
            (&json!(["x"]), &json!(["y"]))
        );
        assert_eq!(
            (&container["CapabilityAdd"], &container["Groups"]),
            (&json!(["CAP_NET_ADMIN"]), &json!(["g"]))
        );
        assert_eq!(container["Ulimits"], json!([{"Name": "nofile", "Soft": 1, "Hard": 1}]));
        assert_eq!((&container["Sysctls"]["net.a"], &container["ReadOnly"]), (&json!("1"), &json!(true)));
        assert_eq!(container["DNSConfig"]["Nameservers"], json!(["1.1.1.1"]));
        assert_eq!(container["Mounts"], json!([{"Type": "volume", "Source": "v", "Target": "/v"}]));
        assert_eq!(container["Healthcheck"], json!({"Test": ["NONE"]}));
    }

    #[test]
    fn each_mount_keeps_its_kind() {
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
