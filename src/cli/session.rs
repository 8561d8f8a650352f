//! One task under cube's care: guarded from before it exists, gone when it fails or is interrupted.

use std::{
    io,
    path::{Path, PathBuf},
};

use cube::{
    Action, Config, Details, Docker, DockerResult, Error, ErrorKind, Event, Events, Follow, Input, Lifetime,
    LogOptions, Owner, Signal, State, StopOptions, Tail, Task,
};

use crate::cli::{
    app::App,
    args::OutputFormat,
    guard::Guard,
    output::{copy, progress::PullDisplay, stdio},
    signals::Signals,
};

/// How many of its last lines a task that failed shows.
const LAST_LINES: u64 = 20;

/// A task and everything that watches over it.
pub struct Session<'a> {
    pub app: &'a App,
    pub docker: Docker,
    pub task: Task,
    pub signals: Signals,
    guard: Guard,
    cidfile: Option<PathBuf>,
    tells_result: bool,
    /// Whether its output is shown as it comes.
    shown: bool,
}

/// What goes with a task but is no part of it.
#[derive(Debug, Default)]
pub struct Extras {
    /// Where to write the container's id.
    pub cidfile: Option<PathBuf>,
    /// Whether to remove cube's own task of the same name first.
    pub replace: bool,
    /// Whether the result goes to a file.
    pub result_file: bool,
}

impl<'a> Session<'a> {
    /// Posts a guard; nothing is sent to the engine yet, but for what `replace` removes.
    pub async fn open(
        app: &'a App,
        config: Config,
        extras: Extras,
        lifetime: Lifetime,
    ) -> Result<Self, Error> {
        config.check()?;
        if let Some(path) = &extras.cidfile {
            check_cidfile(path)?;
        }
        let mut docker = app.docker().await?;
        if let Some(owner) = Owner::this_process(lifetime) {
            docker = docker.owned_by(owner);
        }
        let signals = Signals::listen()?;
        if extras.replace {
            docker.replace(&config).await?;
        }
        let task = Task::new(config);
        let hosts = app.hosts_of(&docker, task.config.swarm);
        let guard = Guard::post(&task, &hosts, app.global.context.as_deref())?;
        let tells_result = extras.result_file || app.output() == OutputFormat::Json;
        Ok(Self { app, docker, task, signals, guard, cidfile: extras.cidfile, tells_result, shown: false })
    }

    /// Creates and starts the task. With `stdin` given its streams are connected before it starts.
    pub async fn start(&mut self, streams: Option<bool>) -> Result<Option<(Follow, Option<Input>)>, Error> {
        if self.task.config.ttl.is_some() {
            tokio::spawn(expire(self.docker.clone(), self.task.config.swarm));
        }
        self.shown = streams.is_some();
        let mut progress = PullDisplay::new(self.app);
        let mut events = |event: Event| progress.show(event);
        let steps = start(&self.docker, &mut self.task, self.cidfile.as_deref(), streams, &mut events);
        tokio::select! {
            attached = steps => attached,
            signal = self.signals.next() => Err(Error::interrupted(signal?)),
        }
    }

    /// Waits until the task is ready as its config says.
    pub async fn ready(&mut self) -> Result<(), Error> {
        let config = &self.task.config;
        let Some(id) = self.task.container_id.as_deref().filter(|_| !config.readiness.wait_for.is_empty())
        else {
            return Ok(());
        };
        let limit = config.readiness.wait_timeout.unwrap_or(Config::WAIT_TIMEOUT);
        let ready = self.docker.ready(id, &config.readiness.wait_for, Some(limit));
        let met = tokio::select! {
            met = ready => met,
            signal = self.signals.next() => Err(Error::interrupted(signal?)),
        };
        if let Err(error) = &met
            && error.kind() != ErrorKind::Interrupted
        {
            self.tell_end().await;
        }
        met.map_err(|error| error.during(format!("{} is not ready", self.task.title())))
    }

    /// Removes whatever there is of the task. The guard stays if that fails, and tries again.
    pub async fn discard(mut self) {
        if let Some(path) = self.cidfile.take() {
            remove_own_cidfile(&path, self.task.container_id.as_deref());
        }
        match self.docker.discard(&self.task).await {
            Ok(()) => self.guard.release(),
            Err(error) => stdio::note(&format!(
                "the container may still be there ({error}); cube tries for two more minutes to remove it, \
                 then `cube stop {}` does",
                self.task.id
            )),
        }
    }

    /// Ends the start with a failure: nothing is left, and the result says why.
    pub async fn fail(mut self, error: Error) -> (DockerResult, Error) {
        if error.kind() == ErrorKind::Interrupted && self.task.state() == State::Running {
            self.announce_stop();
            let _ = self.halt().await;
        }
        // How the task ended is known to the engine only until it is removed.
        let known = if error.kind() == ErrorKind::TaskDied { self.last_word().await } else { self.known() };
        let result = DockerResult { state: Some(State::Failed), container_id: None, ..known };
        self.discard().await;
        (result, error)
    }

    /// What is known of the task without asking the engine.
    fn known(&self) -> DockerResult {
        DockerResult {
            task_id: Some(self.task.id),
            name: self.task.config.name.as_ref().map(ToString::to_string),
            image: Some(self.task.config.image.to_string()),
            ..DockerResult::success(Action::Start)
        }
    }

