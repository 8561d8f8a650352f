//! One task under cube's care: guarded from before it exists, gone when it fails or is interrupted.

mod hint;

use std::{
    path::{Path, PathBuf},
    pin::pin,
    time::Instant,
};

use cube::{
    Action, AttachOptions, Config, Details, Docker, DockerResult, Error, ErrorKind, Follow, Input, Lifetime,
    Owner, Run, RunningTask, Signal, State, StopOptions, Stopped, Unheard,
};

use uuid::Uuid;

use crate::cli::{
    app::App,
    args::OutputFormat,
    cidfile,
    copies::{self, Fetched},
    guard::{Guard, Word},
    mounts,
    outcome::Outcome,
    output::{changing_line, progress::PullReport, stdio, stops, waiting::WaitDisplay},
    record::{End, LAST_LINES, Record, phases::Phase},
    session::hint::Hints,
    signals::{KILL, LAST, Signals},
    terminal,
};

/// A task and everything that watches over it: a `Session<()>` before anything exists of it, then one with its handle.
pub struct Session<'a, T = RunningTask> {
    pub app: &'a App,
    pub task: T,
    pub signals: Signals,
    /// What is kept of the run.
    pub record: Record,
    docker: Docker,
    run: Box<Run<'a>>,
    guard: Guard,
    cidfile: Option<PathBuf>,
    wants_result: bool,
    /// Whether its output is shown as it comes.
    shown: bool,
    waits: WaitDisplay,
    /// Whether the error that ended it was shown.
    error_shown: bool,
    hints: Hints,
    silence: Silence,
}

/// Whether the engine did not answer a question about the task's end: none that can be left out is asked again.
#[derive(Clone, Copy, Debug, Default)]
struct Silence(bool);

/// What goes with a task but is no part of it.
#[derive(Debug, Default)]
pub struct Extras {
    /// Where to write the container's id.
    pub cidfile: Option<PathBuf>,
    /// Whether to remove cube's own task of the same name first.
    pub replace: bool,
    /// Whether the result goes to a file.
    pub result_file: bool,
    /// What is kept of the run.
    pub record: Record,
}

/// A run that knows the terminal's size and, as its owner, this process.
fn owned(mut run: Run<'_>, lifetime: Lifetime) -> Run<'_> {
    if let Some((columns, rows)) = terminal::output_size() {
        run = run.with_console_size(columns, rows);
    }
    match Owner::this_process(lifetime) {
        Some(owner) => run.owned_by(owner),
        None => run,
    }
}

/// A run whose events reach the guard, the record and the displays.
fn heard<'a>(
    run: Run<'a>,
    mut word: Word,
    mut progress: PullReport,
    record: &Record,
    waits: &WaitDisplay,
) -> Run<'a> {
    let (record, waits) = (record.clone(), waits.clone());
    run.on_event(move |event| {
        word.hear(&event);
        record.event(&event);
        waits.show(&event);
        progress.show(event);
    })
}

impl<'a> Session<'a, ()> {
    /// Posts a guard; nothing is sent to the engine yet, but for what `replace` removes.
    pub async fn open(
        app: &'a App,
        config: Config,
        extras: Extras,
        lifetime: Lifetime,
    ) -> Result<Self, Error> {
        config.check()?;
        if let Some(path) = &extras.cidfile {
            cidfile::check(path)?;
        }
        let docker = app.docker().await?;
        let mut signals = Signals::listen()?;
        if extras.replace {
            signals.unless_one_comes(docker.replace(&config)).await?;
        }
        if config.ttl.is_some() {
            tokio::spawn(expire(docker.clone(), config.swarm));
        }
        mounts::warn(app, docker.address(), &config);
        let Extras { cidfile, replace, result_file, record } = extras;
        let wants_result = result_file || app.output() == OutputFormat::Json || record.keeps_result();
        let waits = WaitDisplay::new(app);
        let run = owned(docker.run(config), lifetime);
        let hosts = app.hosts_of(&docker, run.task().config.swarm);
        let guard = Guard::post(run.task(), &hosts, app.global.context.as_deref())?;
        let run = Box::new(heard(run, guard.word(), PullReport::new(app, record.ci()), &record, &waits));
        let (task, shown, error_shown) = ((), false, false);
        let (hints, silence) = (Hints { replaces: replace }, Silence::default());
        Ok(Self {
            app,
            task,
            signals,
            record,
            docker,
            run,
            guard,
            cidfile,
            wants_result,
            shown,
            waits,
            error_shown,
            hints,
            silence,
        })
    }

