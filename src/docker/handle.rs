//! The steps of a task's life. To its engine a task is a container of its own or a service of the swarm that it
//! manages: each step is said for both, and only here is the one told from the other.

use uuid::Uuid;

use crate::{
    config::{
        Config,
        value::{name::TaskRef, restart::RestartPolicy, signal::Signal},
    },
    docker::{
        Docker,
        container::{stop::StopOptions, wait::Exit},
        details::Details,
        find,
        output::{
            attach::Input,
            follow,
            frames::Chunk,
            logs::{LogOptions, Logs},
        },
        swarm,
    },
    error::Error,
    event::Events,
    state::State,
    task::Task,
};

/// What a task is to its engine.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Container,
    Service,
}

impl Kind {
    /// Of a task that exists, by its full id: a container's has 64 digits.
    fn of(id: &str) -> Self {
        if swarm::is_swarm_id(id) { Self::Service } else { Self::Container }
    }

    /// Of a task that is to be.
    fn on(swarm: bool) -> Self {
        if swarm { Self::Service } else { Self::Container }
    }
}

impl Details {
    /// Whether it stands for a service, whose container may be out of reach on another node.
    pub(crate) fn is_service(&self) -> bool {
        Kind::of(&self.id) == Kind::Service
    }

    /// Refuses what cannot be asked of this task's stop.
    pub(crate) fn check_stop(&self, options: &StopOptions) -> Result<(), Error> {
        match Kind::of(&self.id) {
            Kind::Container => Ok(()),
            Kind::Service => swarm::check_stop(options),
        }
    }

    /// What it is called where it is not cube's, and what removes it.
    pub(crate) fn foreign_words(&self) -> (&'static str, &'static str) {
        match Kind::of(&self.id) {
            Kind::Container => ("container", "docker rm --force --volumes"),
            Kind::Service => ("service", "docker service rm"),
        }
    }
}

impl Docker {
    /// Creates the task's container. From the moment it exists it carries the task's UUID as a label.
    ///
    /// If this fails or is dropped half-way, [`Docker::discard`] removes what may exist.
    ///
    /// # Errors
    /// The config's own ([`Config::check`]), those of a pull, and the engine's refusals: name taken,
    /// bad mount, no such network, unsupported disk limit.
    pub async fn create(&self, task: &mut Task, events: Events<'_>) -> Result<(), Error> {
        task.config.check()?;
        let created = match Kind::on(task.config.swarm) {
            Kind::Container => self.create_container(task, events).await,
            Kind::Service => self.create_service(task, events).await,
        };
        task.container_id = Some(created?);
        task.transition(State::Scheduled)
    }

    /// Starts the task's process. Returns when it runs, or ran.
    ///
    /// # Errors
    /// [`crate::ErrorKind::PortTaken`], [`crate::ErrorKind::CommandNotFound`],
    /// [`crate::ErrorKind::CommandNotExecutable`], [`crate::ErrorKind::BadMount`] and the engine's other
    /// refusals; [`crate::ErrorKind::Unschedulable`] if Swarm finds no node within the config's
    /// `wait_timeout`. The container is still there then.
    pub async fn start(&self, task: &mut Task, events: Events<'_>) -> Result<(), Error> {
        let id = task.container_id.clone().unwrap_or_default();
        let started = match Kind::of(&id) {
            Kind::Container => self.start_container(&id).await,
            Kind::Service => {
                let limit = task.config.readiness.wait_timeout.unwrap_or(Config::WAIT_TIMEOUT);
                self.start_service(&id, limit, events).await
            }
        };
        started.map_err(|e| e.during(format!("cannot start {}", task.title())))?;
        task.transition(State::Running)
    }

    /// Starts a created task with its streams connected before it runs, so that no byte is lost; standard
    /// input too if asked. Swarm connects no streams: there the output comes from the log, from its
    /// beginning, and there is no input.
    ///
    /// # Errors
    /// Those of [`Docker::attach`] and [`Docker::start`].
    pub async fn start_attached(
        &self,
        task: &mut Task,
        stdin: bool,
        events: Events<'_>,
    ) -> Result<(Follow, Option<Input>), Error> {
        let id = task.container_id.clone().unwrap_or_default();
        match Kind::of(&id) {
            Kind::Container => {
                let (attachment, input) = self.attach(&id, stdin).await?;
                self.start(task, events).await?;
                let restarts = task.config.process.restart != RestartPolicy::No;
                Ok((self.follow(&id, attachment, restarts), Some(input)))
            }
            Kind::Service => {
                self.start(task, events).await?;
                let all = LogOptions { follow: true, ..LogOptions::default() };
                Ok((self.follow_logs(&self.inspect(&id).await?, &all).await?, None))
            }
        }
    }

    /// What the engine says of a container.
    ///
    /// # Errors
    /// [`crate::ErrorKind::TaskNotFound`].
    pub async fn inspect(&self, id: &str) -> Result<Details, Error> {
        match Kind::of(id) {
            Kind::Container => self.inspect_container(id).await,
            Kind::Service => self.inspect_service(id).await,
        }
    }

    /// The engine's own JSON of a container, as it came.
    ///
    /// # Errors
    /// [`crate::ErrorKind::TaskNotFound`].
    pub async fn inspect_raw(&self, task: &TaskRef) -> Result<serde_json::Value, Error> {
        let id = self.find(task).await?.id;
        let answer = match Kind::of(&id) {
            Kind::Container => self.raw_container(&id).await,
            Kind::Service => self.raw_service(&id).await,
        };
        answer.map_err(|error| find::explain(error, task))
    }

