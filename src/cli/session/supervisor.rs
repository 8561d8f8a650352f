//! The parts that accompany a task from before it exists to its end: signals, guard, displays, record.

use std::path::PathBuf;

use cube::{Action, Config, Docker, DockerResult, Error, Event, Lifetime, Owner, Run};
use futures_util::FutureExt;
use uuid::Uuid;

use crate::cli::{
    app::App,
    args::global::OutputFormat,
    cidfile,
    guard::{Guard, words::Word},
    mounts,
    output::{progress::PullReport, waiting::WaitDisplay},
    record::{Record, secrets::Secrets},
    session::hint::Hints,
    signals::Signals,
    terminal,
};

/// Everything but the task itself.
pub struct Supervisor<'a> {
    pub app: &'a App,
    pub signals: Signals,
    /// The record of the run.
    pub record: Record,
    pub(super) docker: Docker,
    pub(super) run: Box<Run<'a>>,
    pub(super) guard: Guard,
    pub(super) cidfile: Option<PathBuf>,
    pub(super) wants_result: bool,
    pub(super) waits: WaitDisplay,
    /// Whether the error that ended the task was shown.
    pub(super) error_shown: bool,
    pub(super) hints: Hints,
    /// Whether the engine did not answer a request about the task's end: then only necessary requests are sent.
    pub(super) engine_is_silent: bool,
}

/// Options that belong to a run, but not to the task's config.
#[derive(Debug, Default)]
pub struct Extras {
    /// Where to write the container's id.
    pub cidfile: Option<PathBuf>,
    /// Whether to remove cube's own task of the same name first.
    pub replace: bool,
    /// Whether the result goes to a file.
    pub result_file: bool,
    /// The record of the run.
    pub record: Record,
}

impl<'a> Supervisor<'a> {
    /// Starts a guard. Nothing is sent to the engine yet, except to remove what `replace` names.
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
            signals.unless_one_comes(docker.replace(&config).boxed()).await?;
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
        Ok(Self {
            app,
            signals,
            record,
            docker,
            run,
            guard,
            cidfile,
            wants_result,
            waits,
            error_shown: false,
            hints: Hints { replaces: replace },
            engine_is_silent: false,
        })
    }

    /// The config of the task.
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

    /// What is known of the task without a request to the engine.
    pub(super) fn known(&self) -> DockerResult {
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

/// A run with the terminal's size, and this process as its owner.
fn owned(mut run: Run<'_>, lifetime: Lifetime) -> Run<'_> {
    if let Some((columns, rows)) = terminal::output_size() {
        run = run.with_console_size(columns, rows);
    }
    match Owner::this_process(lifetime) {
        Some(owner) => run.owned_by(owner),
        None => run,
    }
}

/// A run whose events are passed to the guard, the record and the displays.
fn heard<'a>(
    run: Run<'a>,
    mut word: Word,
    mut progress: PullReport,
    record: &Record,
    waits: &WaitDisplay,
) -> Run<'a> {
    let (record, waits) = (record.clone(), waits.clone());
    let secrets = Secrets::of(&run.task().config.process.env);
    run.on_event(move |event| {
        let event = match event {
            // It may quote the task's output.
            Event::NotReady { waiting_for, elapsed } => {
                Event::NotReady { waiting_for: secrets.named(&waiting_for), elapsed }
            }
            other => other,
        };
        word.hear(&event);
        record.event(&event);
        waits.show(&event);
        progress.show(event);
    })
}

/// Removes expired tasks of other runs while the task starts; nothing waits for it.
async fn expire(docker: Docker, swarm: bool) {
    if let Err(error) = docker.expire(swarm).await {
        tracing::info!("cannot remove expired tasks: {error}");
    }
}
