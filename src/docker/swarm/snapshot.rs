//! A service at one moment, and its state as that of a container.

use std::collections::HashMap;

use crate::docker::{
    container::networks::joined::TaskNetworks,
    details::{Details, Health},
    id::EngineId,
    labels::TASK_ID,
    swarm::answer::{Node, Service, ServicePort, ServiceTask},
};

/// A service with its placements, at one moment.
pub(crate) struct Snapshot {
    pub(crate) service: Service,
    /// Its tasks, oldest first. Swarm creates a new one for each placement.
    pub(crate) tasks: Vec<ServiceTask>,
    /// The node of the newest task.
    pub(crate) node: Option<Node>,
}

impl Snapshot {
    pub(super) fn newest(&self) -> Option<&ServiceTask> {
        self.tasks.last()
    }

    /// Swarm's last reason why it does not run, and the state of the placement with that reason.
    pub(super) fn reason(&self) -> (&str, &str) {
        let mut said =
            self.tasks.iter().rev().map(|task| &task.status).filter(|status| !status.err.is_empty());
        said.next().map(|status| (status.state.as_str(), status.err.as_str())).unwrap_or_default()
    }

    /// Whether its only placement so far has a node.
    pub(super) fn is_first_placement(&self) -> bool {
        matches!(self.tasks.as_slice(), [only] if only.node_id().is_some())
    }

    /// Whether Swarm will start nothing more for it.
    pub(super) fn is_over(&self) -> bool {
        self.newest().is_some_and(|task| task.is_over() || self.is_lost(task))
    }

    /// Whether the task's node is gone and Swarm does not place it again.
    pub(super) fn is_lost(&self, task: &ServiceTask) -> bool {
        task.is_given_up() && self.node.as_ref().is_some_and(Node::is_down)
    }
}

impl Details {
    /// The same, with values from the engine of its container if that could be asked: Swarm does not report a lack of
    /// memory, and stores only one time.
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
            // Swarm places it again.
            comes_again: false,
            created_at: now.service.created_at,
            // Swarm stores only the time of the last change; for an ended task, the time of its placement is closest.
            started_at: match newest.filter(|task| task.has_run()) {
                Some(task) if ended => task.created_at,
                Some(_) => moment(true),
                None => None,
            },
            finished_at: moment(ended),
            // Swarm reports a task with a health check as running only when it is healthy.
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
