//! Runs a config: creates and starts the task, and waits until it is ready. If a step fails, nothing is left.

mod again;
pub mod observer;

use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    sync::{Mutex, PoisonError},
};

use futures_util::FutureExt;
use tokio::runtime::Handle;

use crate::{
    config::{Config, value::restart::RestartPolicy},
    docker::{
        Docker,
        deadline::{Deadline, in_time},
        files::check,
        handle::RunningTask,
        id::EngineId,
        labels::owner::Owner,
        output::{
            attach::{AttachOptions, Input},
            task_output::Follow,
        },
        run::{
            again::Again,
            observer::{Observed, Observer},
        },
    },
    error::Error,
    event::{Event, Events},
    state::State,
    task::Task,
};

/// A run of a task, made by [`Docker::run`]. Awaiting it pulls the image, creates and starts the task, and waits until
/// it is ready, as its config says. If a step fails, nothing is left, and the error is that of the step. If it is
/// dropped while it is awaited, the task is removed in the background.
///
/// A caller with something to do between the steps calls them one by one ([`Run::create`], [`Run::start`] or
/// [`Run::start_attached`], [`Run::ready`]), and [`Run::discard`] if one fails or is interrupted.
#[must_use = "nothing runs before it is awaited"]
pub struct Run<'e> {
    docker: Docker,
    task: Task,
    /// A mutex only so that a run can be shared between threads; it is never locked.
    events: Mutex<Box<dyn FnMut(Event) + Send + 'e>>,
    /// The config's `wait_timeout`, which covers everything from the beginning on.
    given: Option<Deadline>,
    /// The default limit of the wait, from the start on, if the config sets none.
    usual: Option<Deadline>,
    again: Again,
    /// For a task that its engine removes at its end.
    observer: Option<Observer>,
}

impl fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("task", &self.task.id)
            .field("docker", &self.docker)
            .finish_non_exhaustive()
    }
}

impl Docker {
    /// Runs a task, given as a config or as a [`Task`]. Nothing is sent before the result is awaited.
    ///
    /// ```no_run
    /// # async fn ready(docker: cube::Docker, config: cube::Config) -> Result<(), cube::Error> {
    /// let task = docker.run(config).on_event(|event| println!("{event:?}")).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When it is awaited: those of [`Run::create`], [`Run::start`] and [`Run::ready`].
    pub fn run<'e>(&self, task: impl Into<Task>) -> Run<'e> {
        let task = task.into();
        let given = task.config.readiness.wait_timeout.map(Deadline::after);
        let events: Mutex<Box<dyn FnMut(Event) + Send>> = Mutex::new(Box::new(|_| {}));
        Run {
            docker: self.clone(),
            task,
            events,
            given,
            usual: None,
            again: Again::default(),
            observer: None,
        }
    }
}

impl<'e> Run<'e> {
    /// Reports each step to `events`, which replaces an earlier receiver.
    pub fn on_event(mut self, events: impl FnMut(Event) + Send + 'e) -> Self {
        self.events = Mutex::new(Box::new(events));
        self
    }

    /// Makes the task belong to the process `owner`: when that is gone, `prune` may remove the task.
    pub fn owned_by(mut self, owner: Owner) -> Self {
        self.task.owner = Some(owner);
        self
    }

    /// Sets the initial size of the task's terminal, if it has one, in columns and rows. Engines before API 1.42 ignore
    /// it.
    pub fn with_console_size(mut self, columns: u16, rows: u16) -> Self {
        self.task.console_size = Some((columns, rows));
        self
    }

    /// The task. Its UUID is known before anything of it exists.
    #[must_use]
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// Creates the task; pulls its image as its config says. The container has the task's UUID as a label from the
    /// moment it exists.
    ///
    /// # Errors
    /// The config's own ([`Config::check`]), those of a pull, and the engine's refusals: name taken,
    /// bad mount, no such network, unsupported disk limit; [`crate::ErrorKind::TimedOut`] if the config's
    /// `wait_timeout` ran out.
    pub async fn create(&mut self) -> Result<RunningTask, Error> {
        self.task.config.check()?;
        check::check(&self.task.config)?;
        let created = match self.make().await {
            Err(error) if self.again.after(&error, &self.task.config) => self.make_anew().boxed().await,
            created => created,
        }?;
        self.task.transition(State::Scheduled)?;
        Ok(created)
    }

