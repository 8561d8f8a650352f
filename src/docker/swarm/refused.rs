//! Refuses config fields that Swarm does not support, by the names of their flags. None is ignored silently.

use crate::{
    config::{
        Config,
        value::{
            image::pull::PullPolicy, mount::full::MountKind, network::NetworkAttachment, port::HostPort,
            restart::RestartPolicy,
        },
    },
    error::{Error, ErrorKind},
};

/// Whether the field is set, its flag, and what to do instead.
type Line = (bool, &'static str, &'static str);

/// The hint for fields without an equivalent.
const ONE_ENGINE: &str = "run it on one engine, without --swarm: choose it with --host";

/// Refuses what Swarm cannot do.
pub(crate) fn check(config: &Config) -> Result<(), Error> {
    let refused = |lines: &[Line]| match lines.iter().find(|(is_set, ..)| *is_set) {
        Some((_, flag, hint)) => Err(unsupported(flag).with_hint(*hint)),
        None => Ok(()),
    };
    refused(&process(config))?;
    refused(&limits(config))?;
    refused(&processors_and_disks(config))?;
    refused(&network(config))?;
    refused(&storage(config))?;
    refused(&security(config))
}

pub(crate) fn unsupported(flag: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("Swarm cannot honour {flag}"))
}

fn process(config: &Config) -> [Line; 8] {
    let process = &config.process;
    [
        (process.interactive, "--interactive", "give the task its input by a file or a variable"),
        (process.tty, "--tty", "leave it out: a service's output comes from its log"),
        (process.auto_remove, "--rm", "leave it out; `cube stop` or `cube prune` removes the task"),
        (
            config.pull == PullPolicy::Never,
            "--pull never",
            "each node asks the registry; without an answer it takes its own image",
        ),
        (
            process.restart == RestartPolicy::UnlessStopped,
            "--restart unless-stopped",
            "use --restart always; `cube stop` ends it all the same",
        ),
        (process.stop_timeout.is_some_and(|t| t < 0), "--stop-timeout -1", "give the grace in seconds"),
        (
            config.platform.as_ref().is_some_and(|p| p.variant().is_some()),
            "--platform with a variant",
            "name OS/ARCH alone",
        ),
        (!config.annotation.is_empty(), "--annotation", "use --label if no runtime is to read it"),
    ]
}

fn limits(config: &Config) -> [Line; 8] {
    let limits = &config.limits;
    [
        (limits.disk.is_some(), "--disk", "limit --memory instead; Swarm knows no limit of the disk"),
        (limits.shm_size.is_some(), "--shm-size", "mount --tmpfs /dev/shm:size=SIZE instead"),
        (limits.memory_swap.is_some(), "--memory-swap", ONE_ENGINE),
        (limits.memory_swappiness.is_some(), "--memory-swappiness", ONE_ENGINE),
        (limits.kernel_memory.is_some(), "--kernel-memory", "leave it out: --memory counts it too"),
        (limits.oom_kill_disable, "--oom-kill-disable", ONE_ENGINE),
        (limits.oom_score_adj.is_some(), "--oom-score-adj", ONE_ENGINE),
        (limits.blkio_weight.is_some(), "--blkio-weight", ONE_ENGINE),
    ]
}

fn processors_and_disks(config: &Config) -> [Line; 12] {
    let limits = &config.limits;
    let share = "limit --cpus instead";
    [
        (limits.cpu_shares.is_some(), "--cpu-shares", share),
        (limits.cpu_period.is_some(), "--cpu-period", share),
        (limits.cpu_quota.is_some(), "--cpu-quota", share),
        (limits.cpu_rt_period.is_some(), "--cpu-rt-period", share),
        (limits.cpu_rt_runtime.is_some(), "--cpu-rt-runtime", share),
        (limits.cpuset_cpus.is_some(), "--cpuset-cpus", share),
        (limits.cpuset_mems.is_some(), "--cpuset-mems", ONE_ENGINE),
        (!limits.blkio_weight_device.is_empty(), "--blkio-weight-device", ONE_ENGINE),
        (!limits.device_read_bps.is_empty(), "--device-read-bps", ONE_ENGINE),
        (!limits.device_write_bps.is_empty(), "--device-write-bps", ONE_ENGINE),
        (!limits.device_read_iops.is_empty(), "--device-read-iops", ONE_ENGINE),
        (!limits.device_write_iops.is_empty(), "--device-write-iops", ONE_ENGINE),
    ]
}

