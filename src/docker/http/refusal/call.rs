//! The kind of request that an engine refused: the same text means different things, for example for a create request
//! and for a pull.

use hyper::Method;

/// The kind of a refused request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// Creating a container.
    Create,
    /// Starting a container.
    Start,
    /// Attaching to a container's streams. podman prepares the process at this call, before the start.
    Attach,
    /// A command in a container: creating and starting it, and an engine's refusal in its output.
    Exec,
    /// A container's log.
    Logs,
    /// Files of a container.
    Archive,
    /// Anything else about one container.
    Container,
    /// A network: creating, removing, connecting.
    Network,
    /// An image that should exist on the engine.
    Image,
    /// The pull of an image.
    Pull,
    /// Services, their tasks, nodes.
    Swarm,
    /// The end of a service's task, in the manager's text.
    ServiceTask,
    /// Anything else.
    Other,
}

impl Call {
    /// Finds the kind by a request's method and path, with or without an API version in the path.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let path = path.split('?').next().unwrap_or(path);
        let mut words = path.split('/').filter(|word| !word.is_empty()).peekable();
        words.next_if(|word| word.starts_with("v1."));
        match (words.next(), words.next(), words.next()) {
            (Some("containers"), Some("create"), None) if *method == Method::POST => Self::Create,
            (Some("containers" | "images"), Some("json" | "prune"), None) => Self::Other,
            (Some("containers"), Some(_), Some("start")) => Self::Start,
            (Some("containers"), Some(_), Some("attach")) => Self::Attach,
            (Some("containers"), Some(_), Some("exec")) | (Some("exec"), ..) => Self::Exec,
            (Some("containers"), Some(_), Some("logs")) => Self::Logs,
            (Some("containers"), Some(_), Some("archive")) => Self::Archive,
            (Some("containers"), Some(_), _) => Self::Container,
            (Some("images"), Some("create"), None) => Self::Pull,
            (Some("images"), Some(_), _) => Self::Image,
            (Some("networks"), Some(_), _) => Self::Network,
            (Some("services" | "tasks" | "nodes" | "swarm"), ..) => Self::Swarm,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_known_by_its_method_and_path() {
        for (method, path, call) in [
            (Method::POST, "/containers/create?name=start", Call::Create),
            (Method::POST, "/v1.41/containers/create", Call::Create),
            (Method::POST, "/containers/create/start", Call::Start),
            (Method::POST, "/containers/ab/attach?stdin=true", Call::Attach),
            (Method::POST, "/containers/attach/start", Call::Start),
            (Method::GET, "/containers/create/json", Call::Container),
            (Method::GET, "/containers/json?all=1", Call::Other),
            (Method::POST, "/containers/ab/exec", Call::Exec),
            (Method::POST, "/exec/ab/start", Call::Exec),
            (Method::GET, "/containers/ab/logs?follow=1", Call::Logs),
            (Method::PUT, "/containers/ab/archive?path=/x", Call::Archive),
            (Method::DELETE, "/containers/ab?force=true", Call::Container),
            (Method::POST, "/images/create?fromImage=x", Call::Pull),
            (Method::GET, "/images/docker.io/library/x:1/json", Call::Image),
            (Method::GET, "/services/ab", Call::Swarm),
            (Method::POST, "/networks/create", Call::Network),
            (Method::DELETE, "/networks/ab", Call::Network),
            (Method::GET, "/networks?filters=x", Call::Other),
            (Method::GET, "/_ping", Call::Other),
            (Method::GET, "", Call::Other),
        ] {
            assert_eq!(Call::of(&method, path), call, "{method} {path}");
        }
    }
}
