//! The result of a command: the `DockerResult`, one JSON object for scripts.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    cause::Cause,
    config::value::{
        port::{Binding, Port},
        signal::Signal,
    },
    docker::usage::counters::Usage,
    error::{Error, ErrorKind},
    phases::Phases,
    state::State,
};

/// The requested action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Get an image.
    Pull,
    /// Create and start a task.
    Start,
    /// Stop and remove a task.
    Stop,
    /// Send a task a signal.
    Kill,
    /// Remove a task.
    Remove,
    /// Wait for a task.
    Wait,
    /// Join a running task.
    Attach,
    /// Run a command in a task.
    Exec,
    /// Read a task's output.
    Logs,
    /// Look a task up.
    Inspect,
    /// List tasks.
    List,
    /// Copy files in or out.
    Copy,
    /// Look up a task's ports.
    Port,
    /// Check what an engine supports.
    Doctor,
    /// Remove what is finished or expired.
    Prune,
}

/// The published ports: container port to host addresses.
pub type Ports = BTreeMap<Port, Vec<Binding>>;

/// The result of an action, and the facts about the task afterwards.
#[derive(Debug, Serialize)]
pub struct DockerResult {
    /// The requested action.
    pub action: Action,
    /// Whether it succeeded.
    pub result: Verdict,
    /// The container (64 hex digits) or, on a swarm, the service (25 characters); `None` when nothing is left.
    pub container_id: Option<String>,
    /// Why it failed.
    pub error: Option<Error>,
    /// The UUID of the task.
    pub task_id: Option<Uuid>,
    /// The container's name.
    pub name: Option<String>,
    /// The image, as the task names it.
    pub image: Option<String>,
    /// The task's state.
    pub state: Option<State>,
    /// The published ports.
    pub ports: Ports,
    /// The exit code of the task's process, once it ended.
    pub exit_code: Option<i64>,
    /// Whether the kernel ended the task because memory ran out.
    pub oom_killed: bool,
    /// Whether a time limit ran out.
    pub timed_out: bool,
    /// When the container was created, by the engine's clock.
    pub created_at: Option<DateTime<Utc>>,
    /// When its process last started.
    pub started_at: Option<DateTime<Utc>>,
    /// When its process last ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Why the task failed, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The task's usage, if cube ran it to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// How long each part of its life took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phases: Option<Phases>,
    /// The variables made from the task's address (`--export`), by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<BTreeMap<String, String>>,
    /// The signal that the kernel dropped, so that the task was killed without a grace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unheard: Option<Signal>,
    /// The node of the swarm that runs the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The image's digest, after a pull.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The ids that were removed, or would be removed (`prune --dry-run`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed: Option<Vec<String>>,
}

/// Whether an action succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It succeeded.
    Success,
    /// It failed; `error` says why.
    Failure,
}

impl DockerResult {
    /// A success without further facts.
    #[must_use]
    pub fn success(action: Action) -> Self {
        Self {
            action,
            result: Verdict::Success,
            container_id: None,
            error: None,
            task_id: None,
            name: None,
            image: None,
            state: None,
            ports: Ports::new(),
            exit_code: None,
            oom_killed: false,
            timed_out: false,
            created_at: None,
            started_at: None,
            finished_at: None,
            cause: None,
            usage: None,
            phases: None,
            env: None,
            unheard: None,
            node: None,
            digest: None,
            removed: None,
        }
    }

    /// The same result as a failure. The container id is that of the error, if it names one.
    #[must_use]
    pub fn failed(mut self, error: Error) -> Self {
        self.result = Verdict::Failure;
        self.container_id = error.container_id().map(str::to_owned).or(self.container_id);
        self.timed_out =
            self.timed_out || matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Unschedulable);
        self.error = Some(error);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_form_has_every_field_of_the_contract() {
        let mut result = DockerResult::success(Action::Start);
        let binding = Binding { host: "127.0.0.1".into(), port: 32768 };
        result.ports.insert("5432/tcp".parse().unwrap(), vec![binding]);
        result.state = Some(State::Running);
        let json = serde_json::to_string(&result).unwrap();
        assert_eq!(
            json,
            r#"{"action":"start","result":"success","container_id":null,"error":null,"task_id":null,"name":null,"image":null,"state":"Running","ports":{"5432/tcp":[{"host":"127.0.0.1","port":32768}]},"exit_code":null,"oom_killed":false,"timed_out":false,"created_at":null,"started_at":null,"finished_at":null}"#
        );
    }
}