    /// Creates and starts the task. If that fails, nothing is left, and the outcome says why.
    pub async fn start(mut self) -> Result<Session<'a>, Box<Outcome>> {
        let steps = Box::pin(start(&mut self.run, self.cidfile.as_deref(), &self.record));
        match self.signals.unless_one_comes(steps).await {
            Ok(task) => Ok(self.with(task, false)),
            Err(error) => Err(Box::pin(self.fail(error)).await),
        }
    }

    /// The same with its streams connected before it starts.
    pub async fn start_attached(
        mut self,
        streams: &AttachOptions,
    ) -> Result<(Session<'a>, Follow, Option<Input>), Box<Outcome>> {
        let steps = Box::pin(start_attached(&mut self.run, self.cidfile.as_deref(), streams, &self.record));
        match self.signals.unless_one_comes(steps).await {
            Ok((task, output, input)) => {
                self.waits.beside(self.record.output().clone(), streams.tty);
                Ok((self.with(task, true), output, input))
            }
            Err(error) => Err(Box::pin(self.fail(error)).await),
        }
    }

    fn with(self, task: RunningTask, shown: bool) -> Session<'a> {
        let Self { app, task: (), signals, record, docker, run, guard, cidfile, wants_result, .. } = self;
        let (waits, error_shown) = (self.waits, self.error_shown);
        let (hints, silence) = (self.hints, self.silence);
        Session {
            app,
            task,
            signals,
            record,
            docker,
            run,
            guard,
            cidfile,
            wants_result,
            shown,
            waits,
            error_shown,
            hints,
            silence,
        }
    }

    async fn fail(self, error: Error) -> Box<Outcome> {
        let error = self.hints.fit(error, self.config());
        let known = self.known();
        self.failed(known, error).await
    }
}