fn network(config: &Config) -> [Line; 13] {
    let network = &config.network;
    let any = |is: fn(&NetworkAttachment) -> bool| network.networks.iter().any(is);
    let address =
        "leave it out: Swarm chooses the address, and the network knows the task by --network-alias";
    [
        (network.bind.is_some(), "--bind", "a port is published on all addresses of the task's node"),
        (
            network.create_network,
            "--create-network",
            "make an overlay network first: `docker network create --driver overlay NAME`",
        ),
        (
            any(|n| !n.is_user_defined()),
            "--network",
            "name an overlay network: `docker network create --driver overlay NAME`",
        ),
        (
            network.publish.iter().any(|m| m.host_ip.is_some()),
            "--publish with an address",
            "leave the address out; the port is published on the task's node",
        ),
        (
            network.publish.iter().any(|m| matches!(m.host_port, HostPort::Range(..))),
            "--publish with a range of host ports",
            "leave the host port out to get a free one",
        ),
        (
            network.add_hosts.iter().any(|h| h.ip().is_none()),
            "--add-host NAME:host-gateway",
            "name the address; each node has its own gateway",
        ),
        (network.ip.is_some() || any(|n| n.ip.is_some()), "--ip", address),
        (network.ip6.is_some() || any(|n| n.ip6.is_some()), "--ip6", address),
        (
            !network.link_local_ip.is_empty() || any(|n| !n.link_local_ips.is_empty()),
            "--link-local-ip",
            address,
        ),
        (network.mac_address.is_some() || any(|n| n.mac_address.is_some()), "--mac-address", address),
        (any(|n| n.gw_priority != 0), "--network with gw-priority", "leave it out"),
        (!network.link.is_empty(), "--link", "join both to one overlay network by --network"),
        (network.domainname.is_some(), "--domainname", "put it into --hostname"),
    ]
}

fn storage(config: &Config) -> [Line; 5] {
    let storage = &config.storage;
    [
        (!storage.volumes_from.is_empty(), "--volumes-from", "name the volume itself: --volume NAME:/PATH"),
        (
            storage.volume_driver.is_some(),
            "--volume-driver",
            "write --mount type=volume,source=NAME,target=/PATH,volume-driver=DRIVER",
        ),
        (!storage.storage_opt.is_empty(), "--storage-opt", ONE_ENGINE),
        (
            storage.use_api_socket,
            "--use-api-socket",
            "mount the node's: --volume /var/run/docker.sock:/var/run/docker.sock",
        ),
        (
            storage.mount.iter().any(|m| m.kind == MountKind::Image),
            "--mount type=image",
            "copy the image's files into a volume, and mount that",
        ),
    ]
}

