//! `cube run`: starts a task in the background, or runs it in the foreground (`foreground.rs`).

pub mod foreground;

use cube::{Action, DockerResult, Error, ErrorKind, Lifetime};
use futures_util::FutureExt;

use crate::cli::{
    app::App,
    args::{
        flags::{duration, of_environment},
        global::OutputFormat,
        task::RunArgs,
    },
    commands::run::foreground::Stay,
    config,
    outcome::{Outcome, RUN_FAILED},
    output::{render, result_file::ResultFile, stdio, variables::Names},
    record::Record,
    session::{
        Session,
        supervisor::{Extras, Supervisor},
    },
    terminal::{self, keys::DetachKeys},
};

pub async fn run(app: &App, args: RunArgs) -> Outcome {
    let attached = args.task.streams.is_foreground(args.task.form);
    let mut record = Record::default();
    let file = ResultFile::of(&args.result);
    let (file, prepared) = match file {
        Ok(file) => (file, prepared(app, args, &mut record).boxed().await),
        Err(error) => (None, Err(error)),
    };
    let outcome = concluded(prepared, &record);
    if attached { outcome.in_foreground(file) } else { outcome.also_to(file) }
}

/// The outcome of a start, with what its record adds.
pub fn concluded(prepared: Result<Outcome, Error>, record: &Record) -> Outcome {
    let failed = |error| Outcome::failed_start(DockerResult::success(Action::Start), error);
    let mut outcome = prepared.unwrap_or_else(failed);
    record.close(&mut outcome, RUN_FAILED);
    outcome
}

async fn prepared(app: &App, args: RunArgs, record: &mut Record) -> Result<Outcome, Error> {
    let streams = &args.task.streams;
    streams.check(args.task.form, args.keep, args.timeout.is_some())?;
    let attached = streams.is_foreground(args.task.form);
    let mut config = config::from_args(&args.task, &of_environment)?;
    streams.apply(&mut config, attached)?;
    if !attached && !config.files.copy_out.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "--copy-out is for the foreground: nobody sees the end otherwise",
        )
        .with_hint("add --attach and leave out --detach, or copy later with `cube cp TASK:PATH DST`"));
    }
    let timeout = duration(args.timeout.as_deref())?;
    let keys = DetachKeys::given(streams.attached.detach.detach_keys.as_deref())?;
    let stay = Stay {
        timeout,
        keep: args.keep,
        rm: streams.rm,
        proxies_signals: !streams.attached.hides_signals,
        detach_keys: DetachKeys::choose(keys, attached && config.process.tty)?,
    };
    let names = Names::read(&args.task.names, app.output())?;
    if args.result.dry_run {
        config::show(&config)?;
        return Ok(Outcome::reported(0));
    }
    *record = Record::new(&args.task.record, app, attached, args.result.result_file.is_some())?;
    let extras = Extras {
        cidfile: args.task.engine.cidfile(&config),
        replace: args.task.replace,
        result_file: args.result.result_file.is_some(),
        record: record.clone(),
    };
    // A task that is kept may be started again after cube has ended, and one with detach keys may run on.
    let outlives = args.keep || (streams.tty && streams.interactive && terminal::is_at_hand());
    let lifetime = if attached && !outlives { Lifetime::ForLife } else { Lifetime::UntilStarted };
    let supervisor = Supervisor::open(app, config, extras, lifetime).boxed().await?;
    if attached {
        return Ok(foreground::run(supervisor, stay).boxed().await);
    }
    Ok(detached(supervisor, args.result.result_file.is_some(), &names).boxed().await)
}

async fn detached(supervisor: Supervisor<'_>, wants_result: bool, names: &Names) -> Outcome {
    let mut session = match supervisor.start().boxed().await {
        Ok(session) => session,
        Err(failed) => return *failed,
    };
    let readiness = match session.ready().boxed().await {
        Ok(()) => show(&mut session, wants_result, names).boxed().await,
        Err(error) => Err(error),
    };
    match readiness {
        Ok(outcome) => {
            session.release();
            outcome
        }
        Err(error) => session.fail(error).boxed().await,
    }
}

/// Prints the id. If that fails, the caller could not stop the task, so the task is ended.
async fn show(session: &mut Session<'_>, wants_result: bool, names: &Names) -> Result<Outcome, Error> {
    let output = session.supervisor.app.output();
    let id = session.task.id();
    if output == OutputFormat::Text && !wants_result && !names.exports_any() {
        stdio::print_surely(&format!("{id}\n")).map_err(stdio::unwritable)?;
        return Ok(Outcome::reported(0));
    }
    let mut result = session.supervisor.signals.unless_one_comes(session.task.result(Action::Start)).await?;
    names.fill(&mut result)?;
    session.supervisor.record.time(&mut result);
    let text = render::script_text(output, &result, names)?;
    stdio::print_surely(&text).map_err(stdio::unwritable)?;
    Ok(Outcome { result: Some(result), ..Outcome::reported(0) })
}
