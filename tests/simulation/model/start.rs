//! Starts, and why the engine refuses them: a network that went, a host port that is taken, a command that is not there.

use crate::model::{Model, container::Container, program::Unstartable};

/// Why a start is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartRefusal {
    NoNetwork(String),
    /// Another has the port that the caller, or the engine, chose.
    PortTaken(u16),
    Unstartable(Unstartable),
}

impl StartRefusal {
    /// The status of the engine's answer.
    pub fn status(&self) -> u16 {
        match self {
            Self::NoNetwork(_) => 404,
            Self::Unstartable(Unstartable::NotFound | Unstartable::NotExecutable) => 400,
            Self::PortTaken(_) | Self::Unstartable(Unstartable::BadMount) => 500,
        }
    }

    /// The exit code that the container has then.
    pub fn code(&self) -> i64 {
        match self {
            Self::Unstartable(Unstartable::NotFound) => 127,
            Self::Unstartable(Unstartable::NotExecutable) => 126,
            _ => 128,
        }
    }

    /// The engine's words.
    pub fn text(&self) -> String {
        let runc =
            "OCI runtime create failed: container_linux.go:380: starting container process caused: exec: ";
        match self {
            Self::NoNetwork(name) => format!("network {name} not found"),
            Self::PortTaken(port) => format!(
                "driver failed programming external connectivity on endpoint some (0a1b): Bind for 0.0.0.0:{port} \
                 failed: port is already allocated"
            ),
            Self::Unstartable(Unstartable::NotFound) => {
                format!("{runc}\"simulated\": executable file not found in $PATH: unknown")
            }
            Self::Unstartable(Unstartable::NotExecutable) => {
                format!("{runc}\"simulated\": permission denied: unknown")
            }
            Self::Unstartable(Unstartable::BadMount) => {
                "error while creating mount source path '/x': mkdir /x: read-only file system".to_owned()
            }
        }
    }
}

impl Model {
    /// Why the container cannot be started now, if so.
    pub fn refuses_start(&self, id: &str) -> Option<StartRefusal> {
        let container = self.containers.get(id)?;
        let missing = container.wanted.networks.iter().find(|wanted| self.network(wanted).is_none());
        let taken = container.wanted.ports.iter().flatten().find(|port| self.is_bound(**port));
        missing
            .map(|name| StartRefusal::NoNetwork(name.clone()))
            .or_else(|| taken.map(|port| StartRefusal::PortTaken(*port)))
            .or_else(|| container.program.unstartable.map(StartRefusal::Unstartable))
    }

    /// Takes a refusal down, as the engine does.
    pub fn start_refused(&mut self, id: &str, refusal: &StartRefusal) {
        let Some(container) = self.containers.get_mut(id) else { return };
        (container.code, container.error) = (refusal.code(), refusal.text());
        let task = container.task().unwrap_or_default().to_owned();
        if matches!(refusal, StartRefusal::PortTaken(_)) {
            *self.ports_refused.entry(task).or_default() += 1;
        }
        self.note(&format!("a start is refused: {}", refusal.text()));
    }

    /// The host ports of a container that starts: those that it wants, and else the next that is free.
    pub fn free_ports_for(&mut self, id: &str) -> Vec<u16> {
        let wanted =
            self.containers.get(id).map(|container| container.wanted.ports.clone()).unwrap_or_default();
        wanted.into_iter().map(|port| port.unwrap_or_else(|| self.next_port())).collect()
    }

    /// The host port that the engine chooses next.
    pub fn next_port(&mut self) -> u16 {
        self.last_port += 1;
        self.last_port
    }

    fn is_bound(&self, port: u16) -> bool {
        self.containers.values().any(|container: &Container| container.bound.contains(&port))
    }
}