fn security(config: &Config) -> [Line; 13] {
    let security = &config.security;
    [
        (security.privileged, "--privileged", "add the single capabilities by --cap-add"),
        (!security.security_opt.is_empty(), "--security-opt", ONE_ENGINE),
        (!security.device.is_empty(), "--device", ONE_ENGINE),
        (!security.device_cgroup_rule.is_empty(), "--device-cgroup-rule", ONE_ENGINE),
        (!security.gpus.is_empty(), "--gpus", ONE_ENGINE),
        (security.runtime.is_some(), "--runtime", "set the default runtime of the node's engine"),
        (security.ipc.is_some(), "--ipc", ONE_ENGINE),
        (security.pid.is_some(), "--pid", ONE_ENGINE),
        (security.uts.is_some(), "--uts", ONE_ENGINE),
        (security.userns.is_some(), "--userns", ONE_ENGINE),
        (security.cgroupns.is_some(), "--cgroupns", ONE_ENGINE),
        (security.cgroup_parent.is_some(), "--cgroup-parent", ONE_ENGINE),
        (security.isolation.is_some(), "--isolation", ONE_ENGINE),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: [(&str, &str); 59] = [
        (r#"{"bind":"127.0.0.1"}"#, "--bind"),
        (r#"{"disk":"1g"}"#, "--disk"),
        (r#"{"shm_size":"1g"}"#, "--shm-size"),
        (r#"{"interactive":true}"#, "--interactive"),
        (r#"{"tty":true}"#, "--tty"),
        (r#"{"auto_remove":true}"#, "--rm"),
        (r#"{"pull":"never"}"#, "--pull never"),
        (r#"{"restart":"unless-stopped"}"#, "--restart unless-stopped"),
        (r#"{"stop_timeout":-1}"#, "--stop-timeout -1"),
        (r#"{"annotation":{"a":"b"}}"#, "--annotation"),
        (r#"{"network":"host"}"#, "--network"),
        (r#"{"network":"a","create_network":true}"#, "--create-network"),
        (r#"{"publish":["127.0.0.1::80/tcp"]}"#, "--publish"),
        (r#"{"publish":["80-90:80/tcp"]}"#, "--publish"),
        (r#"{"add_hosts":["a:host-gateway"]}"#, "--add-host"),
        (r#"{"platform":"linux/arm/v7"}"#, "--platform"),
        (r#"{"memory_swap":-1}"#, "--memory-swap"),
        (r#"{"memory_swappiness":1}"#, "--memory-swappiness"),
        (r#"{"kernel_memory":"8m"}"#, "--kernel-memory"),
        (r#"{"oom_kill_disable":true}"#, "--oom-kill-disable"),
        (r#"{"oom_score_adj":1}"#, "--oom-score-adj"),
        (r#"{"blkio_weight":10}"#, "--blkio-weight"),
        (r#"{"blkio_weight_device":["/dev/sda:10"]}"#, "--blkio-weight-device"),
        (r#"{"device_read_bps":["/dev/sda:1"]}"#, "--device-read-bps"),
        (r#"{"device_write_bps":["/dev/sda:1"]}"#, "--device-write-bps"),
        (r#"{"device_read_iops":["/dev/sda:1"]}"#, "--device-read-iops"),
        (r#"{"device_write_iops":["/dev/sda:1"]}"#, "--device-write-iops"),
        (r#"{"cpu_shares":1}"#, "--cpu-shares"),
        (r#"{"cpu_period":1}"#, "--cpu-period"),
        (r#"{"cpu_quota":1}"#, "--cpu-quota"),
        (r#"{"cpu_rt_period":1}"#, "--cpu-rt-period"),
        (r#"{"cpu_rt_runtime":1}"#, "--cpu-rt-runtime"),
        (r#"{"cpuset_cpus":"0"}"#, "--cpuset-cpus"),
        (r#"{"cpuset_mems":"0"}"#, "--cpuset-mems"),
        (r#"{"ip":"10.0.0.1"}"#, "--ip"),
        (r#"{"network":"name=a,ip6=fe80::1"}"#, "--ip6"),
        (r#"{"link_local_ip":["169.254.0.1"]}"#, "--link-local-ip"),
        (r#"{"mac_address":"92:d0:c6:0a:29:33"}"#, "--mac-address"),
        (r#"{"network":"name=a,gw-priority=1"}"#, "gw-priority"),
        (r#"{"link":["a"]}"#, "--link"),
        (r#"{"domainname":"a"}"#, "--domainname"),
        (r#"{"volumes_from":["a"]}"#, "--volumes-from"),
        (r#"{"volume_driver":"a"}"#, "--volume-driver"),
        (r#"{"storage_opt":{"a":"b"}}"#, "--storage-opt"),
        (r#"{"use_api_socket":true}"#, "--use-api-socket"),
        (r#"{"mount":["type=image,source=a,target=/b"]}"#, "--mount type=image"),
        (r#"{"privileged":true}"#, "--privileged"),
        (r#"{"security_opt":["label=disable"]}"#, "--security-opt"),
        (r#"{"device":["/dev/kvm"]}"#, "--device"),
        (r#"{"device_cgroup_rule":["a *:* r"]}"#, "--device-cgroup-rule"),
        (r#"{"gpus":["all"]}"#, "--gpus"),
        (r#"{"runtime":"a"}"#, "--runtime"),
        (r#"{"ipc":"host"}"#, "--ipc"),
        (r#"{"pid":"host"}"#, "--pid"),
        (r#"{"uts":"host"}"#, "--uts"),
        (r#"{"userns":"host"}"#, "--userns"),
        (r#"{"cgroupns":"host"}"#, "--cgroupns"),
        (r#"{"cgroup_parent":"a"}"#, "--cgroup-parent"),
        (r#"{"isolation":"process"}"#, "--isolation"),
    ];

    #[test]
    fn fields_that_swarm_lacks_are_refused_by_their_flags() {
        for (json, flag) in REFUSED {
            let config = Config::from_json(json.as_bytes(), Some("a".parse().unwrap())).unwrap();
            let error = check(&config).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{json}");
            assert!(error.to_string().contains(flag) && error.hint().is_some(), "{error}");
        }
    }
}
