//! `cube with`: runs a task for as long as a command on this machine.

use std::{
    collections::BTreeMap, ffi::OsString, io, os::unix::process::ExitStatusExt, path::Path, pin::pin,
    process::ExitStatus, time::Duration,
};

use cube::{Action, Error, ErrorKind, Exit, FirstProcess, Lifetime, Signal, State, Unheard};
use futures_util::FutureExt;
use rustix::{
    io::Errno,
    process::{Pid, Signal as ProcessSignal, kill_process},
};
use tokio::{
    process::{Child, Command},
    time,
};

use crate::cli::{
    app::App,
    args::{
        flags::{duration, of_environment, record::LogsWhen},
        task::WithArgs,
    },
    commands::run,
    config,
    copies::{self, Fetched},
    guard::host_process::is_in_foreground,
    outcome::{Outcome, RUN_FAILED, TIMED_OUT},
    output::{result_file::ResultFile, stdio, variables::Names},
    record::{End, Record},
    session::{
        Session,
        supervisor::{Extras, Supervisor},
    },
    signals::{self, after},
};

const INTERRUPT: u8 = 2;
/// How many of the task's last lines are shown.
const LOG_LINES: usize = 50;
/// The time between SIGTERM and SIGKILL for the command, after `--timeout`.
const GRACE: Duration = Duration::from_secs(10);
/// How long the engine may take to tell the end of a task whose process has ended.
const TOLD: Duration = Duration::from_secs(2);

pub async fn with(app: &App, args: WithArgs) -> Outcome {
    let mut record = Record::default();
    let file = ResultFile::of(&args.result);
    let (file, prepared) = match file {
        Ok(file) => (file, prepared(app, args, &mut record).boxed().await),
        Err(error) => (None, Err(error)),
    };
    run::concluded(prepared, &record).in_foreground(file)
}

/// How HOST-COMMAND ended.
struct HostEnd {
    code: u8,
    timed_out: bool,
    /// The exit code of the task, if it ended before the command.
    task: Option<i64>,
    /// The variables that `--export` made.
    env: Option<BTreeMap<String, String>>,
}

async fn prepared(app: &App, args: WithArgs, record: &mut Record) -> Result<Outcome, Error> {
    args.task.streams.check_with()?;
    let mut config = config::from_args(&args.task, &of_environment)?;
    args.task.streams.apply(&mut config, true)?;
    // The task gets no streams: the terminal belongs to HOST-COMMAND.
    config.process.attach.clear();
    let timeout = duration(args.timeout.as_deref())?;
    let names = Names::read(&args.task.names, app.output())?;
    if args.result.dry_run {
        config::show(&config)?;
        return Ok(Outcome::reported(0));
    }
    if args.host_command.is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, "the command to run on this machine is missing")
            .with_hint("write it after `--`: cube with [flags] IMAGE [COMMAND…] -- HOST-COMMAND…"));
    }
    check_program(&args.host_command)?;
    *record = Record::new(&args.task.record, app, true, args.result.result_file.is_some())?;
    let extras = Extras {
        cidfile: args.task.engine.cidfile(&config),
        replace: args.task.replace,
        result_file: args.result.result_file.is_some(),
        record: record.clone(),
    };
    let lifetime = if args.keep { Lifetime::UntilStarted } else { Lifetime::ForLife };
    let supervisor = Supervisor::open(app, config, extras, lifetime).boxed().await?;
    let mut session = match supervisor.start().boxed().await {
        Ok(session) => session,
        Err(failed) => return Ok(*failed),
    };
    match command_life(&mut session, &args, &names, timeout).await {
        Ok(finish) => Ok(finish_up(session, &finish, &args).boxed().await),
        Err(error) => Ok(session.fail(error).boxed().await),
    }
}

async fn finish_up(mut session: Session<'_>, finish: &HostEnd, args: &WithArgs) -> Outcome {
    session.supervisor.record.ended();
    session.supervisor.signals.begin_again();
    let stopped = session.stop_process(Unheard::Kill).await;
    if let Err(error) = &stopped
        && error.kind() != ErrorKind::TaskNotFound
    {
        stdio::note(&format!("the task had to be killed: {error}"));
    }
    let error = finish.timed_out.then(|| {
        Error::new(ErrorKind::TimedOut, "the command ran longer than --timeout allows")
            .with_hint("give it longer with --timeout")
    });
    let mut result = session.last_word().await;
    result.env = finish.env.clone();
    if finish.shows_log(args.logs) {
        let title = session.supervisor.title();
        let shown = session.supervisor.record.show_last_lines(&session.task, None, &title, LOG_LINES);
        let _ = session.supervisor.signals.ask(Box::pin(shown)).await;
    }
    let (by_cube, command_failed) = (finish.task.is_none(), finish.code != 0);
    let end = End { code: finish.task, by_cube, error: error.as_ref(), command_failed };
    session.supervisor.conclude(end, &mut result).await;
    let fetched = copies::fetch(&mut session.supervisor, &session.task, finish.code == 0).await;
    let removed = match fetched {
        _ if args.keep => {
            session.release();
            Ok(())
        }
        Fetched::LeftToGuard => Ok(()),
        _ => session.supervisor.discard(&mut result).await,
    };
    let outcome = Outcome { code: finish.code, result: Some(result), ..Outcome::reported(0) };
    copies::conclude(outcome.after(error, removed), fetched)
}

impl HostEnd {
    /// Whether the task's last lines are to be shown.
    fn shows_log(&self, when: LogsWhen) -> bool {
        match when {
            LogsWhen::OnFailure => self.code != 0 || self.task.is_some_and(|code| code != 0),
            LogsWhen::Always => true,
            LogsWhen::Never => false,
        }
    }
}

