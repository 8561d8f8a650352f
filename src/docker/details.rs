//! The details of a task, a container or a service, as far as cube needs them. Unknown states are accepted, because
//! engines differ.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    address::Address,
    config::value::port::{Binding, Port},
    docker::{
        container::networks::joined::TaskNetworks, http::version::Engine, id::EngineId, labels::LabelMap,
    },
    result::{Action, DockerResult, Ports, Verdict},
    state::State,
};

/// A task, as the engine describes it.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Debug, PartialEq)]
pub struct Details {
    /// Its id; [`crate::Docker::handle`] makes a handle from it.
    pub id: EngineId,
    /// Its name, without the slash.
    pub name: String,
    /// The image, as it was named when the task was created.
    pub image: String,
    /// The task's UUID, from its labels. They may come from the image: [`crate::Docker::find_own`] checks that cube
    /// made it.
    pub task_id: Option<Uuid>,
    /// The engine's name of its state: `created`, `running`, `exited` …
    pub status: String,
    /// The engine's error text of a failed start.
    pub error: String,
    /// The exit code of its process; valid once it has ended.
    pub exit_code: i64,
    /// Whether the kernel ended it because memory ran out.
    pub oom_killed: bool,
    /// The process id of its first process on the engine's machine; 0 if it does not run.
    pub pid: u32,
    /// How often its restart policy has restarted it.
    pub restarts: u64,
    /// Whether its restart policy restarts it if it ended by itself.
    pub(crate) comes_again: bool,
    /// When it was created.
    pub created_at: Option<DateTime<Utc>>,
    /// When its process last started.
    pub started_at: Option<DateTime<Utc>>,
    /// When its process last ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Its health, if it has a health check.
    pub health: Option<Health>,
    /// Whether it has a terminal, so that its output is one raw stream.
    pub tty: bool,
    /// Whether it has an open standard input.
    pub open_stdin: bool,
    /// Its own grace when it is stopped, in seconds.
    pub stop_timeout: Option<i64>,
    /// The driver that keeps its log (`json-file`, `local` …).
    pub log_driver: String,
    /// Its network mode (`default`, `host`, `container:…`).
    pub network_mode: String,
    /// Its addresses in its networks.
    pub addresses: Vec<std::net::IpAddr>,
    /// Its networks that may be cube's own.
    pub(crate) networks: TaskNetworks,
    /// Its published ports, with the engine's own host addresses.
    pub published: Ports,
    /// The ports that it exposes.
    pub exposed: Vec<Port>,
    /// The ports that should be published, whether their addresses are known or not.
    pub(crate) to_publish: Vec<Port>,
    /// The node of the swarm that runs it, if it is a service there.
    pub node: Option<String>,
    /// The service that it belongs to, from its labels.
    pub(crate) service: Option<String>,
    /// Its labels, including those of its image.
    pub(crate) labels: LabelMap,
    /// The id of its image.
    pub(crate) image_id: String,
}

/// The state of a health check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Health {
    /// `starting`, `healthy`, `unhealthy`, or `none`.
    pub status: String,
    /// The last runs of the check, oldest first.
    #[serde(rename = "Log")]
    pub probes: Vec<Probe>,
}

/// One run of a health check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Probe {
    /// Its exit code.
    pub exit_code: i64,
    /// What it printed; the engine keeps 4096 bytes.
    pub output: String,
}

impl Details {
    /// The task's state.
    #[must_use]
    pub fn state(&self) -> State {
        state_of(&self.status, self.exit_code == 0 && !self.oom_killed)
    }

    /// Whether its process runs, or the engine will restart it.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.state() == State::Running
    }

    /// Whether its process has ended and the engine has not yet decided whether to restart it. podman reports this
    /// state (as `exited` from 5.8 on); Docker reports `restarting`.
    pub(crate) fn is_undecided(&self, engine: Engine) -> bool {
        match self.status.as_str() {
            "stopped" | "initialized" => true,
            "exited" => !engine.is_docker() && self.comes_again,
            _ => false,
        }
    }

    /// Whether it runs and the engine has not reported the addresses of all published ports yet, as just after the
    /// start.
    pub(crate) fn lacks_ports(&self) -> bool {
        let is_known = |port| self.published.get(port).is_some_and(|bindings| !bindings.is_empty());
        self.status == "running" && !self.to_publish.iter().all(is_known)
    }

    /// Whether it is being removed, so that not even its log can be read.
    #[must_use]
    pub fn is_going(&self) -> bool {
        matches!(self.status.as_str(), "removing" | "dead")
    }

    /// The published ports, with addresses to which a client of the engine at `engine` can connect.
    #[must_use]
    pub fn ports(&self, engine: &Address) -> Ports {
        let mut ports = Ports::new();
        for (port, bindings) in &self.published {
            let reachable = bindings.iter().map(|b| reachable(b, engine));
            let unique = ports.entry(*port).or_default();
            for binding in reachable.filter(|b| b.port != 0) {
                if !unique.contains(&binding) {
                    unique.push(binding);
                }
            }
        }
        ports
    }

    /// The result of an action, with these details.
    #[must_use]
    pub fn result(&self, action: Action, engine: &Address) -> DockerResult {
        DockerResult {
            result: Verdict::Success,
            container_id: Some(self.id.to_string()),
            task_id: self.task_id,
            name: Some(self.name.clone()),
            image: Some(self.image.clone()),
            state: Some(self.state()),
            ports: self.ports(engine),
            exit_code: self.state().is_final().then_some(self.exit_code),
            oom_killed: self.oom_killed,
            created_at: self.created_at,
            started_at: self.started_at,
            finished_at: self.finished_at,
            node: self.node.clone(),
            ..DockerResult::success(action)
        }
    }
}

/// The state for an engine's name of it; `succeeded` tells ended processes apart.
pub(crate) fn state_of(word: &str, succeeded: bool) -> State {
    match word {
        // The last names in each line are Swarm's.
        "new" | "pending" => State::Pending,
        "created" | "configured" | "initialized" | "assigned" | "accepted" | "preparing" | "ready"
        | "starting" => State::Scheduled,
        "complete" => State::Completed,
        "exited" | "stopped" | "dead" | "removing" if succeeded => State::Completed,
        "exited" | "stopped" | "dead" | "removing" | "failed" | "rejected" | "shutdown" | "remove"
        | "orphaned" => State::Failed,
        _ => State::Running,
    }
}

/// The address at which a client reaches a binding: for a wildcard address, that of the engine's machine.
pub(crate) fn reachable(binding: &Binding, engine: &Address) -> Binding {
    let wildcard_v6 = binding.host == "::";
    let wildcard = wildcard_v6 || binding.host == "0.0.0.0" || binding.host.is_empty();
    let host = match engine {
        _ if !wildcard => binding.host.clone(),
        Address::Unix(_) if wildcard_v6 => "::1".to_owned(),
        Address::Unix(_) => "127.0.0.1".to_owned(),
        Address::Tcp { host, .. } | Address::Ssh { host, .. } => host.clone(),
    };
    Binding { host, port: binding.port }
}