    /// Leaves the task to itself.
    pub fn release(self) {
        self.guard.release();
    }

    /// What the engine says of the task.
    pub async fn result(&mut self, action: Action) -> Result<DockerResult, Error> {
        self.docker.result(action, &mut self.task).await
    }

    /// What is known of the task at its end, as far as anybody asks for it.
    pub async fn last_word(&mut self) -> DockerResult {
        let known = self.known();
        if !self.tells_result {
            return known;
        }
        let mut result = self.result(Action::Start).await.unwrap_or(known);
        result.ports.clear();
        result
    }

    /// Asks the task to end and waits for it; a second signal kills it.
    pub async fn halt(&mut self) -> Result<(), Error> {
        let Some(id) = self.task.container_id.as_deref() else { return Ok(()) };
        let own = self.task.config.process.stop_timeout.map(i64::from);
        let options = StopOptions::default();
        tokio::select! {
            halted = self.docker.halt(id, &options, own) => halted,
            _ = self.signals.next() => self.kill(None).await,
        }
    }

    /// Sends the task a signal; SIGKILL if none is given.
    pub async fn kill(&self, signal: Option<&Signal>) -> Result<(), Error> {
        let Some(id) = self.task.container_id.as_deref() else { return Ok(()) };
        self.docker.kill(id, signal).await
    }

    /// Tells of a stop that may take the task's grace.
    pub fn announce_stop(&self) {
        stdio::note(&format!("stopping {}; another signal kills it", self.task.title()));
    }

    /// State, exit code and last lines of a task that failed before it was ready, on standard error.
    async fn tell_end(&self) {
        let Some(id) = &self.task.container_id else { return };
        let Ok(container) = self.docker.inspect(id).await else { return };
        let code = if container.is_alive() { "none".to_owned() } else { container.exit_code.to_string() };
        stdio::step(&format!("state: {:?}, exit code: {code}", container.state()));
        if !self.shown {
            self.show_last_lines(&container).await;
        }
    }

    async fn show_last_lines(&self, container: &Details) {
        let options = LogOptions { tail: Tail::Lines(LAST_LINES), ..LogOptions::default() };
        let Ok(mut logs) = self.docker.logs(container, &options).await else { return };
        let mut sink = copy::OutputCopy::new(tokio::io::stderr(), tokio::io::stderr());
        let _ = copy::pump(&mut logs, &mut sink).await;
    }
}

/// Removes what others with a time to live left behind, beside the start: nothing waits for it.
async fn expire(docker: Docker, swarm: bool) {
    if let Err(error) = docker.expire(swarm).await {
        tracing::info!("cannot remove expired tasks: {error}");
    }
}

async fn start(
    docker: &Docker,
    task: &mut Task,
    cidfile: Option<&Path>,
    streams: Option<bool>,
    events: Events<'_>,
) -> Result<Option<(Follow, Option<Input>)>, Error> {
    docker.create(task, events).await?;
    let early = note_id(task, cidfile)?;
    let attached = match streams {
        Some(stdin) => Some(docker.start_attached(task, stdin, events).await?),
        None => docker.start(task, events).await.map(|()| None)?,
    };
    if !early {
        note_id(task, cidfile)?;
    }
    Ok(attached)
}

/// Writes the task's id down as soon as there is one; on a swarm that is only once it was started.
fn note_id(task: &Task, cidfile: Option<&Path>) -> Result<bool, Error> {
    let (Some(path), Some(id)) = (cidfile, &task.container_id) else { return Ok(cidfile.is_none()) };
    write_cidfile(path, id).map(|()| true)
}

fn check_cidfile(path: &Path) -> Result<(), Error> {
    if path.symlink_metadata().is_ok() {
        return Err(Error::new(ErrorKind::File, format!("the file {} for --cidfile exists", path.display()))
            .with_hint("remove it, or make sure that its task does not run any more"));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(Err(cause)) = folder.map(Path::metadata) {
        return Err(unwritable_cidfile(path, cause));
    }
    Ok(())
}

/// Whole or not at all: a file of another name is filled first. An existing file is not replaced.
fn write_cidfile(path: &Path, id: &str) -> Result<(), Error> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", std::process::id()));
    let written = write_by_link(path, Path::new(&draft), id);
    let _ = std::fs::remove_file(&draft);
    written.map_err(|cause| unwritable_cidfile(path, cause))
}

fn unwritable_cidfile(path: &Path, cause: io::Error) -> Error {
    Error::new(ErrorKind::File, format!("cannot write the file {} for --cidfile", path.display()))
        .with_source(cause)
        .with_hint("name a file that does not exist, in a folder that does")
}

fn write_by_link(path: &Path, draft: &Path, id: &str) -> io::Result<()> {
    std::fs::write(draft, id)?;
    std::fs::hard_link(draft, path)
}

fn remove_own_cidfile(path: &Path, id: Option<&str>) {
    let Some(id) = id else { return };
    if std::fs::read_to_string(path).is_ok_and(|text| text == id) {
        let _ = std::fs::remove_file(path);
    }
}