/// Starts the task and runs the command to its end. A failure leaves nothing of the task.
async fn command_life(
    session: &mut Session<'_>,
    args: &WithArgs,
    names: &Names,
    timeout: Option<Duration>,
) -> Result<HostEnd, Error> {
    session.supervisor.signals.unless_one_comes(session.supervisor.record.follow(&session.task)).await?;
    session.ready().await?;
    let known = session.task.result_with_process(Action::Start);
    let (mut result, process) = session.supervisor.signals.unless_one_comes(known).await?;
    let had_ended = result.state.is_some_and(State::is_final);
    names.fill(&mut result)?;
    let words = args.host_command.as_slice();
    session.watch_host(None);
    let mut child = spawn(words, names.variables(&result))?;
    session.watch_host(child.id());
    let task = session.task.clone();
    let mut task_end = pin!(task.wait());
    let mut limit = pin!(after(timeout));
    let (mut task_over, mut timed_out, mut signals, mut task_code) = (false, false, 0, None);
    loop {
        tokio::select! {
            ended = child.wait() => {
                session.forget_host();
                let code = code(ended.map_err(|cause| cannot_run(words, &cause))?);
                let code = if timed_out { TIMED_OUT } else { code };
                // A command that ends because the task has ended sees that before the engine tells it.
                if !task_over
                    && (had_ended || process.as_ref().is_some_and(FirstProcess::has_ended))
                    && let Some(Ok(exit)) =
                        session.supervisor.signals.ask(time::timeout(TOLD, &mut task_end)).await
                {
                    task_code = ended_first(session, &exit);
                }
                return Ok(HostEnd { code, timed_out, task: task_code, env: result.env });
            }
            signal = session.supervisor.signals.next() => {
                signals += 1;
                pass_on(&mut child, signal?, signals);
            }
            exit = &mut task_end, if !task_over => {
                task_over = true;
                task_code = ended_first(session, &exit);
                if args.fail_fast {
                    send(&child, ProcessSignal::TERM);
                }
            }
            () = &mut limit => {
                // The second time, after the grace, it is killed.
                send(&child, if timed_out { ProcessSignal::KILL } else { ProcessSignal::TERM });
                limit.set(after((!timed_out).then_some(GRACE)));
                timed_out = true;
            }
        }
    }
}

fn spawn(words: &[OsString], variables: Vec<(String, String)>) -> Result<Child, Error> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(Error::new(ErrorKind::InvalidInput, "the command to run on this machine is missing"));
    };
    let mut command = Command::new(program);
    command.args(arguments).envs(variables).kill_on_drop(true);
    signals::with_all(|| command.spawn()).map_err(|cause| cannot_run(words, &cause))
}

/// Refuses a command that no folder of PATH has, before the image is pulled for it. One with a slash may be what the
/// task makes.
fn check_program(words: &[OsString]) -> Result<(), Error> {
    let (Some(program), Some(path)) = (words.first(), std::env::var_os("PATH")) else { return Ok(()) };
    let is_path = program.as_encoded_bytes().contains(&b'/');
    if is_path || std::env::split_paths(&path).any(|folder| folder.join(program).exists()) {
        return Ok(());
    }
    Err(cannot_run(words, &Errno::NOENT.into()))
}

fn cannot_run(words: &[OsString], cause: &io::Error) -> Error {
    let here = "the command after `--` runs on this machine, not in the task";
    let program = words.first().map(|w| w.to_string_lossy().into_owned()).unwrap_or_default();
    let (kind, hint) = match Errno::from_io_error(cause) {
        Some(Errno::NOENT) if program.contains('/') && Path::new(&program).exists() => (
            ErrorKind::CommandNotFound,
            "the file is there, but not the interpreter that its first line names; Windows line ends break that name",
        ),
        Some(Errno::NOENT) => (ErrorKind::CommandNotFound, here),
        Some(Errno::MFILE | Errno::NFILE | Errno::AGAIN | Errno::NOMEM) => (
            ErrorKind::Output,
            "see whether a limit is reached, of processes, open files or memory: ulimit -u -n -v",
        ),
        Some(Errno::NOSPC) => (
            ErrorKind::Output,
            "this user watches too many files: `cat /proc/sys/fs/epoll/max_user_watches` shows the limit",
        ),
        _ => (ErrorKind::CommandNotExecutable, here),
    };
    Error::new(kind, format!("cannot run {program} on this machine"))
        .with_source(cause.to_string())
        .with_hint(hint)
}

/// Passes a signal on to the command; the third one kills it. A Ctrl-C of the terminal has reached it already.
fn pass_on(child: &mut Child, signal: Signal, count: u32) {
    if count >= 3 {
        send(child, ProcessSignal::KILL);
    } else if !(signal.number() == INTERRUPT && is_in_foreground()) {
        send(child, ProcessSignal::from_named_raw(i32::from(signal.number())).unwrap_or(ProcessSignal::TERM));
    }
}

fn send(child: &Child, signal: ProcessSignal) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _ = kill_process(pid, signal);
    }
}

fn code(status: ExitStatus) -> u8 {
    let signalled = || status.signal().and_then(|n| u8::try_from(128 + n).ok());
    status.code().and_then(|c| u8::try_from(c).ok()).or_else(signalled).unwrap_or(RUN_FAILED)
}

/// Says that the task ended before the command did; returns its exit code.
fn ended_first(session: &Session<'_>, exit: &Result<Exit, Error>) -> Option<i64> {
    let title = session.supervisor.title();
    stdio::note(&match exit {
        Ok(exit) => format!("the task {title} ended with exit code {} before the command did", exit.code),
        Err(error) => format!("the task {title} cannot be watched any more: {error}"),
    });
    exit.as_ref().ok().map(|exit| exit.code)
}