    /// Waits until the container does not run and tells its exit code. A container that was never
    /// started does not run. Whether the engine still answers is asked as often as an answer may take.
    ///
    /// # Errors
    /// [`crate::ErrorKind::TaskNotFound`], [`crate::ErrorKind::ConnectionLost`], or the engine's own failure.
    pub async fn wait(&self, id: &str) -> Result<Exit, Error> {
        match Kind::of(id) {
            Kind::Container => self.wait_for_container(id).await,
            Kind::Service => self.wait_for_service(id).await,
        }
    }

    /// The log of a container.
    ///
    /// # Errors
    /// [`crate::ErrorKind::TaskNotFound`], or the engine's refusal (a log driver that cannot be read).
    pub async fn logs(&self, container: &Details, options: &LogOptions) -> Result<Logs, Error> {
        match Kind::of(&container.id) {
            Kind::Container => self.container_log(container, options, None).await,
            Kind::Service => self.service_log(container, options).await,
        }
    }

    /// A container's log to its end, and what follows while it runs.
    ///
    /// # Errors
    /// As [`Docker::logs`].
    pub async fn follow_logs(&self, container: &Details, options: &LogOptions) -> Result<Follow, Error> {
        Ok(Follow(match Kind::of(&container.id) {
            Kind::Container => {
                FollowKind::Container(Box::new(self.follow_container(container, options).await?))
            }
            Kind::Service => FollowKind::Service(Box::new(self.follow_service(container, options)?)),
        }))
    }

    /// Asks the container's process to end and waits for it: signal, grace, kill.
    ///
    /// # Errors
    /// [`crate::ErrorKind::TaskNotFound`] or the engine's refusal. A stopped container is no error.
    pub async fn halt(&self, id: &str, options: &StopOptions, own: Option<i64>) -> Result<(), Error> {
        match Kind::of(id) {
            Kind::Container => self.halt_container(id, options, own).await,
            Kind::Service => self.remove_service(id).await,
        }
    }

    /// Sends a signal to the container's process; SIGKILL if none is given. A process that has
    /// ended already is no error.
    ///
    /// # Errors
    /// [`crate::ErrorKind::TaskNotFound`] or the engine's refusal.
    pub async fn kill(&self, id: &str, signal: Option<&Signal>) -> Result<(), Error> {
        match Kind::of(id) {
            Kind::Container => self.kill_container(id, signal).await,
            // Swarm has no other way than the task's own signal and grace.
            Kind::Service => self.remove_service(id).await,
        }
    }

    /// Removes a container with its anonymous volumes, killing its process if it still runs.
    /// A container that is gone, or going, is no error.
    ///
    /// # Errors
    /// The engine's refusal.
    pub async fn remove(&self, id: &str) -> Result<(), Error> {
        match Kind::of(id) {
            Kind::Container => self.remove_container(id, true).await,
            Kind::Service => self.remove_service(id).await,
        }
    }

    /// The same for a task that does not run: one that does is refused.
    pub(crate) async fn remove_ended(&self, id: &str) -> Result<(), Error> {
        match Kind::of(id) {
            Kind::Container => self.remove_container(id, false).await,
            Kind::Service => self.remove_service(id).await,
        }
    }

    /// The id of the container in which a task's commands run.
    pub(crate) async fn container_of(&self, id: &str) -> Result<String, Error> {
        match Kind::of(id) {
            Kind::Container => Ok(id.to_owned()),
            Kind::Service => self.container_here(id).await,
        }
    }

    /// What has the config's name, where its task is to be; a prefix of an id may be found too.
    pub(crate) async fn named(&self, name: &str, swarm: bool) -> Result<Details, Error> {
        match Kind::on(swarm) {
            Kind::Container => self.inspect_container(name).await,
            Kind::Service => self.service_named(name).await,
        }
    }

    /// The ids of what exists of a task: one, or none.
    pub(crate) async fn all_of(&self, task_id: Uuid, swarm: bool) -> Result<Vec<String>, Error> {
        match Kind::on(swarm) {
            Kind::Container => {
                Ok(self.list_by_task(task_id).await?.into_iter().map(|container| container.id).collect())
            }
            Kind::Service => self.services_of(task_id).await,
        }
    }
}

/// The output of one task, to its end.
pub struct Follow(FollowKind);

enum FollowKind {
    Container(Box<follow::ContainerOutput>),
    Service(Box<swarm::output::ServiceOutput>),
}

impl From<follow::ContainerOutput> for Follow {
    fn from(output: follow::ContainerOutput) -> Self {
        Self(FollowKind::Container(Box::new(output)))
    }
}

impl Follow {
    /// The next piece, or `None` once the task has ended and all its output was given.
    /// Dropping the future loses nothing that was not given.
    ///
    /// # Errors
    /// [`crate::ErrorKind::EngineUnreachable`] if the engine went away and did not come back within 30 s,
    /// [`crate::ErrorKind::TaskNotFound`] if the container was removed meanwhile.
    pub async fn next(&mut self) -> Result<Option<Chunk>, Error> {
        match &mut self.0 {
            FollowKind::Container(output) => output.next().await,
            FollowKind::Service(output) => output.next().await,
        }
    }

    /// How the task ended, after [`Follow::next`] gave `None`.
    #[must_use]
    pub fn exit(&self) -> Option<Exit> {
        match &self.0 {
            FollowKind::Container(output) => output.exit(),
            FollowKind::Service(output) => output.exit(),
        }
    }
}
