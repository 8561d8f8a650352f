//! The runner for one engine, and how it connects. Its methods are defined in the modules below.

pub mod container;
mod deadline;
pub mod details;
pub mod files;
pub mod find;
pub mod handle;
pub mod http;
pub mod id;
pub mod image;
pub mod info;
pub mod labels;
pub mod output;
pub mod ready;
pub mod run;
pub mod swarm;
mod thread;
pub mod usage;

use std::{collections::VecDeque, fmt, path::PathBuf, time::Duration};

use bollard::API_DEFAULT_VERSION;

use crate::{
    address::{Address, AddressChoice, Surroundings},
    docker::{
        http::client::Transport,
        image::credentials::CredentialSources,
        swarm::managers::{Manager, Managers},
    },
    error::Error,
};

/// A runner of tasks on one engine. Clones share the connection.
#[derive(Clone)]
pub struct Docker {
    api: bollard::Docker,
    transport: Transport,
    address: Address,
    managers: Managers,
    credentials: CredentialSources,
    /// Docker's config.json, which may contain proxies.
    config_file: Option<PathBuf>,
    /// Whether an earlier engine in the list did not answer.
    passed_over: bool,
}

/// Shows the address, never the credentials.
impl fmt::Debug for Docker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Docker").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Docker {
    /// How long an engine may take to begin its answer, by default.
    pub const ANSWER_TIMEOUT: Duration = Duration::from_mins(2);

    /// A runner for the engine that Docker's CLI would use: `DOCKER_HOST`, `DOCKER_CONTEXT`, the current context of
    /// Docker's configuration, else the first usual socket that exists. Nothing is sent yet.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidInput`] or [`crate::ErrorKind::BadAddress`] for an invalid address, and those of
    /// [`Docker::connect`].
    pub fn from_env() -> Result<Self, Error> {
        let surroundings = Surroundings::of_process();
        let address = Address::resolve(&AddressChoice::default(), &surroundings)?;
        Self::connect(address, &surroundings, Self::ANSWER_TIMEOUT)
    }

    /// A runner for the engine at `address`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`crate::ErrorKind::File`] or [`crate::ErrorKind::InvalidInput`] if TLS files cannot be used.
    pub fn connect(
        address: Address,
        surroundings: &Surroundings,
        answer_timeout: Duration,
    ) -> Result<Self, Error> {
        let transport = Transport::new(&address, answer_timeout)?;
        Self::on(Manager { address, transport }, Vec::new(), surroundings)
    }

    /// A runner for the first of several engines that answers, and why the ones before it did not. A container belongs
    /// to that engine. A task on a swarm does not: if the engine goes away, the others are asked for it.
    ///
    /// # Errors
    /// As [`Docker::connect`]; [`crate::ErrorKind::EngineUnreachable`] or
    /// [`crate::ErrorKind::ConnectionLost`] if none answers, with the reason of each.
    pub async fn connect_first(
        addresses: Vec<Address>,
        surroundings: &Surroundings<'_>,
        answer_timeout: Duration,
    ) -> Result<(Self, Vec<Error>), Error> {
        let mut waiting = VecDeque::new();
        for address in addresses {
            waiting.push_back(Manager { transport: Transport::new(&address, answer_timeout)?, address });
        }
        let mut silent = Vec::new();
        while let Some(engine) = waiting.pop_front() {
            match engine.ping().await {
                Ok(()) => {
                    let (passed, reasons): (Vec<_>, Vec<_>) = silent.into_iter().unzip();
                    let docker = Self::on(engine, waiting.into_iter().chain(passed).collect(), surroundings)?;
                    return Ok((Self { passed_over: !reasons.is_empty(), ..docker }, reasons));
                }
                Err(reason) => silent.push((engine, reason)),
            }
        }
        Err(swarm::managers::none_answers(&silent))
    }

    fn on(engine: Manager, others: Vec<Manager>, surroundings: &Surroundings) -> Result<Self, Error> {
        let Manager { address, transport } = engine.clone();
        let credentials = CredentialSources::of(surroundings);
        let carrier = transport.clone();
        let api = bollard::Docker::connect_with_custom_transport(
            move |request| {
                let carrier = carrier.clone();
                async move { carrier.carry(request).await.map_err(http::refusal::into_bollard) }
            },
            Some("http://engine"),
            u64::from(u32::MAX),
            API_DEFAULT_VERSION,
        )
        .map_err(http::refusal::from_bollard)?;
        let managers = Managers::new(engine, others);
        let config_file = surroundings.config_file();
        Ok(Self { api, transport, address, managers, credentials, config_file, passed_over: false })
    }

    /// The address of the engine.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }
}
