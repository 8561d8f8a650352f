//! Creates and starts containers. A missing image is pulled once, if the task's pull policy allows it.

mod api_socket;

use bollard::models::NetworkConnectRequest;
use hyper::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    config::{
        Config,
        value::{
            image::pull::PullPolicy,
            port::{Port, PortMapping},
        },
    },
    docker::{
        Docker,
        container::{
            api_versions,
            body::{self, context::CreateContext},
            create::api_socket::{ApiSocket, VARIABLE},
            inspect, proxies,
        },
        http::{
            answer_time::answered_within,
            refusal::{self, text::EngineText},
        },
        id::EngineId,
    },
    error::{Error, ErrorKind},
    event::{Event, Events},
    task::Task,
};

/// The answer to a create request.
#[derive(Deserialize)]
struct CreateAnswer {
    #[serde(rename = "Id")]
    id: String,
    #[serde(rename = "Warnings", default)]
    warnings: Option<Vec<String>>,
}

impl Docker {
    /// Creates the task's container, pulling its image as its config says.
    pub(crate) async fn create_container(
        &self,
        task: &mut Task,
        events: Events<'_>,
    ) -> Result<EngineId, Error> {
        let config = task.config.clone();
        self.check_version(&config).await?;
        if config.pull == PullPolicy::Always {
            self.pull_for(&config, events).await?;
        }
        let socket = self.api_socket(&config, events).await?;
        let published = self.ports_to_bind(&config, events).await?;
        let mut around = self.context(&published, socket.as_ref(), events);
        let created = match self.try_create(task, &around, events).await {
            Err(error) if error.kind() == ErrorKind::ImageNotFound && config.pull == PullPolicy::Missing => {
                self.pull_for(&config, events).await?;
                // The engine's version is known from the answer to the first request.
                around.engine = self.transport.engine();
                self.try_create(task, &around, events).await
            }
            created => created,
        };
        if let (Ok(id), Some(socket)) = (&created, socket.filter(ApiSocket::has_logins)) {
            self.give_logins(id.as_str(), &socket, events).await;
        }
        let created = match created {
            Ok(id) => self.join_others(id.as_str(), &task.with_networks_by_id().config).await.map(|()| id),
            Err(error) => Err(error),
        };
        created.map_err(|e| e.during(format!("cannot create {}", task.title())))
    }

    /// Refuses config fields that this engine's version does not support.
    async fn check_version(&self, config: &Config) -> Result<(), Error> {
        if !api_versions::matter_to(config) {
            return Ok(());
        }
        self.know_engine().await?;
        api_versions::check(config, self.transport.engine())
    }

    async fn know_engine(&self) -> Result<(), Error> {
        if self.transport.engine().api() == (0, 0) {
            self.transport.bytes(Method::GET, "/_ping").await?;
        }
        Ok(())
    }

    /// Connects the container to the networks that this engine does not accept in a create request.
    async fn join_others(&self, id: &str, config: &Config) -> Result<(), Error> {
        for join in body::later(config, self.transport.engine()) {
            let endpoint_config = serde_json::from_value(join.endpoint).ok();
            let request = NetworkConnectRequest { container: id.to_owned(), endpoint_config };
            let joined = self.within(self.api.connect_network(&join.network, request)).await;
            joined.map_err(|e| e.during(format!("cannot join the network {}", join.network)))?;
        }
        Ok(())
    }

    pub(crate) async fn start_container(&self, id: &str) -> Result<(), Error> {
        self.within(self.api.start_container(id, None)).await
    }

