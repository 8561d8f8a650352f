//! The handle of one task: a container, or a service of a swarm. Each method chooses between the two in one place.

use std::fmt;

use crate::{
    config::value::{
        port::{Port, Protocol},
        signal::Signal,
    },
    docker::{
        Docker,
        container::{
            exec::{Exec, ExecOptions},
            exit::Exit,
            networks::joined::TaskNetworks,
            stop::options::{StopOptions, Stopped},
        },
        deadline::{Deadline, in_time},
        details::Details,
        id::EngineId,
        output::{
            attach::{AttachOptions, Attachment, Input},
            logs::{LogOptions, Logs},
        },
        swarm,
    },
    error::{Error, ErrorKind},
    event::Events,
    result::{Action, DockerResult},
};

/// A handle of a task that exists on its engine, with everything that can be done with it. It stores no state: each
/// method asks the engine. Clones are handles of the same task.
#[derive(Clone)]
pub struct RunningTask {
    docker: Docker,
    id: EngineId,
}

/// Which task, on which engine.
impl fmt::Debug for RunningTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningTask").field("id", &self.id).field("docker", &self.docker).finish()
    }
}

impl Docker {
    /// The handle of a task, by the id from a list or from its details. Sends no request.
    #[must_use]
    pub fn handle(&self, id: EngineId) -> RunningTask {
        RunningTask { docker: self.clone(), id }
    }
}

impl RunningTask {
    /// Its full id: a container's 64 hex digits, or a service's 25 digits.
    #[must_use]
    pub fn id(&self) -> &EngineId {
        &self.id
    }

    /// The engine that it is on.
    #[must_use]
    pub fn docker(&self) -> &Docker {
        &self.docker
    }

    /// Whether it is a service, whose container may be out of reach on another node.
    pub(crate) fn is_service(&self) -> bool {
        matches!(self.id, EngineId::Service(_))
    }

    /// The engine's details of it now.
    ///
    /// # Errors
    /// [`ErrorKind::TaskNotFound`] if it is gone.
    pub async fn inspect(&self) -> Result<Details, Error> {
        match &self.id {
            EngineId::Container(id) => self.docker.inspect_container(id).await,
            EngineId::Service(id) => self.docker.inspect_service(id).await,
        }
    }

    /// The engine's own JSON of it, unchanged.
    ///
    /// # Errors
    /// [`ErrorKind::TaskNotFound`] if it is gone.
    pub async fn inspect_raw(&self) -> Result<serde_json::Value, Error> {
        match &self.id {
            EngineId::Container(id) => self.docker.raw_container(id).await,
            EngineId::Service(id) => self.docker.raw_service(id).await,
        }
    }

    /// The engine's own JSON of the container in which its commands run.
    pub(crate) async fn raw_container(&self) -> Result<serde_json::Value, Error> {
        match &self.id {
            EngineId::Container(id) => self.docker.raw_container(id).await,
            EngineId::Service(id) => {
                let container = self.docker.container_here(id).await?;
                self.docker.raw_container(&container).await
            }
        }
    }

    /// The engine's details of it now, as the result of `action`.
    ///
    /// # Errors
    /// [`ErrorKind::TaskNotFound`] if it is gone.
    pub async fn result(&self, action: Action) -> Result<DockerResult, Error> {
        Ok(self.inspect_published().await?.result(action, self.docker.address()))
    }

    /// The address at which a client reaches its tcp port `number`: `host:port`, IPv4 first. A restart may change it.
    ///
    /// # Errors
    /// [`ErrorKind::NotPublished`], [`ErrorKind::TaskNotFound`] if it is gone.
    pub async fn address(&self, number: u16) -> Result<String, Error> {
        let port = Port { number, protocol: Protocol::Tcp };
        let bindings = self.inspect().await?.ports(self.docker.address()).remove(&port).unwrap_or_default();
        bindings.first().map(ToString::to_string).ok_or_else(|| {
            Error::new(ErrorKind::NotPublished, format!("port {port} is not published"))
                .with_hint(format!("publish it: -p {number}"))
        })
    }

    /// Starts its process. Returns when it runs, or has already ended.
    pub(crate) async fn start(&self, deadline: Option<Deadline>, events: Events<'_>) -> Result<(), Error> {
        match &self.id {
            EngineId::Container(id) => in_time(deadline, "started", self.docker.start_container(id)).await,
            EngineId::Service(id) => self.docker.start_service(id, deadline, events).await,
        }
    }

    /// Connects to its streams: its output from now on, and its standard input if `streams` asks for it.
    ///
    /// # Errors
    /// [`ErrorKind::TaskNotFound`], [`ErrorKind::Unsupported`] on a swarm, or the engine's refusal.
    pub async fn attach(&self, streams: &AttachOptions) -> Result<(Attachment, Input), Error> {
        match &self.id {
            EngineId::Container(id) => self.docker.attach_container(id, streams).await,
            EngineId::Service(_) => Err(swarm::no_streams()),
        }
    }

