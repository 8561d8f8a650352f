//! What a create request needs in addition to the task.

use crate::{
    config::value::port::PortMapping,
    docker::{container::proxies::Proxies, http::version::Engine},
};

/// What is known of the engine and the caller.
pub(crate) struct CreateContext<'a> {
    /// Ports to publish in addition to the config's mappings.
    pub published: &'a [PortMapping],
    /// The engine: its API version decides where the MAC address goes.
    pub engine: Engine,
    /// The engine's socket, for `--use-api-socket`.
    pub socket: Option<&'a str>,
    /// The variable through which such a task finds its credentials.
    pub docker_config: Option<&'a str>,
    /// The proxies from the caller's configuration.
    pub proxies: Option<Proxies>,
}