    /// Makes the container and copies files into it.
    async fn make(&mut self) -> Result<RunningTask, Error> {
        let events = self.events.get_mut().unwrap_or_else(PoisonError::into_inner);
        let created = self.docker.create(&mut self.task, &mut **events);
        let id = in_time(self.given, "created", created).await?;
        events(Event::Created);
        let copied = async {
            self.docker.copy_all_in(&id, &self.task.config, &mut **events).await?;
            self.docker.check_all_out(&id, &self.task.config).await
        };
        in_time(self.given, "given its files", copied).await?;
        Ok(self.docker.handle(id))
    }

    /// Makes the container again and removes an existing one, but keeps its networks.
    async fn make_anew(&mut self) -> Result<RunningTask, Error> {
        if let Some(id) = self.task.engine_id() {
            let failed = self.docker.handle(id.clone());
            in_time(self.given, "removed to be tried again", failed.remove_alone()).await?;
        }
        self.make().await
    }

    /// Starts the process of a task that [`Run::create`] made, and returns its handle when it runs or has already
    /// ended. The start is tried again with a new container, so with another handle, in two cases: another process took
    /// the host port that the engine had chosen (three times), or the network was removed with the last task on it
    /// (once).
    ///
    /// # Errors
    /// [`crate::ErrorKind::PortTaken`], [`crate::ErrorKind::CommandNotFound`],
    /// [`crate::ErrorKind::CommandNotExecutable`], [`crate::ErrorKind::BadMount`] and the engine's other
    /// refusals; [`crate::ErrorKind::Unschedulable`] if Swarm finds no node within the config's
    /// `wait_timeout` (60 s by default); [`crate::ErrorKind::TimedOut`]. The task is still there then.
    pub async fn start(&mut self, task: RunningTask) -> Result<RunningTask, Error> {
        let mut task = task;
        loop {
            self.observer = Observer::before(&task, &self.task.config).await;
            let events = self.events.get_mut().unwrap_or_else(PoisonError::into_inner);
            match task.start(self.given, &mut **events).await {
                Err(error) if self.again.after(&error, &self.task.config) => {
                    task = self.make_anew().boxed().await?;
                }
                started => return self.started(started).map(|()| task),
            }
        }
    }

    /// The same, with the task's streams connected before it runs, so that no byte is lost. A swarm cannot connect
    /// streams: there the output comes from the log, from its beginning, and there is no input.
    ///
    /// # Errors
    /// Those of [`RunningTask::attach`] and [`Run::start`].
    pub async fn start_attached(
        &mut self,
        task: RunningTask,
        streams: &AttachOptions,
    ) -> Result<(RunningTask, Follow, Option<Input>), Error> {
        let restarts = self.task.config.process.restart != RestartPolicy::No;
        let mut task = task;
        loop {
            let events = self.events.get_mut().unwrap_or_else(PoisonError::into_inner);
            match task.start_attached(streams, restarts, self.given, &mut **events).await {
                Err(error) if self.again.after(&error, &self.task.config) => {
                    task = self.make_anew().boxed().await?;
                }
                started => return self.started(started).map(|(output, input)| (task, output, input)),
            }
        }
    }

    fn started<T>(&mut self, started: Result<T, Error>) -> Result<T, Error> {
        let started = started.map_err(|e| e.during(format!("cannot start {}", self.task.title())))?;
        self.usual = Some(Deadline::after(Config::WAIT_TIMEOUT));
        self.task.transition(State::Running)?;
        Ok(started)
    }