    /// Sets the size of its terminal, in characters.
    ///
    /// # Errors
    /// [`ErrorKind::TaskNotFound`], [`ErrorKind::Unsupported`] on a swarm, or the engine's refusal: it has no
    /// terminal, or does not run.
    pub async fn resize(&self, columns: u16, rows: u16) -> Result<(), Error> {
        match &self.id {
            EngineId::Container(id) => self.docker.resize_container(id, columns, rows).await,
            EngineId::Service(_) => Err(swarm::no_streams()),
        }
    }

    /// Waits until its process does not run, and returns its exit code. A task that was never started does not run.
    /// Meanwhile the engine is asked once per answer timeout whether it still answers.
    ///
    /// # Errors
    /// [`ErrorKind::TaskNotFound`], [`ErrorKind::ConnectionLost`], or the engine's own failure.
    pub async fn wait(&self) -> Result<Exit, Error> {
        match &self.id {
            EngineId::Container(id) => self.docker.wait_for_container(id).await,
            EngineId::Service(id) => self.docker.wait_for_service(id).await,
        }
    }

    /// Reads its log once, without resuming if the connection breaks.
    pub(crate) async fn log_once(&self, details: &Details, options: &LogOptions) -> Result<Logs, Error> {
        match &self.id {
            EngineId::Container(_) => self.docker.container_log(details, options, None).await,
            EngineId::Service(_) => self.docker.service_log(details, options).await,
        }
    }

    /// Starts a command in it.
    ///
    /// # Errors
    /// [`ErrorKind::TaskNotFound`], [`ErrorKind::WrongState`] if it does not run, [`ErrorKind::CommandNotFound`] or
    /// [`ErrorKind::CommandNotExecutable`] from engines that report this at the start (others write it to the output,
    /// see [`Exec::next`]); [`ErrorKind::Unsupported`] if it runs on another node of the swarm.
    pub async fn exec(&self, options: &ExecOptions) -> Result<(Exec, Input), Error> {
        match &self.id {
            EngineId::Container(id) => self.docker.exec_in(id, options).await,
            EngineId::Service(id) => {
                let container = self.docker.container_here(id).await?;
                self.docker.exec_in(&container, options).await
            }
        }
    }

    /// Asks its process to end and waits for that: signal, grace, kill. `own_grace` is the task's own grace, in
    /// seconds, if the caller knows it.
    ///
    /// # Errors
    /// [`ErrorKind::TaskNotFound`] or the engine's refusal. It is not an error if the task does not run.
    pub async fn stop_process(
        &self,
        options: &StopOptions,
        own_grace: Option<i64>,
    ) -> Result<Stopped, Error> {
        match &self.id {
            EngineId::Container(id) => self.docker.stop_container(id, options, own_grace).await,
            EngineId::Service(id) => self.docker.remove_service(id).await.map(|()| Stopped::default()),
        }
    }

    /// Sends a signal to its process; SIGKILL if none is given. It is not an error if the process has already ended.
    ///
    /// # Errors
    /// [`ErrorKind::TaskNotFound`] or the engine's refusal.
    pub async fn kill(&self, signal: Option<&Signal>) -> Result<(), Error> {
        match &self.id {
            EngineId::Container(id) => self.docker.kill_container(id, signal).await,
            // Swarm can only use the task's own stop signal and grace.
            EngineId::Service(id) => self.docker.remove_service(id).await,
        }
    }

    /// Removes it with its anonymous volumes, killing its process if it still runs, and with cube's networks that no
    /// other task uses. It is not an error if the task is gone or is being removed.
    ///
    /// # Errors
    /// The engine's refusal.
    pub async fn remove(&self) -> Result<(), Error> {
        let networks = match &self.id {
            EngineId::Container(_) => match self.inspect().await {
                Err(error) if error.kind() == ErrorKind::TaskNotFound => return Ok(()),
                details => details?.networks,
            },
            EngineId::Service(_) => TaskNetworks::default(),
        };
        self.remove_from(&networks).await
    }

    /// The same, for a caller that knows its networks.
    pub(crate) async fn remove_from(&self, networks: &TaskNetworks) -> Result<(), Error> {
        self.remove_alone().await?;
        self.docker.leave_networks(networks).await
    }

    /// The same, but leaves its networks.
    pub(crate) async fn remove_alone(&self) -> Result<(), Error> {
        match &self.id {
            EngineId::Container(id) => self.docker.remove_container(id, true).await,
            EngineId::Service(id) => self.docker.remove_service(id).await,
        }
    }

    /// The same for an ended task; a running task is refused.
    pub(crate) async fn remove_ended(&self) -> Result<(), Error> {
        match &self.id {
            EngineId::Container(id) => self.docker.remove_container(id, false).await,
            EngineId::Service(id) => self.docker.remove_service(id).await,
        }
    }

    /// Refuses stop options that do not work for this kind of task.
    pub(crate) fn check_stop(&self, options: &StopOptions) -> Result<(), Error> {
        match &self.id {
            EngineId::Container(_) => Ok(()),
            EngineId::Service(_) => swarm::check_stop(options),
        }
    }
}
