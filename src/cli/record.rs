//! The record of a run: the task's output and usage, the time of each part, and why it failed. It is shown or written
//! at the end, the reason last.

pub mod cause;
pub mod ci;
pub mod closing;
mod container;
mod copied;
pub mod ended;
pub mod evidence;
pub mod output;
pub mod phases;
pub mod secrets;
mod usage;

use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use cube::{
    CauseKind, Config, CopyOut, Details, DockerResult, Error, ErrorKind, Event, LogOptions, RunningTask,
    Signal, Tail, Usage, UsageWatch,
};
use tokio::task::JoinHandle;

use crate::cli::{
    app::App,
    args::{flags::record::RecordArgs, global::OutputFormat},
    outcome::Outcome,
    output::stdio,
    record::{
        cause::facts::Facts,
        ci::Ci,
        closing::Closing,
        container::Container,
        copied::CopiedFolder,
        evidence::Evidence,
        output::OutputRecord,
        phases::{Phase, Stopwatch},
        secrets::Secrets,
    },
};

/// How many last lines of a failed task are shown and searched for the reason.
pub const LAST_LINES: usize = 20;
/// How long the engine may take to describe a task that did not become ready.
pub const SOON: Duration = Duration::from_secs(2);
/// The number of SIGKILL.
const SIGKILL: u8 = 9;
/// How long reading the rest of the log may take after the task's end.
const REST_OF_LOG: Duration = Duration::from_secs(10);

/// The record of a run. Clones share one record.
#[derive(Clone, Default)]
pub struct Record(Arc<RecordParts>);

#[derive(Default)]
struct RecordParts {
    /// The task's output, as far as cube read it.
    output: OutputRecord,
    evidence: Option<Evidence>,
    ci: Ci,
    shows_usage: bool,
    /// Whether the task's usage is measured.
    watches: bool,
    state: Mutex<RecordState>,
}

#[derive(Default)]
struct RecordState {
    stopwatch: Stopwatch,
    watch: Option<UsageWatch>,
    following: Option<JoinHandle<Result<(), Error>>>,
    secrets: Secrets,
    notes: Vec<String>,
    /// The first failure to write a part of the record.
    failure: Option<Error>,
    evidence_due: bool,
    /// The exit code of a task that failed by itself.
    failed_with: Option<i64>,
    /// The evidence's folder for copied files.
    copied: Option<CopiedFolder>,
    /// The signals that cube sent to the task.
    handed_on: Vec<u8>,
}

/// How a task ended, as far as the command knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct End<'a> {
    /// The exit code of its process, if it ended by itself.
    pub code: Option<i64>,
    /// Whether cube asked it to end.
    pub by_cube: bool,
    /// The error of the command.
    pub error: Option<&'a Error>,
    /// Whether HOST-COMMAND failed, which is a failure of the run but not of the task.
    pub command_failed: bool,
}

impl End<'_> {
    fn has_failed(&self) -> bool {
        self.error.is_some() || (!self.by_cube && self.code.is_some_and(|code| code != 0))
    }

    fn is_engine_silent(&self) -> bool {
        let silent = [ErrorKind::EngineUnreachable, ErrorKind::ConnectionLost];
        self.error.is_some_and(|error| silent.contains(&error.kind()))
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").finish_non_exhaustive()
    }
}

impl Record {
    /// Reads the flags. Files and folders are made now, so that an unusable path fails before anything runs.
    pub fn new(args: &RecordArgs, app: &App, foreground: bool, to_file: bool) -> Result<Self, Error> {
        if !foreground {
            refuse_detached("--log-file", args.log_file.is_some())?;
            refuse_detached("--usage", args.usage)?;
        }
        let shown = to_file || app.output() == OutputFormat::Json || args.evidence.is_some();
        Ok(Self(Arc::new(RecordParts {
            evidence: args.evidence.as_deref().map(Evidence::prepare).transpose()?,
            output: OutputRecord::new(args.log_file.as_deref())?,
            ci: Ci::detect(args.ci, &|name| std::env::var(name).ok()),
            shows_usage: args.usage,
            watches: foreground && (args.usage || shown),
            state: Mutex::default(),
        })))
    }

    /// The record of the task's output.
    pub fn output(&self) -> &OutputRecord {
        &self.0.output
    }