impl Session<'_> {
    /// Waits until the task is ready as its config says. Why it is not is shown at once, unless its output is shown:
    /// then that comes to its end first.
    pub async fn ready(&mut self) -> Result<(), Error> {
        let begun = Instant::now();
        let met = self.signals.unless_one_comes(self.run.ready(&self.task)).await;
        changing_line::clear();
        if !self.config().readiness.wait_for.is_empty() {
            self.record.took(Phase::Ready, begun);
        }
        if let Err(error) = &met
            && !self.shown
        {
            self.report_unready(error, None).await;
        }
        met
    }

    /// Ends the task with a failure: nothing is left, and the outcome says why.
    pub async fn fail(mut self, error: Error) -> Outcome {
        if error.kind() == ErrorKind::Interrupted {
            self.announce_stop();
            let _ = self.stop_process(Unheard::KillIfIdle).await;
        }
        if matches!(copies::fetch_failed(&mut self).await, Fetched::LeftToGuard) {
            let result = DockerResult { state: Some(State::Failed), ..self.known() };
            return Outcome { error_shown: self.error_shown, ..Outcome::failed_start(result, error) };
        }
        // How the task ended is known to the engine only until it is removed.
        let known = if error.kind() == ErrorKind::TaskDied { self.last_word().await } else { self.known() };
        *self.failed(known, error).await
    }

    /// Has the process `pid` of this machine ended if cube is killed.
    pub fn watch_host(&self, pid: u32) {
        self.guard.watch_host(pid);
    }

    /// Leaves the task to itself.
    pub fn release(self) {
        self.guard.release();
    }

    /// Leaves the task to itself until its end: then the guard removes it.
    pub fn release_until_end(self) {
        self.guard.release_until_end();
    }

    /// What is known of the task at its end, as far as anybody asks for it.
    pub async fn last_word(&mut self) -> DockerResult {
        if !self.wants_result {
            return self.known();
        }
        let asked = self.signals.ask(self.task.result(Action::Start)).await;
        self.silence.0 |= asked.as_ref().is_none_or(|asked| asked.as_ref().is_err_and(Error::is_passing));
        let mut result = asked.and_then(Result::ok).unwrap_or_else(|| self.known());
        result.ports.clear();
        result
    }

    /// Asks the task to end and waits for it; a second signal kills it, a third waits for nothing. `unheard` says what becomes of a task that
    /// cannot hear that.
    pub async fn stop_process(&mut self, unheard: Unheard) -> Result<(), Error> {
        let (own_grace, options) = (self.own_grace(), StopOptions { unheard, ..StopOptions::default() });
        let (title, begun) = (self.title(), Instant::now());
        let stop = self.task.stop_process(&options, own_grace);
        let stop = stops::told_if_slow(&title, self.app.global.quiet, stop);
        let stopped = if let Some(stopped) = self.signals.until(KILL, stop).await {
            stopped
        } else {
            let killed = self.signals.until(LAST, self.task.kill(None)).await.unwrap_or(Ok(()));
            killed.map(|()| Stopped::default())
        };
        self.record.took(Phase::Stop, begun);
        self.silence.0 |= stopped.as_ref().is_err_and(Error::is_passing);
        stops::explain(&title, self.app.global.quiet, stopped?.unheard);
        Ok(())
    }

    /// The task's own grace, in seconds.
    pub fn own_grace(&self) -> Option<i64> {
        self.config().process.stop_timeout.map(i64::from)
    }

    /// Announces a stop that may take the task's grace.
    pub fn announce_stop(&self) {
        stdio::note(&format!("stopping {}; another signal kills it", self.title()));
    }

    /// Shows why the task is not ready, then how it stands (`details`, if that was seen before) and its last lines.
    pub async fn report_unready(&mut self, error: &Error, details: Option<Details>) {
        if error.kind() == ErrorKind::Interrupted {
            return;
        }
        stdio::error(error, self.app.colors_errors());
        self.error_shown = true;
        let title = self.title();
        if let Some(observed) = self.run.observed() {
            let code = observed.exit.code;
            let state = if code == 0 { State::Completed } else { State::Failed };
            stdio::step(&format!("state: {state:?}, exit code: {code}"));
            return self.record.show_lines_of(&observed.last_output, &title, LAST_LINES);
        }
        let Self { task, record, shown, .. } = self;
        let report = async {
            let details = match details {
                Some(details) => Ok(details),
                None => task.inspect().await,
            };
            if let Ok(details) = details {
                record.show_unready(task, &details, &title, *shown).await;
            }
        };
        let _ = self.signals.ask(Box::pin(report)).await;
    }
}

impl<T> Session<'_, T> {
    /// What runs, or is to run.
    pub fn config(&self) -> &Config {
        &self.run.task().config
    }

    /// The task's identity.
    pub fn task_id(&self) -> Uuid {
        self.run.task().id
    }

    /// How messages name the task.
    pub fn title(&self) -> String {
        self.run.task().title()
    }

    /// Removes whatever there is of the task, and puts into `result` what is left. The guard stays if that fails, and
    /// tries again. A third signal leaves it to the guard, and is an error.
    pub async fn discard(mut self, result: &mut DockerResult) -> Result<(), Error> {
        let engine_id = self.run.task().engine_id().map(ToString::to_string);
        if let (Some(path), Some(id)) = (self.cidfile.take(), &engine_id) {
            cidfile::remove_own(&path, id);
        }
        let (title, begun) = (self.title(), Instant::now());
        let discarded = last_request(&mut self.signals, &title, Box::pin(self.run.discard())).await;
        self.record.took(Phase::Remove, begun);
        result.container_id = None;
        match discarded {
            Some(Ok(true)) => self.guard.release(),
            // Nothing came of the request, and still may.
            Some(Ok(false)) => {}
            Some(Err(error)) => {
                stdio::note(&format!(
                    "the container may still be there ({error}); a process in the background removes it \
                     once the engine answers, else `cube stop {}` does",
                    self.run.task().id
                ));
                result.container_id = engine_id.or_else(|| error.container_id().map(str::to_owned));
            }
            None => result.container_id = engine_id,
        }
        self.signals.ended_by().map_or(Ok(()), |signal| Err(left_to_guard(signal)))
    }

    /// Removes what there is of a task that failed. The error stays the first one, whatever becomes of the removal.
    async fn failed(mut self, known: DockerResult, error: Error) -> Box<Outcome> {
        let mut result = DockerResult { state: Some(State::Failed), ..known };
        let by_cube = error.kind() == ErrorKind::Interrupted;
        self.record.ended();
        let code = self.run.observed().map(|observed| observed.exit.code);
        self.conclude(End { code, by_cube, error: Some(&error) }, &mut result).await;
        let error_shown = self.error_shown;
        let _ = self.discard(&mut result).await;
        Box::new(Outcome { error_shown, ..Outcome::failed_start(result, error) })
    }

    /// Records everything that can be known only until the task is removed.
    pub async fn conclude(&mut self, end: End<'_>, result: &mut DockerResult) {
        let task = self.run.task().engine_id().filter(|_| !self.silence.0);
        let task = task.map(|id| self.docker.handle(id.clone()));
        let concluded = self.record.conclude(task.as_ref(), &self.run.task().config, end, result);
        self.silence.0 |= self.signals.ask(Box::pin(concluded)).await.is_none();
    }

    /// What is known of the task without asking the engine.
    fn known(&self) -> DockerResult {
        let task = self.run.task();
        DockerResult {
            task_id: Some(task.id),
            name: task.config.name.as_ref().map(ToString::to_string),
            image: Some(task.config.image.to_string()),
            exit_code: self.run.observed().map(|observed| observed.exit.code),
            container_id: task.engine_id().map(ToString::to_string),
            ..DockerResult::success(Action::Start)
        }
    }
}

