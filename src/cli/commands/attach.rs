//! `cube attach`: join a running task, without ever stopping or removing it.

use std::{pin::pin, time::Duration};

use cube::{
    Action, AttachOptions, Attachment, Details, Docker, Error, ErrorKind, Exit, Input, RunningTask, Signal,
    TaskRef,
};

use crate::cli::{
    app::App,
    args::commands::AttachArgs,
    commands::exec::feed,
    outcome::{Outcome, signal_code},
    output::{
        copy::{self, Copied},
        stdio,
    },
    signals::{Signals, forward::Forward},
    terminal::{Console, Sized, detached, keys::DetachKeys},
};

/// How many signals that ask for an end are passed on; the next one ends cube.
const PATIENCE: u32 = 3;
/// How soon the task's end follows the end of its output. If it takes longer, the connection broke, or the task
/// closed its streams.
const END_OF_TASK: Duration = Duration::from_secs(2);
/// SIGHUP, SIGINT, SIGTERM.
const ENDING: [u8; 3] = [1, 2, 15];

pub async fn attach(app: &App, args: &AttachArgs) -> Result<Outcome, Error> {
    let ended = attached(app, args).await;
    let ended = ended.map_err(|error| error.during(format!("cannot attach to {}", args.task)))?;
    Ok(ended.in_foreground(None))
}

/// Why cube detached from the task.
enum AttachEnd {
    /// The task ended.
    Exited(Exit),
    /// The detach keys.
    Detached,
    /// A signal that was not passed on to the task.
    Signalled(Signal),
    /// The reader of cube's output has gone.
    Closed,
}

async fn attached(app: &App, args: &AttachArgs) -> Result<Outcome, Error> {
    let task: TaskRef = args.task.parse()?;
    let given = DetachKeys::given(args.attached.detach.detach_keys.as_deref())?;
    let docker = app.docker().await?;
    let mut signals = Signals::listen()?;
    let (task, details) = signals.unless_one_comes(running(&docker, &task)).await?;
    let keys = DetachKeys::choose(given, details.tty)?;
    let options = AttachOptions {
        stdin: details.open_stdin && !args.no_stdin,
        tty: details.tty,
        detach_keys: details.tty.then(|| keys.as_str().to_owned()),
        ..AttachOptions::default()
    };
    let (output, input) = signals.unless_one_comes(task.attach(&options)).await?;
    let input = Some(input).filter(|_| options.stdin);
    let proxy = Proxy { signals, on: !args.attached.hides_signals };
    let end = joined(&task, &details, output, input, &keys, proxy, app.global.quiet).await;
    let end = end.map_err(|error| error.with_container(details.id.as_str()))?;
    Ok(outcome(&details, docker.address(), &end))
}

fn outcome(details: &Details, address: &cube::Address, end: &AttachEnd) -> Outcome {
    let known = details.result(Action::Attach, address);
    match end {
        AttachEnd::Exited(exit) => Outcome::of_task(exit.code, known),
        AttachEnd::Detached => {
            stdio::step(details.id.as_str());
            Outcome::success(known)
        }
        AttachEnd::Signalled(signal) => Outcome::reported(signal_code(*signal)),
        AttachEnd::Closed => Outcome::reported(0),
    }
}

async fn running(docker: &Docker, task: &TaskRef) -> Result<(RunningTask, Details), Error> {
    let (task, details) = docker.find(task).await?;
    if details.is_alive() {
        return Ok((task, details));
    }
    Err(Error::new(ErrorKind::WrongState, "the task does not run")
        .with_hint("`cube logs` shows what it wrote, `cube ps -a` the state of each task")
        .with_container(details.id.as_str()))
}

/// The signals that arrive meanwhile, and whether they are passed on to the task.
struct Proxy {
    signals: Signals,
    on: bool,
}

async fn joined(
    task: &RunningTask,
    details: &Details,
    output: Attachment,
    input: Option<Input>,
    keys: &DetachKeys,
    proxy: Proxy,
    quiet: bool,
) -> Result<AttachEnd, Error> {
    let mut console = None;
    if details.tty {
        console = Some(Console::connect(input, keys, Sized::Task(task.clone())));
    } else if let Some(input) = input {
        tokio::spawn(feed(input));
    }
    let mut shown = pin!(shown(task, output, quiet));
    let mut proxied = pin!(proxied(task, proxy, details.tty));
    tokio::select! {
        end = &mut shown => end,
        signal = &mut proxied => signal.map(AttachEnd::Signalled),
        () = detached(console.as_mut()) => Ok(AttachEnd::Detached),
    }
}

/// Shows the output to the task's end.
async fn shown(task: &RunningTask, mut output: Attachment, quiet: bool) -> Result<AttachEnd, Error> {
    if matches!(copy::to_standard(&mut output).await?, Copied::ReaderGone) {
        return Ok(AttachEnd::Closed);
    }
    let mut end = pin!(task.wait_through());
    let exit = match tokio::time::timeout(END_OF_TASK, &mut end).await {
        Ok(exit) => exit?,
        Err(_) if quiet => end.await?,
        Err(_) => {
            let id = task.id();
            stdio::note(&format!(
                "warning: the connection to the task's output has ended, but the task has not: \
                 `cube logs -f {id}` shows what it writes, `cube attach {id}` joins it again"
            ));
            end.await?
        }
    };
    Ok(AttachEnd::Exited(exit))
}

/// Passes signals on to the task; returns the one that is meant for cube.
async fn proxied(task: &RunningTask, mut proxy: Proxy, tty: bool) -> Result<Signal, Error> {
    let (mut others, forward) = (Signals::passed_on(tty)?, Forward::to(task.clone()));
    let mut asked = 0;
    loop {
        let signal = tokio::select! {
            signal = proxy.signals.next() => signal?,
            signal = others.next() => signal?,
        };
        let ends = ENDING.contains(&signal.number());
        asked += u32::from(ends);
        if ends && (!proxy.on || asked > PATIENCE) {
            return Ok(signal);
        }
        if proxy.on {
            forward.send(signal);
        }
    }
}
