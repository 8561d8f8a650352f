//! From a config to a task that is ready: created, started, waited for; or nothing is left of it.

mod again;
pub mod observer;

use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    sync::{Mutex, PoisonError},
};

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

/// A task that is about to be run: what [`Docker::run`] gives. Awaited, it is pulled, created, started and waited
/// for as its config says; where that fails, nothing is left of it, and the error is the first one. Dropped while
/// it is awaited, what there is of it is removed in the background.
///
/// A caller that has something to do between the steps takes them one by one ([`Run::create`], [`Run::start`] or
/// [`Run::start_attached`], [`Run::ready`]), and calls [`Run::discard`] when one fails or is broken off.
#[must_use = "nothing runs before it is awaited"]
pub struct Run<'e> {
    docker: Docker,
    task: Task,
    /// Never locked: with it a run may be shared between threads.
    events: Mutex<Box<dyn FnMut(Event) + Send + 'e>>,
    /// The config's own limit, which covers everything from the beginning on.
    given: Option<Deadline>,
    /// The limit of the wait alone, where the config has none: from the start on.
    usual: Option<Deadline>,
    again: Again,
    /// Of a task that its engine removes at its end.
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
    /// Runs a task: a config, or a [`Task`] made of one. Nothing is sent before the result is awaited.
    ///
    /// ```no_run
    /// # async fn ready(docker: cube::Docker, config: cube::Config) -> Result<(), cube::Error> {
    /// let task = docker.run(config).on_event(|event| println!("{event:?}")).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Awaited: those of [`Run::create`], [`Run::start`] and [`Run::ready`].
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
    /// Reports each step to `events`, in place of whom it reported to before.
    pub fn on_event(mut self, events: impl FnMut(Event) + Send + 'e) -> Self {
        self.events = Mutex::new(Box::new(events));
        self
    }

    /// Has the task end with the process `owner`: once that is gone, `prune` removes what is left.
    pub fn owned_by(mut self, owner: Owner) -> Self {
        self.task.owner = Some(owner);
        self
    }

    /// Gives the task's terminal, if it has one, the size of its caller's from the start on: `columns` and `rows`.
    /// Engines before API 1.42 do not heed it.
    pub fn with_console_size(mut self, columns: u16, rows: u16) -> Self {
        self.task.console_size = Some((columns, rows));
        self
    }

    /// The task: its identity is known before anything exists of it.
    #[must_use]
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// Creates the task, pulling its image as its config says. From the moment it exists it carries the task's UUID
    /// as a label.
    ///
    /// # Errors
    /// The config's own ([`Config::check`]), those of a pull, and the engine's refusals: name taken,
    /// bad mount, no such network, unsupported disk limit; [`crate::ErrorKind::TimedOut`] if the config's
    /// `wait_timeout` ran out.
    pub async fn create(&mut self) -> Result<RunningTask, Error> {
        self.task.config.check()?;
        check::check(&self.task.config)?;
        let created = match self.make().await {
            Err(error) if self.again.after(&error, &self.task.config) => self.make_anew().await,
            created => created,
        }?;
        self.task.transition(State::Scheduled)?;
        Ok(created)
    }

    /// Makes the container, with its files in it.
    async fn make(&mut self) -> Result<RunningTask, Error> {
        let events = self.events.get_mut().unwrap_or_else(PoisonError::into_inner);
        let created = self.docker.create(&mut self.task, &mut **events);
        let id = in_time(self.given, "created", created).await?;
        events(Event::Created);
        let copied = self.docker.copy_all_in(&id, &self.task.config, &mut **events);
        in_time(self.given, "given its files", copied).await?;
        Ok(self.docker.handle(id))
    }

    /// Makes it in place of the one that there may be. Its networks are left to the new one.
    async fn make_anew(&mut self) -> Result<RunningTask, Error> {
        if let Some(id) = self.task.engine_id() {
            let failed = self.docker.handle(id.clone());
            in_time(self.given, "removed to be tried again", failed.remove_alone()).await?;
        }
        self.make().await
    }

    /// Starts the process of a task that [`Run::create`] made, and returns its handle when it runs, or ran. A host
    /// port that the engine chose, and another took before it was bound, is chosen again (three times), and a network
    /// that cube makes, and that went with the last task on it, is made again (once): in a container that takes the
    /// place of the first, so that the handle is another.
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
                Err(error) if self.again.after(&error, &self.task.config) => task = self.make_anew().await?,
                started => return self.started(started).map(|()| task),
            }
        }
    }

    /// The same with the task's streams connected before it runs, so that no byte is lost. Swarm connects no streams:
    /// there the output comes from the log, from its beginning, and there is no input.
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
                Err(error) if self.again.after(&error, &self.task.config) => task = self.make_anew().await?,
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

    /// Waits until the task is ready as its config says; at once where it says nothing.
    ///
    /// # Errors
    /// Those of [`RunningTask::ready`], within the config's `wait_timeout`: it began with [`Docker::run`], or with
    /// the start where it is the usual 60 s.
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
            // Its output is nobody's concern any more.
            self.observer = None;
        }
        ready.map_err(|error| error.during(format!("{} is not ready", self.task.title())))
    }

    /// How a task ended before it was ready that its engine has removed then (`auto_remove`); `None` of any other.
    #[must_use]
    pub fn observed(&self) -> Option<Observed> {
        self.observer.as_ref().and_then(Observer::observed)
    }

    /// Removes whatever there is of the task, and what a create request that was not answered may still bring forth.
    /// `false` if nothing came of that within 3 s of the engine's first answer, and still may: an engine under load
    /// takes longer.
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
                // Why it failed is what the caller has to know; the label still finds what could not be removed.
                if let Err(error) = unfinished.0.discard().await {
                    tracing::info!("cannot remove task {}: {error}", unfinished.0.task.id);
                }
            }
            unfinished.0.task.forget();
            done
        })
    }
}

/// A run that may be dropped half-way.
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
            Box::pin(self.create_service(task, events)).await
        } else {
            Box::pin(self.create_container(task, events)).await
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
        // It takes connections and never answers, so that nothing can be removed either.
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