/// A request that a task's end cannot do without: only a third signal breaks it off.
async fn last_request<T>(signals: &mut Signals, title: &str, request: impl Future<Output = T>) -> Option<T> {
    let mut request = pin!(request);
    while signals.came() < LAST {
        if let Some(done) = signals.until(signals.came() + 1, &mut request).await {
            return Some(done);
        }
        let left = LAST.saturating_sub(signals.came());
        if left > 0 {
            let more = if left == 1 { "another signal leaves" } else { "two more signals leave" };
            stdio::note(&format!("removing {title}; {more} that to the background"));
        }
    }
    None
}

fn left_to_guard(signal: Signal) -> Error {
    Error::interrupted(signal)
        .with_hint("a process in the background goes on; `cube ps -a` shows what is left")
}

async fn start(run: &mut Run<'_>, cidfile: Option<&Path>, record: &Record) -> Result<RunningTask, Error> {
    let task = create(run, cidfile, record).await?;
    let begun = Instant::now();
    let started = run.start(task.clone()).await?;
    replaced(&task, &started, cidfile, record)?;
    record.started(&started, begun);
    Ok(started)
}

async fn start_attached(
    run: &mut Run<'_>,
    cidfile: Option<&Path>,
    streams: &AttachOptions,
    record: &Record,
) -> Result<(RunningTask, Follow, Option<Input>), Error> {
    let task = create(run, cidfile, record).await?;
    let begun = Instant::now();
    let (started, output, input) = run.start_attached(task.clone(), streams).await?;
    replaced(&task, &started, cidfile, record)?;
    record.started(&started, begun);
    Ok((started, output, input))
}

/// Writes the id down once more if the start needed another container than the first.
fn replaced(
    first: &RunningTask,
    task: &RunningTask,
    cidfile: Option<&Path>,
    record: &Record,
) -> Result<(), Error> {
    if first.id() == task.id() {
        return Ok(());
    }
    record.created(task, Instant::now());
    if let Some(path) = cidfile {
        cidfile::remove_own(path, first.id());
        cidfile::write(path, task.id())?;
    }
    Ok(())
}

/// Creates the task, and writes its id down as soon as there is one.
async fn create(run: &mut Run<'_>, cidfile: Option<&Path>, record: &Record) -> Result<RunningTask, Error> {
    let begun = Instant::now();
    let task = run.create().await?;
    record.created(&task, begun);
    if let Some(path) = cidfile {
        cidfile::write(path, task.id())?;
    }
    Ok(task)
}

/// Removes what others with a time to live left behind, beside the start: nothing waits for it.
async fn expire(docker: Docker, swarm: bool) {
    if let Err(error) = docker.expire(swarm).await {
        tracing::info!("cannot remove expired tasks: {error}");
    }
}
