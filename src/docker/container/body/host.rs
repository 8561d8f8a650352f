//! The part of a create request that is about the host: limits, isolation, ports, devices.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{
    config::{
        Config,
        value::{
            device::{
                Device,
                gpus::GpuRequest,
                rate::{ByteRate, DeviceWeight, OperationRate},
            },
            mount::Mount,
            port::PortMapping,
            restart::RestartPolicy,
            size::{Cpus, Size, SwapLimit},
            ulimit::Ulimit,
        },
    },
    docker::container::body::{context::CreateContext, fields::add, log_driver::log_driver, mounts},
    task::Task,
};

pub(super) fn host_config(task: &Task, around: &CreateContext) -> Map<String, Value> {
    let (config, mut host) = (&task.config, Map::new());
    limits(&mut host, config);
    processors(&mut host, config);
    disks(&mut host, config);
    network(&mut host, config, around.published);
    storage(&mut host, config, around.socket);
    security(&mut host, config);
    namespaces(&mut host, config);
    devices(&mut host, config);
    let (driver, options) = log_driver(config);
    add(
        &mut host,
        [
            ("ContainerIDFile", json!(config.cidfile)),
            ("AutoRemove", config.process.auto_remove.into()),
            ("RestartPolicy", restart(config.process.restart)),
            ("Init", json!(config.process.init)),
            ("Annotations", json!(config.annotation)),
            ("ConsoleSize", json!(task.console_size.map(|(columns, rows)| [rows, columns]))),
            ("LogConfig", json!({"Type": driver, "Config": options})),
        ],
    );
    host
}

fn limits(host: &mut Map<String, Value>, config: &Config) {
    let limits = &config.limits;
    let bytes = |size: Option<Size>| json!(size.map(Size::bytes));
    let swap = limits.memory_swap.map(|swap| match swap {
        SwapLimit::Unlimited => json!(-1),
        SwapLimit::Total(size) => json!(size.bytes()),
    });
    add(
        host,
        [
            ("Memory", bytes(limits.memory)),
            ("MemorySwap", json!(swap)),
            ("MemoryReservation", bytes(limits.memory_reservation)),
            // The value that Docker's CLI sends for the machine's own setting.
            ("MemorySwappiness", limits.memory_swappiness.unwrap_or(-1).into()),
            ("KernelMemory", bytes(limits.kernel_memory)),
            ("OomKillDisable", limits.oom_kill_disable.into()),
            ("OomScoreAdj", json!(limits.oom_score_adj)),
            ("PidsLimit", json!(limits.pids_limit)),
            ("ShmSize", bytes(limits.shm_size)),
            ("Ulimits", ulimits(&limits.ulimit)),
        ],
    );
}

/// The ulimits; the last one of each name counts.
pub(crate) fn ulimits(limits: &[Ulimit]) -> Value {
    let mut by_name: BTreeMap<&str, &Ulimit> = BTreeMap::new();
    by_name.extend(limits.iter().map(|limit| (limit.name(), limit)));
    let words = |limit: &&Ulimit| json!({"Name": limit.name(), "Soft": limit.soft(), "Hard": limit.hard()});
    by_name.values().map(words).collect()
}

fn processors(host: &mut Map<String, Value>, config: &Config) {
    let limits = &config.limits;
    add(
        host,
        [
            ("NanoCpus", json!(limits.cpus.map(Cpus::nanos))),
            ("CpuShares", json!(limits.cpu_shares)),
            ("CpuPeriod", json!(limits.cpu_period)),
            ("CpuQuota", json!(limits.cpu_quota)),
            ("CpuRealtimePeriod", json!(limits.cpu_rt_period)),
            ("CpuRealtimeRuntime", json!(limits.cpu_rt_runtime)),
            ("CpusetCpus", json!(limits.cpuset_cpus)),
            ("CpusetMems", json!(limits.cpuset_mems)),
        ],
    );
}

fn disks(host: &mut Map<String, Value>, config: &Config) {
    let limits = &config.limits;
    let bytes = |rates: &[ByteRate]| -> Value {
        rates.iter().map(|rate| json!({"Path": rate.path, "Rate": rate.rate.bytes()})).collect()
    };
    let operations = |rates: &[OperationRate]| -> Value {
        rates.iter().map(|rate| json!({"Path": rate.path, "Rate": rate.rate})).collect()
    };
    let weight = |weight: &DeviceWeight| json!({"Path": weight.path, "Weight": weight.weight});
    add(
        host,
        [
            ("BlkioWeight", json!(limits.blkio_weight)),
            ("BlkioWeightDevice", limits.blkio_weight_device.iter().map(weight).collect()),
            ("BlkioDeviceReadBps", bytes(&limits.device_read_bps)),
            ("BlkioDeviceWriteBps", bytes(&limits.device_write_bps)),
            ("BlkioDeviceReadIOps", operations(&limits.device_read_iops)),
            ("BlkioDeviceWriteIOps", operations(&limits.device_write_iops)),
        ],
    );
}

fn network(host: &mut Map<String, Value>, config: &Config, published: &[PortMapping]) {
    let network = &config.network;
    let first = network.networks.first();
    add(
        host,
        [
            ("NetworkMode", first.map_or("default", |network| network.name.as_str()).into()),
            ("PortBindings", bindings(config, published)),
            ("PublishAllPorts", (publishes_exposed(config) && network.bind.is_none()).into()),
            ("ExtraHosts", network.add_hosts.iter().map(ToString::to_string).collect()),
            ("Dns", json!(network.dns)),
            ("DnsOptions", json!(network.dns_option)),
            ("DnsSearch", json!(network.dns_search)),
            ("Links", json!(network.link)),
        ],
    );
}

