//! What a manager says of services, tasks and nodes, as much as cube needs.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::{
    config::value::port::{Binding, Port},
    docker::{id::is_id, swarm::id::is_swarm_id},
    result::Ports,
};

/// The exit code of a task whose process never ran; engines use it for containers.
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
    pub(super) task_template: TaskSpec,
    pub(super) endpoint_spec: EndpointSpec,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct TaskSpec {
    pub(super) container_spec: ContainerSpec,
    pub(super) log_driver: LogDriver,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct LogDriver {
    pub(super) name: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ContainerSpec {
    pub(super) image: String,
    stop_grace_period: Option<i64>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct EndpointSpec {
    pub(super) ports: Vec<ServicePort>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ServicePort {
    protocol: String,
    target_port: u16,
    published_port: u16,
}

impl ServicePort {
    pub(super) fn target(&self) -> Option<Port> {
        format!("{}/{}", self.target_port, self.protocol).parse().ok()
    }
}

impl Service {
    /// Its grace, in whole seconds.
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
    /// Why it is waiting, or how it failed.
    pub(crate) err: String,
    pub(super) timestamp: Option<DateTime<Utc>>,
    message: String,
    #[serde(rename = "ContainerStatus")]
    container: ContainerStatus,
    #[serde(rename = "PortStatus")]
    published: EndpointSpec,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ContainerStatus {
    #[serde(rename = "ContainerID")]
    container_id: String,
    exit_code: i64,
}

impl ServiceTask {
    /// Sorts by the time of creation.
    pub(crate) fn oldest_first(tasks: &mut [Self]) {
        tasks.sort_by_key(|task| task.created_at);
    }

    /// Whether its container has ended or will never run.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(
            self.status.state.as_str(),
            "complete" | "shutdown" | "failed" | "rejected" | "remove" | "orphaned"
        )
    }

    /// Whether Swarm is finished with it: until then it may replace it with a new one.
    pub(crate) fn is_over(&self) -> bool {
        self.has_ended() && self.is_given_up()
    }

    /// Whether Swarm no longer wants it to run.
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

    /// Whether its process has run, even if only for a moment.
    pub(crate) fn has_run(&self) -> bool {
        self.is_running()
            || (self.has_ended()
                && matches!(self.status.message.as_str(), "started" | "finished" | "shutdown"))
    }

    pub(crate) fn container_id(&self) -> Option<&str> {
        Some(self.status.container.container_id.as_str()).filter(|id| is_id(id))
    }

    /// The node that it was assigned to.
    pub(crate) fn node_id(&self) -> Option<&str> {
        self.node_id.as_deref().filter(|id| is_swarm_id(id))
    }

    /// Its exit code; valid once it has ended.
    pub(crate) fn exit_code(&self) -> i64 {
        match (self.status.state.as_str(), self.status.container.exit_code) {
            ("failed" | "rejected" | "orphaned", 0) => NEVER_RAN,
            (_, code) => code,
        }
    }

    /// The published ports, with the address of its node.
    pub(super) fn ports(&self, node: Option<&Node>) -> Ports {
        let mut ports = Ports::new();
        let Some(node) = node.filter(|_| self.is_running()) else { return ports };
        for answer in &self.status.published.ports {
            let Some(port) = answer.target() else { continue };
            let binding = Binding { host: node.address().to_owned(), port: answer.published_port };
            let bindings = ports.entry(port).or_default();
            // Swarm lists each port twice, for IPv4 and IPv6.
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
pub(super) struct Description {
    hostname: String,
}

#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct NodeStatus {
    state: String,
    addr: String,
}

#[derive(Clone, Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ManagerStatus {
    addr: String,
}

impl Node {
    pub(crate) fn is_down(&self) -> bool {
        self.status.state == "down"
    }

    pub(crate) fn name(&self) -> &str {
        &self.description.hostname
    }

    /// The address of its published ports. A manager may know no address of itself but that of its own listener.
    fn address(&self) -> &str {
        match self.status.addr.as_str() {
            "" | "0.0.0.0" | "::" => self.manager_status.addr.rsplit_once(':').map_or("", |(host, _)| host),
            address => address,
        }
    }
}
