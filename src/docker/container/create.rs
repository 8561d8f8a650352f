//! Create and start. A missing image is pulled once, as the task's pull policy says.

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{CreateContainerOptions, CreateContainerOptionsBuilder};

use crate::{
    config::{
        Config,
        value::{port::Port, pull::PullPolicy},
    },
    docker::{
        Docker,
        container::{body, inspect, proxies},
        http::refusal,
        id::EngineId,
    },
    error::{Error, ErrorKind},
    event::{Event, Events},
    task::Task,
};

impl Docker {
    /// Creates the task's container, pulling its image as its config says.
    pub(crate) async fn create_container(
        &self,
        task: &mut Task,
        events: Events<'_>,
    ) -> Result<EngineId, Error> {
        let config = task.config.clone();
        if config.pull == PullPolicy::Always {
            self.pull_for(&config, events).await?;
        }
        let published = self.ports_to_bind(&config, events).await?;
        let created = match self.try_create(task, &published, events).await {
            Err(error) if error.kind() == ErrorKind::ImageNotFound && config.pull == PullPolicy::Missing => {
                self.pull_for(&config, events).await?;
                self.try_create(task, &published, events).await
            }
            created => created,
        };
        created.map_err(|e| e.during(format!("cannot create {}", task.title())))
    }

    pub(crate) async fn start_container(&self, id: &str) -> Result<(), Error> {
        self.within(self.api.start_container(id, None)).await
    }

    async fn try_create(
        &self,
        task: &mut Task,
        published: &[crate::PortMapping],
        events: Events<'_>,
    ) -> Result<EngineId, Error> {
        let mut body = body::create_body(task, published, task.owner.as_ref());
        if let Some(file) = &self.config_file {
            proxies::add(body.env.get_or_insert_default(), file, &self.address.to_string());
        }
        let config = task.config.clone();
        events(Event::Creating);
        task.created_by(Box::pin(self.create_as_told(&config, body, events))).await
    }

    async fn create_as_told(
        &self,
        config: &Config,
        body: ContainerCreateBody,
        events: Events<'_>,
    ) -> Result<EngineId, Error> {
        let first = self.within(self.api.create_container(Some(options(config)), body.clone())).await;
        let created = match first {
            // podman knows other drivers; its own keep all output too.
            Err(error) if config.logging.log_driver.is_none() && refusal::is_refused_log_driver(&error) => {
                let body = body::with_engines_log_driver(body);
                self.within(self.api.create_container(Some(options(config)), body)).await?
            }
            first => first?,
        };
        // What the engine cannot honour and leaves out: a limit, a port.
        for warning in created.warnings {
            events(Event::Warning(warning.strip_prefix("WARNING: ").unwrap_or(&warning).to_owned()));
        }
        inspect::checked_id(created.id).map(EngineId::Container)
    }

    /// With `--bind` every exposed port is published by name, so the image's own must be known first.
    async fn ports_to_bind(
        &self,
        config: &Config,
        events: Events<'_>,
    ) -> Result<Vec<crate::config::value::port::PortMapping>, Error> {
        if config.network.bind.is_none() || !config.network.publish_all {
            return Ok(Vec::new());
        }
        let ports = self.exposed_by(config, events).await?;
        Ok(ports.into_iter().map(body::on_any_host_port).collect())
    }

    /// The ports that the task exposes: the image's, which is pulled if it is missing, and its own.
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

    /// Runs a call of bollard's with its error turned into cube's, within the time an answer may take.
    pub(crate) async fn within<T>(
        &self,
        call: impl Future<Output = Result<T, bollard::errors::Error>>,
    ) -> Result<T, Error> {
        match tokio::time::timeout(self.transport.limit(), call).await {
            Ok(done) => done.map_err(refusal::from_bollard),
            Err(_) => Err(refusal::too_slow(self.transport.limit())),
        }
    }
}

fn options(config: &Config) -> CreateContainerOptions {
    let mut options = CreateContainerOptionsBuilder::default();
    if let Some(name) = &config.name {
        options = options.name(name.as_str());
    }
    if let Some(platform) = &config.platform {
        options = options.platform(&platform.to_string());
    }
    options.build()
}