/// Whether all exposed ports are to be published.
pub(crate) fn publishes_exposed(config: &Config) -> bool {
    config.network.publish_all && !config.network.is_borrowed()
}

fn bindings(config: &Config, published: &[PortMapping]) -> Value {
    let own = &config.network.publish;
    let extra = published.iter().filter(|p| !own.iter().any(|m| m.container == p.container));
    let mut map: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for mapping in own.iter().chain(extra) {
        let host_ip = mapping.host_ip.or(config.network.bind).map(|ip| ip.to_string()).unwrap_or_default();
        let binding = json!({"HostIp": host_ip, "HostPort": mapping.host_port.to_string()});
        map.entry(mapping.container.to_string()).or_default().push(binding);
    }
    json!(map)
}

fn storage(host: &mut Map<String, Value>, config: &Config, socket: Option<&str>) {
    let storage = &config.storage;
    let mut options = storage.storage_opt.clone();
    if let Some(size) = config.limits.disk {
        options.insert("size".to_owned(), size.bytes().to_string());
    }
    // The engine refuses a mount that is given twice.
    let mut binds: Vec<String> = Vec::new();
    for bind in storage.volumes.iter().filter_map(Mount::bind) {
        if !binds.contains(&bind) {
            binds.push(bind);
        }
    }
    let tmpfs = storage.tmpfs.iter().map(|tmpfs| (tmpfs.path().to_owned(), tmpfs.options().into()));
    add(
        host,
        [
            ("Binds", json!(binds)),
            ("Tmpfs", Value::Object(tmpfs.collect())),
            ("Mounts", storage.mount.iter().map(mounts::words).chain(socket.map(mounts::socket)).collect()),
            ("VolumesFrom", json!(storage.volumes_from)),
            ("VolumeDriver", json!(storage.volume_driver)),
            ("StorageOpt", json!(options)),
        ],
    );
}

/// With this option both path lists are sent empty, which lets the container see everything below `/proc` and `/sys`.
const EVERY_PATH: &str = "systempaths=unconfined";

fn security(host: &mut Map<String, Value>, config: &Config) {
    let security = &config.security;
    let options: Vec<&String> = security.security_opt.iter().filter(|option| *option != EVERY_PATH).collect();
    if options.len() < security.security_opt.len() {
        host.insert("MaskedPaths".to_owned(), json!([]));
        host.insert("ReadonlyPaths".to_owned(), json!([]));
    }
    add(
        host,
        [
            ("Privileged", security.privileged.into()),
            ("CapAdd", capabilities(&security.cap_add)),
            ("CapDrop", capabilities(&security.cap_drop)),
            ("SecurityOpt", json!(options)),
            ("ReadonlyRootfs", security.read_only.into()),
            ("GroupAdd", json!(security.group_add)),
            ("Sysctls", json!(security.sysctl)),
            ("Runtime", json!(security.runtime)),
            ("Isolation", json!(security.isolation)),
        ],
    );
}

/// The names in upper case with the prefix `CAP_`, without repetitions.
pub(crate) fn capabilities(names: &[String]) -> Value {
    let whole = |name: &String| {
        let name = name.to_uppercase();
        if name == "ALL" || name.starts_with("CAP_") { name } else { format!("CAP_{name}") }
    };
    let mut names: Vec<String> = names.iter().map(whole).collect();
    names.sort_unstable();
    names.dedup();
    json!(names)
}

fn namespaces(host: &mut Map<String, Value>, config: &Config) {
    let security = &config.security;
    add(
        host,
        [
            ("IpcMode", json!(security.ipc)),
            ("PidMode", json!(security.pid)),
            ("UTSMode", json!(security.uts)),
            ("UsernsMode", json!(security.userns)),
            ("CgroupnsMode", json!(security.cgroupns)),
            ("CgroupParent", json!(security.cgroup_parent)),
        ],
    );
}

fn devices(host: &mut Map<String, Value>, config: &Config) {
    let security = &config.security;
    let (mut paths, mut names) = (Vec::new(), Vec::new());
    for device in &security.device {
        match device {
            Device::Path { host, container, permissions } => paths.push(
                json!({"PathOnHost": host, "PathInContainer": container, "CgroupPermissions": permissions}),
            ),
            Device::Cdi(name) => names.push(name),
        }
    }
    let by_name = (!names.is_empty()).then(|| json!({"Driver": "cdi", "DeviceIDs": names}));
    add(
        host,
        [
            ("Devices", paths.into()),
            ("DeviceCgroupRules", json!(security.device_cgroup_rule)),
            ("DeviceRequests", security.gpus.iter().map(gpus).chain(by_name).collect()),
        ],
    );
}

fn gpus(request: &GpuRequest) -> Value {
    json!({
        "Driver": request.driver(),
        "Count": request.count(),
        "DeviceIDs": request.devices(),
        "Capabilities": [request.capabilities()],
        "Options": request.options(),
    })
}

fn restart(policy: RestartPolicy) -> Value {
    let retries = match policy {
        RestartPolicy::OnFailure { max_retries } => max_retries.unwrap_or(0),
        _ => 0,
    };
    json!({"Name": policy.name(), "MaximumRetryCount": retries})
}
