//! What a manager says of services, tasks and nodes, as much as cube needs, and how it reads as a container.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::{
    config::value::port::{Binding, Port},
    docker::{
        container::networks::joined::TaskNetworks,
        details::{Details, Health},
        id::{EngineId, is_id},
        labels::TASK_ID,
        swarm::{Snapshot, is_swarm_id},
    },
    result::Ports,
};

/// The exit code of a task whose process never ran, as engines give it to a container.
const NEVER_RAN: i64 = 128;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Service {
    #[serde(rename = "ID")]
    pub(crate) id: String,
    pub(crate) created_at: Option<DateTime<Utc>>,
    #[serde(default)]
    pub(crate) spec: ServiceSpec,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct ServiceSpec {
    pub(crate) name: String,
    pub(crate) labels: HashMap<String, String>,
    task_template: TaskSpec,
    endpoint_spec: EndpointSpec,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct TaskSpec {
    container_spec: ContainerSpec,
    log_driver: LogDriver,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct LogDriver {
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct ContainerSpec {
    image: String,
    stop_grace_period: Option<i64>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct EndpointSpec {
    ports: Vec<ServicePort>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct ServicePort {
    protocol: String,
    target_port: u16,
    published_port: u16,
}

impl ServicePort {
    fn target(&self) -> Option<Port> {
        format!("{}/{}", self.target_port, self.protocol).parse().ok()
    }
}

impl Service {
    /// The grace of its task, in whole seconds.
    pub(crate) fn stop_grace(&self) -> Option<i64> {
        self.spec.task_template.container_spec.stop_grace_period.map(|nanos| nanos / 1_000_000_000)
    }
}

/// One placement of a service.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ServiceTask {
    #[serde(rename = "ID")]
    pub(crate) id: String,
    #[serde(rename = "ServiceID", default)]
    pub(crate) service_id: String,
    #[serde(rename = "NodeID", default)]
    node_id: Option<String>,
    pub(crate) created_at: Option<DateTime<Utc>>,
    #[serde(default)]
    desired_state: String,
    #[serde(default)]
    pub(crate) status: TaskStatus,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct TaskStatus {
    /// `new`, `pending`, `assigned`, `accepted`, `preparing`, `ready`, `starting`, `running`,
    /// `complete`, `shutdown`, `failed`, `rejected`, `remove`, `orphaned`.
    pub(crate) state: String,
    /// Why it is not further, or how it failed.
    pub(crate) err: String,
    timestamp: Option<DateTime<Utc>>,
    message: String,
    #[serde(rename = "ContainerStatus")]
    container: ContainerStatus,
    #[serde(rename = "PortStatus")]
    published: EndpointSpec,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct ContainerStatus {
    #[serde(rename = "ContainerID")]
    container_id: String,
    exit_code: i64,
}

impl ServiceTask {
    /// Whether its container does not run any more, or never will.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(
            self.status.state.as_str(),
            "complete" | "shutdown" | "failed" | "rejected" | "remove" | "orphaned"
        )
    }

    /// Whether Swarm has done with it: until then it may yet put another in its place.
    pub(crate) fn is_over(&self) -> bool {
        self.has_ended() && self.is_given_up()
    }

    /// Whether Swarm does not want it to run.
    pub(crate) fn is_given_up(&self) -> bool {
        matches!(self.desired_state.as_str(), "shutdown" | "remove" | "orphaned" | "failed" | "rejected")
    }

    /// Whether its service was removed.
    pub(crate) fn is_being_removed(&self) -> bool {
        self.desired_state == "remove"
    }

    fn is_running(&self) -> bool {
        self.status.state == "running"
    }

    /// Whether its process ran, if only for a moment.
    pub(crate) fn has_run(&self) -> bool {
        self.is_running()
            || (self.has_ended()
                && matches!(self.status.message.as_str(), "started" | "finished" | "shutdown"))
    }

    pub(crate) fn container_id(&self) -> Option<&str> {
        Some(self.status.container.container_id.as_str()).filter(|id| is_id(id))
    }

    /// The node that it was given to.
    pub(crate) fn node_id(&self) -> Option<&str> {
        self.node_id.as_deref().filter(|id| is_swarm_id(id))
    }

    /// Its exit code; meaningful once it ended.
    pub(crate) fn exit_code(&self) -> i64 {
        match (self.status.state.as_str(), self.status.container.exit_code) {
            ("failed" | "rejected" | "orphaned", 0) => NEVER_RAN,
            (_, code) => code,
        }
    }

    /// The published ports at the address of its node.
    fn ports(&self, node: Option<&Node>) -> Ports {
        let mut ports = Ports::new();
        let Some(node) = node.filter(|_| self.is_running()) else { return ports };
        for answer in &self.status.published.ports {
            let Some(port) = answer.target() else { continue };
            let binding = Binding { host: node.address().to_owned(), port: answer.published_port };
            let bindings = ports.entry(port).or_default();
            // Swarm lists a port for IPv4 and for IPv6.
            if !bindings.contains(&binding) {
                bindings.push(binding);
            }
        }
        ports
    }
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Node {
    #[serde(rename = "ID")]
    pub(crate) id: String,
    #[serde(default)]
    description: Description,
    #[serde(default)]
    status: NodeStatus,
    #[serde(default)]
    manager_status: ManagerStatus,
}

#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Description {
    hostname: String,
}

#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct NodeStatus {
    state: String,
    addr: String,
}

#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct ManagerStatus {
    addr: String,
}

impl Node {
    pub(crate) fn is_down(&self) -> bool {
        self.status.state == "down"
    }

    pub(crate) fn name(&self) -> &str {
        &self.description.hostname
    }

    /// Where its published ports are. A manager may know itself by no address but its own listener's.
    fn address(&self) -> &str {
        match self.status.addr.as_str() {
            "" | "0.0.0.0" | "::" => self.manager_status.addr.rsplit_once(':').map_or("", |(host, _)| host),
            address => address,
        }
    }
}

impl Details {
    /// The same with what its container's own engine knows better, if it could be asked: Swarm reports
    /// no lack of memory and keeps one time only.
    pub(crate) fn with_end_of(self, own: Option<&Self>) -> Self {
        match own {
            Some(&Self { oom_killed, started_at, finished_at, .. }) => {
                Self { oom_killed, started_at, finished_at, ..self }
            }
            None => self,
        }
    }
}

impl From<Snapshot> for Details {
    fn from(now: Snapshot) -> Self {
        let (newest, node) = (now.newest(), now.node.as_ref());
        let lost = newest.is_some_and(|task| now.is_lost(task));
        let status = newest.map_or("new", |task| if lost { "orphaned" } else { &task.status.state });
        let spec = &now.service.spec;
        let exposed: Vec<_> = spec.endpoint_spec.ports.iter().filter_map(ServicePort::target).collect();
        let moment = |wanted: bool| newest.filter(|_| wanted).and_then(|task| task.status.timestamp);
        let ended = newest.is_some_and(ServiceTask::has_ended);
        Self {
            id: EngineId::Service(now.service.id.clone()),
            name: spec.name.clone(),
            image: spec.task_template.container_spec.image.clone(),
            task_id: spec.labels.get(TASK_ID).and_then(|id| id.parse().ok()),
            status: status.to_owned(),
            error: newest.map(|task| task.status.err.clone()).unwrap_or_default(),
            exit_code: newest.map_or(0, ServiceTask::exit_code),
            oom_killed: false,
            pid: 0,
            restarts: u64::try_from(now.tasks.len().saturating_sub(1)).unwrap_or_default(),
            // Swarm places it anew.
            comes_again: false,
            created_at: now.service.created_at,
            // Swarm keeps the time of the last change alone: of a task that ended, when it was placed is nearest.
            started_at: match newest.filter(|task| task.has_run()) {
                Some(task) if ended => task.created_at,
                Some(_) => moment(true),
                None => None,
            },
            finished_at: moment(ended),
            // Swarm calls a task with a health check running only when it is healthy.
            health: Some(Health {
                status: if status == "running" { "healthy" } else { "starting" }.to_owned(),
                probes: Vec::new(),
            }),
            log_driver: spec.task_template.log_driver.name.clone(),
            tty: false,
            open_stdin: false,
            stop_timeout: now.service.stop_grace(),
            networks: TaskNetworks::default(),
            network_mode: String::new(),
            addresses: Vec::new(),
            published: newest.map(|task| task.ports(node)).unwrap_or_default(),
            to_publish: exposed.clone(),
            exposed,
            node: node.map(|node| node.name().to_owned()),
            service: None,
            labels: HashMap::new(),
            image_id: String::new(),
        }
    }
}