    fn context<'a>(
        &self,
        published: &'a [PortMapping],
        socket: Option<&'a ApiSocket>,
        events: Events<'_>,
    ) -> CreateContext<'a> {
        let mut warn = |warning| events(Event::Warning(warning));
        let proxies = self.config_file.as_ref();
        CreateContext {
            published,
            engine: self.transport.engine(),
            socket: socket.map(|socket| socket.path.as_str()),
            docker_config: socket.filter(|socket| socket.has_logins()).map(|_| VARIABLE),
            proxies: proxies.map(|file| proxies::of(file, &self.address.to_string(), &mut warn)),
        }
    }

    async fn try_create(
        &self,
        task: &mut Task,
        around: &CreateContext<'_>,
        events: Events<'_>,
    ) -> Result<EngineId, Error> {
        events(Event::Creating);
        self.make_networks(task).await?;
        let body = body::create_body(&task.with_networks_by_id(), around);
        let config = task.config.clone();
        task.created_by(Box::pin(self.create_as_configured(&config, body, events))).await
    }

    async fn create_as_configured(
        &self,
        config: &Config,
        mut body: Map<String, Value>,
        events: Events<'_>,
    ) -> Result<EngineId, Error> {
        let path = path(config);
        // podman refuses cube's choice, and is known from that answer.
        if !body::is_chosen_by_cube(config) {
            self.know_engine().await?;
        }
        body::with_grace(&mut body, self.transport.engine());
        let first: Result<CreateAnswer, Error> = self.transport.post(&path, bytes(&body), &[]).await;
        let created = match first {
            // podman has other drivers, which keep all output too.
            Err(error)
                if body::is_chosen_by_cube(config)
                    && refusal::says(&error, EngineText::is_refused_log_driver) =>
            {
                body::with_engines_log_driver(&mut body, config);
                body::with_grace(&mut body, self.transport.engine());
                self.transport.post(&path, bytes(&body), &[]).await?
            }
            first => first?,
        };
        // The engine's warnings about settings that it ignored: a limit, a port.
        for warning in created.warnings.unwrap_or_default() {
            events(Event::Warning(warning.strip_prefix("WARNING: ").unwrap_or(&warning).to_owned()));
        }
        inspect::checked_id(created.id).map(EngineId::Container)
    }

    /// With `--bind` each exposed port is published by its number, so the image's ports must be known first.
    async fn ports_to_bind(&self, config: &Config, events: Events<'_>) -> Result<Vec<PortMapping>, Error> {
        if config.network.bind.is_none() || !body::publishes_exposed(config) {
            return Ok(Vec::new());
        }
        let ports = self.exposed_by(config, events).await?;
        Ok(ports.into_iter().map(body::on_any_host_port).collect())
    }

    /// The ports that the task exposes: the image's, which is pulled if it is missing, and the config's.
    pub(crate) async fn exposed_by(&self, config: &Config, events: Events<'_>) -> Result<Vec<Port>, Error> {
        let exposed = match self.exposed_ports(&config.image).await {
            Err(error) if error.kind() == ErrorKind::ImageNotFound && config.pull == PullPolicy::Missing => {
                self.pull_for(config, events).await?;
                self.exposed_ports(&config.image).await?
            }
            exposed => exposed?,
        };
        Ok(exposed.into_iter().chain(config.network.expose.iter().copied()).collect())
    }

    async fn pull_for(&self, config: &Config, events: Events<'_>) -> Result<(), Error> {
        self.pull(&config.image, config.platform.as_ref(), config.pull_retries, events).await.map(drop)
    }

    /// Runs a call of bollard within the answer timeout, and converts its error to cube's.
    pub(crate) async fn within<T>(
        &self,
        call: impl Future<Output = Result<T, bollard::errors::Error>>,
    ) -> Result<T, Error> {
        match answered_within(self.transport.limit(), call).await {
            Ok(done) => done.map_err(refusal::from_bollard),
            Err(_) => Err(refusal::too_slow(self.transport.limit())),
        }
    }
}

/// The path of the create request. Names and platforms contain no characters that need escaping in a query.
fn path(config: &Config) -> String {
    let name = config.name.as_ref().map(|name| format!("name={}", name.as_str()));
    let platform = config.platform.as_ref().map(|platform| format!("platform={platform}"));
    let query: Vec<String> = name.into_iter().chain(platform).collect();
    format!("/containers/create?{}", query.join("&"))
}

fn bytes(body: &Map<String, Value>) -> hyper::body::Bytes {
    serde_json::to_vec(body).unwrap_or_default().into()
}