    /// Waits until the task is ready as its config says. Returns at once if there is no condition.
    ///
    /// # Errors
    /// Those of [`RunningTask::ready`]. The config's `wait_timeout` counts from [`Docker::run`] on, the default of 60 s
    /// from the start on.
    pub async fn ready(&mut self, task: &RunningTask) -> Result<(), Error> {
        let readiness = &self.task.config.readiness;
        if readiness.wait_for.is_empty() {
            return Ok(());
        }
        let events = self.events.get_mut().unwrap_or_else(PoisonError::into_inner);
        let waited = task.ready_by(readiness, self.given.or(self.usual), &mut **events).await;
        let ready = match (waited, &mut self.observer) {
            (Err(error), Some(observer)) => observer.judge(error, readiness).await,
            (ready, _) => ready,
        };
        if ready.is_ok() {
            // Its output is no longer needed.
            self.observer = None;
        }
        ready.map_err(|error| error.during(format!("{} is not ready", self.task.title())))
    }

    /// How a task ended that its engine removed before it was ready (`auto_remove`); `None` for any other task.
    #[must_use]
    pub fn observed(&self) -> Option<Observed> {
        self.observer.as_ref().and_then(Observer::observed)
    }

    /// Removes whatever exists of the task, even what an unanswered create request may still make. `false` if that
    /// request made nothing within 3 s of the engine's first answer, but may still do so: an engine under load takes
    /// longer.
    ///
    /// # Errors
    /// The engine's, if it cannot be reached or refuses. The task can still be found by its label then.
    pub async fn discard(&mut self) -> Result<bool, Error> {
        self.docker.discard(&self.task).await
    }

    async fn all(&mut self) -> Result<RunningTask, Error> {
        let task = self.create().await?;
        let task = self.start(task).await?;
        self.ready(&task).await?;
        Ok(task)
    }
}

impl<'e> IntoFuture for Run<'e> {
    type Output = Result<RunningTask, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'e>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut unfinished = Unfinished(self);
            let done = unfinished.0.all().await;
            if done.is_err() {
                // The caller needs the first error. What could not be removed can still be found by its label.
                if let Err(error) = unfinished.0.discard().await {
                    tracing::info!("cannot remove task {}: {error}", unfinished.0.task.id);
                }
            }
            unfinished.0.task.forget();
            done
        })
    }
}

/// Discards the run if it is dropped before its end.
struct Unfinished<'e>(Run<'e>);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let (true, Ok(runtime)) = (self.0.task.may_exist(), Handle::try_current()) {
            let (docker, task) = (self.0.docker.clone(), self.0.task.clone());
            runtime.spawn(async move { docker.discard(&task).await });
        }
    }
}

impl Docker {
    async fn create(&self, task: &mut Task, events: Events<'_>) -> Result<EngineId, Error> {
        if task.config.swarm {
            self.create_service(task, events).boxed().await
        } else {
            self.create_container(task, events).boxed().await
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::net::UnixListener, time::Duration};

    use tokio::time::Instant;

    use super::*;
    use crate::{
        address::{Address, Surroundings},
        error::ErrorKind,
    };

    #[tokio::test(start_paused = true)]
    async fn a_given_limit_covers_the_creation_and_the_first_error_stays() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("engine");
        // It accepts connections and never answers, so nothing can be removed either.
        let _engine = UnixListener::bind(&socket).unwrap();
        let address = Address::Unix(socket);
        let docker = Docker::connect(address, &Surroundings::of_process(), Duration::from_mins(1)).unwrap();
        let mut config = Config::new("a".parse().unwrap());
        config.readiness.wait_timeout = Some(Duration::from_secs(5));
        let (begun, mut run) = (Instant::now(), docker.run(config.clone()));
        let error = run.create().await.unwrap_err();
        assert_eq!((error.kind(), begun.elapsed().as_secs()), (ErrorKind::TimedOut, 5));
        assert_eq!(error.to_string(), "the task was not created within 5s");
        let error = docker.run(config).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::TimedOut, "the task was not created within 5s")
        );
    }
}