    /// Whether the result is written as part of the evidence.
    pub fn keeps_result(&self) -> bool {
        self.0.evidence.is_some()
    }

    /// The CI service for which marks are written to standard error.
    pub fn ci(&self) -> Ci {
        self.0.ci
    }

    fn with<T>(&self, change: impl FnOnce(&mut RecordState) -> T) -> T {
        change(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Measures a pull by its events.
    pub fn event(&self, event: &Event) {
        self.with(|state| state.stopwatch.event(event));
    }

    /// Records the creation, which began at `begun`. From now on the task's usage is measured.
    pub fn created(&self, task: &RunningTask, begun: Instant) {
        self.with(|state| state.stopwatch.created(begun));
        if self.0.watches && task.id().as_str().len() == CONTAINER_ID {
            let watch = task.docker().watch_usage(task.id().as_str());
            self.with(|state| state.watch = Some(watch));
        }
    }

    /// Records the start, which began at `begun`.
    pub fn started(&self, task: &RunningTask, begun: Instant) {
        self.with(|state| {
            state.stopwatch.add(Phase::Start, begun.elapsed());
            state.stopwatch.run_from_now();
        });
        let Some(watch) = self.with(|state| state.watch.clone()) else { return };
        watch.started();
        let task = task.clone();
        tokio::spawn(async move { task.docker().sample_usage(task.id().as_str(), &watch).await });
    }

    /// Records the time of a part of the task's life.
    pub fn took(&self, phase: Phase, begun: Instant) {
        self.with(|state| state.stopwatch.add(phase, begun.elapsed()));
    }

    /// Records a signal that cube passes on to the task.
    pub fn handed_on(&self, signal: Signal) {
        self.with(|state| state.handed_on.push(signal.number()));
    }

    /// Records that cube ends a task that still runs, with SIGKILL if it has to.
    pub fn ends_task(&self) {
        self.with(|state| state.handed_on.push(SIGKILL));
    }

    /// Whether the exit code stands for a signal that cube sent.
    fn is_handed_on(&self, code: Option<i64>) -> bool {
        self.with(|state| state.handed_on.iter().any(|number| code == Some(128 + i64::from(*number))))
    }

    /// Records that the task, or HOST-COMMAND, has ended.
    pub fn ended(&self) {
        self.with(|state| state.stopwatch.end_run());
    }

    /// If there is a log file, records the output of a task whose output is not shown.
    pub async fn follow(&self, task: &RunningTask) -> Result<(), Error> {
        if !self.0.output.is_filed() {
            return Ok(());
        }
        let mut log = task.logs(&LogOptions { follow: true, ..LogOptions::default() }).await?;
        let output = self.0.output.clone();
        let following = tokio::spawn(async move {
            while let Some(chunk) = log.next().await? {
                output.take(&chunk.bytes);
            }
            Ok(())
        });
        self.with(|state| state.following = Some(following));
        Ok(())
    }

    /// Shows the state and exit code of a task that did not become ready, and its last lines unless its output is shown
    /// anyway.
    pub async fn show_unready(&self, task: &RunningTask, details: &Details, title: &str, shown: bool) {
        let code = if details.is_alive() { "none".to_owned() } else { details.exit_code.to_string() };
        stdio::step(&format!("state: {:?}, exit code: {code}", details.state()));
        if !shown {
            self.show_last_lines(task, Some(details), title, LAST_LINES).await;
        }
    }

    /// Shows the task's last lines under a heading, on standard error.
    pub async fn show_last_lines(
        &self,
        task: &RunningTask,
        details: Option<&Details>,
        title: &str,
        most: usize,
    ) {
        self.read_last_lines(task, details, most).await;
        self.show_kept(title, most);
    }

    /// The same for a removed task whose last output is known.
    pub fn show_lines_of(&self, output: &[u8], title: &str, most: usize) {
        self.0.output.keep(output);
        self.show_kept(title, most);
    }

    fn show_kept(&self, title: &str, most: usize) {
        let lines = self.0.output.last(most);
        if !lines.is_empty() {
            self.0.ci.task_lines(&format!("the last lines of {title}"), &lines);
        }
    }

    /// The last lines that were recorded.
    fn last_lines(&self, most: usize) -> Vec<String> {
        self.0.output.lines(most)
    }

    /// Reads the last lines from the log, unless output was recorded already.
    async fn read_last_lines(&self, task: &RunningTask, details: Option<&Details>, most: usize) {
        if !self.0.output.is_empty() {
            return;
        }
        let lines = u64::try_from(most).unwrap_or(u64::MAX);
        let options = LogOptions { tail: Tail::Lines(lines), ..LogOptions::default() };
        let log = match details {
            Some(details) => task.logs_of(details, &options).await,
            None => task.logs(&options).await,
        };
        let Ok(mut log) = log else { return };
        let read = async {
            while let Ok(Some(chunk)) = log.next().await {
                self.0.output.keep(&chunk.bytes);
            }
        };
        // If this fails or takes too long, the lines read so far are shown.
        let _ = tokio::time::timeout(REST_OF_LOG, read).await;
    }

    /// Collects everything that is lost once the task is removed: its usage, why it failed, the evidence.
    pub async fn conclude(
        &self,
        task: Option<&RunningTask>,
        config: &Config,
        end: End<'_>,
        result: &mut DockerResult,
    ) {
        self.finish_log().await;
        result.usage = self.with(|state| state.watch.as_ref().map(UsageWatch::usage));
        let failed = end.has_failed();
        let is_wanted = |evidence: &Evidence| evidence.is_due(failed || end.command_failed);
        let due = self.0.evidence.as_ref().is_some_and(is_wanted);
        // An engine that does not answer is not asked again.
        let task = task.filter(|_| !end.is_engine_silent());
        let container = match task {
            Some(task) if due || failed && !end.by_cube => Container::read(task).await,
            _ => Container::default(),
        };
        if failed {
            result.cause = self.cause(task, config, &container, end, result.usage.as_ref()).await;
        }
        self.with(|state| {
            state.evidence_due = due;
            state.failed_with = end.code.filter(|code| *code != 0 && !end.by_cube);
            state.secrets = Secrets::of(&config.process.env);
        });
        if due && let Some(task) = task {
            self.keep_failure(self.write_evidence(task, &container).await);
        }
    }

    /// Adds copied files to the evidence: by links if `is_all` says that the target holds nothing else, else they are
    /// fetched again.
    pub async fn keep_copied(&self, task: &RunningTask, copy: &CopyOut, is_all: bool, failed: bool) {
        let Some(evidence) = self.0.evidence.as_ref().filter(|evidence| evidence.is_due(failed)) else {
            return;
        };
        let place = self.with(|state| {
            if state.copied.is_none() {
                state.copied = Some(evidence.copied_folder()?);
            }
            Ok(state.copied.as_ref().map(|copied| copied.place(copy.path())))
        });
        let kept = match place {
            Ok(Some(place)) if is_all => evidence.link(copy.to(), &place),
            Ok(Some(place)) => fetch(task, copy, &place).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        self.keep_failure(kept);
    }

    /// Waits for the rest of the log that is written to a file.
    async fn finish_log(&self) {
        let Some(following) = self.with(|state| state.following.take()) else { return };
        let rest = tokio::time::timeout(REST_OF_LOG, following).await;
        let too_late = || Error::new(ErrorKind::Output, "the rest of the task's output did not come in time");
        let finished = match rest {
            Ok(Ok(followed)) => followed,
            _ => Err(too_late()),
        };
        self.keep_failure(finished.map_err(|error| error.during("the log file is not whole")));
    }

    fn keep_failure(&self, done: Result<(), Error>) {
        if let Err(error) = done {
            self.with(|state| state.failure.get_or_insert(error).kind());
        }
    }

    async fn cause(
        &self,
        task: Option<&RunningTask>,
        config: &Config,
        container: &Container,
        end: End<'_>,
        usage: Option<&Usage>,
    ) -> Option<cube::Cause> {
        if task.is_none() && end.error.is_some_and(|error| error.kind() == ErrorKind::TimedOut) {
            // No task was seen: what is said of a silent one is not true of it.
            return None;
        }
        let code = end.code.or_else(|| container.exit_code());
        if let Some(task) = task.filter(|_| !end.by_cube && code.is_some_and(|code| code != 0)) {
            self.read_last_lines(task, None, LAST_LINES).await;
        }
        let signal = match task.filter(|_| !end.by_cube && code.is_some_and(|code| code > 128)) {
            Some(task) => task.last_signal().await.ok().flatten(),
            None => None,
        };
        cause::explain(&Facts {
            error: end.error,
            code,
            out_of_memory: container.out_of_memory()
                || usage.and_then(|usage| usage.oom_kills).is_some_and(|n| n > 0)
                || task.is_some_and(|task| lacked_memory(task, container, code)),
            memory_limit: container.memory_limit(),
            ended_by_cube: end.by_cube || self.is_handed_on(code),
            engine_signal: signal,
            command: container.command(),
            lines: self.last_lines(LAST_LINES),
            env: &config.process.env,
        })
    }

    async fn write_evidence(&self, task: &RunningTask, container: &Container) -> Result<(), Error> {
        let Some(evidence) = &self.0.evidence else { return Ok(()) };
        let secrets = self.with(|state| state.secrets.clone());
        evidence.write_container(container.json(), &secrets)?;
        match task.logs(&LogOptions::default()).await {
            Ok(mut log) => evidence.write_log(&mut log, &secrets).await,
            // The log cannot be read, for example because of its driver: use the output that cube recorded.
            Err(_) => evidence.write_lines(&self.0.output.last(usize::MAX), &secrets),
        }
    }

    /// Adds the times to a result.
    pub fn time(&self, result: &mut DockerResult) {
        result.phases = Some(self.with(|state| state.stopwatch.phases.clone()));
    }

    /// Prepares the closing lines. If a part of the record could not be written, a successful run fails.
    pub fn close(&self, outcome: &mut Outcome, failed_code: u8) {
        let Some(mut result) = outcome.result.take() else { return };
        self.time(&mut result);
        if let (Some(evidence), true) = (&self.0.evidence, self.is_due(&result)) {
            let secrets = self.with(|state| state.secrets.clone());
            self.keep_failure(evidence.write_result(&result, &secrets));
        }
        let failure = self.with(|state| state.failure.take()).or_else(|| self.0.output.failure());
        let mut notes = self.with(|state| std::mem::take(&mut state.notes));
        if let Some(failure) = failure {
            if outcome.code == 0 && result.error.is_none() {
                outcome.code = failed_code;
                result = result.failed(failure);
            } else {
                notes.push(stdio::one_line(&failure));
            }
        }
        if let Some(usage) = &result.usage {
            notes.extend(self.0.shows_usage.then(|| usage::line(usage)));
            let is_over = result.cause.as_ref().is_some_and(|cause| cause.kind == CauseKind::OutOfMemory);
            notes.extend(usage::warning(usage).filter(|_| !is_over));
        }
        let failed_with = self.with(|state| state.failed_with);
        let annotation = self.0.ci.annotation(result.error.as_ref(), result.cause.as_ref()).or_else(|| {
            let title = result.name.as_ref().or(result.image.as_ref())?;
            self.0.ci.annotated(&format!("the task {title} ended with exit code {}", failed_with?))
        });
        outcome.closing = Closing { annotation, notes };
        outcome.result = Some(result);
    }

    fn is_due(&self, result: &DockerResult) -> bool {
        let failed_early = result.error.is_some() && self.0.evidence.is_some();
        self.with(|state| state.evidence_due) || failed_early
    }
}

/// Whether the kernel's log says that the task's memory limit was reached. It does not say in which of the runs of a
/// task that was restarted.
fn lacked_memory(task: &RunningTask, container: &Container, code: Option<i64>) -> bool {
    container.memory_limit().is_some()
        && !container.was_restarted()
        && code.is_some_and(|code| code != 0)
        && task.docker().has_reached_memory_limit(task.id().as_str())
}

async fn fetch(task: &RunningTask, copy: &CopyOut, place: &Path) -> Result<(), Error> {
    let again: CopyOut = format!("{}:{}", copy.path(), place.display()).parse()?;
    task.copy_out(&again, &cube::random_id().to_string(), &mut |_| {}).await.map(drop)
}

/// The length of a container's id; a service's is shorter.
const CONTAINER_ID: usize = 64;

fn refuse_detached(flag: &str, given: bool) -> Result<(), Error> {
    if !given {
        return Ok(());
    }
    let message = format!("{flag} is for the foreground: nobody stays with a detached task");
    Err(Error::new(ErrorKind::InvalidInput, message).with_hint("add --attach, and leave out --detach"))
}
