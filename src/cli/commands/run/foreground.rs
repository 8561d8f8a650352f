//! `cube run` in the foreground: passes the task's output on byte for byte, returns its exit code, and removes it.

use std::{
    pin::{Pin, pin},
    time::Duration,
};

use cube::{
    AttachOptions, Config, Error, ErrorKind, Exit, Follow, Process, RestartPolicy, Signal, StandardStream,
    StopOptions, Unheard,
};

use crate::cli::{
    commands::exec::feed,
    copies::{self, Fetched},
    outcome::{Outcome, RUN_FAILED, TIMED_OUT, signal_code, task_code},
    output::{
        copy::{self, Copied},
        stdio, stops,
    },
    record::{End, Record, output::recorded},
    session::{Session, supervisor::Supervisor},
    signals::{KILL, LAST, Signals, after, forward::Forward},
    terminal::{Console, Sized, detached, keys::DetachKeys},
};

/// How long reading a killed task's last output may take.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Why the foreground ended.
enum ForegroundEnd {
    /// The task ended by itself.
    Exited(Exit),
    /// A signal to cube.
    Signalled(Signal),
    /// `--timeout`.
    TimedOut,
    /// The reader of cube's output has gone.
    Closed,
    /// The detach keys: the task runs on.
    Detached,
}

/// How the task runs in the foreground.
#[derive(Debug)]
pub struct Stay {
    /// The longest the task may run.
    pub timeout: Option<Duration>,
    /// Whether the container stays after its end.
    pub keep: bool,
    /// Whether it is removed at its end even after the detach keys.
    pub rm: bool,
    /// Whether signals that do not ask for an end are passed on to the task.
    pub proxies_signals: bool,
    /// The keys that detach from the task.
    pub detach_keys: DetachKeys,
}

impl Stay {
    fn streams(&self, process: &Process) -> AttachOptions {
        let attaches = |stream| process.attach.contains(&stream);
        AttachOptions {
            stdin: process.interactive,
            stdout: attaches(StandardStream::Stdout),
            stderr: attaches(StandardStream::Stderr),
            tty: process.tty,
            detach_keys: process.tty.then(|| self.detach_keys.as_str().to_owned()),
        }
    }
}

/// Announces that the task is followed through its restarts, which could look like a task that hangs.
fn report_restarts(supervisor: &Supervisor<'_>) {
    let end = match supervisor.config().process.restart {
        RestartPolicy::No => return,
        RestartPolicy::OnFailure { .. } => "its last exit counts",
        RestartPolicy::Always | RestartPolicy::UnlessStopped => "only a signal or --timeout ends it",
    };
    if !supervisor.app.global.quiet {
        stdio::note(&format!("{} is followed through its restarts: {end}", supervisor.title()));
    }
}

/// Runs the session's task in the foreground.
pub async fn run(supervisor: Supervisor<'_>, stay: Stay) -> Outcome {
    let streams = stay.streams(&supervisor.config().process);
    report_restarts(&supervisor);
    let (mut session, output, input) = match Box::pin(supervisor.start_attached(&streams)).await {
        Ok(started) => started,
        Err(failed) => return *failed,
    };
    if !streams.stdout && !streams.stderr {
        let _ = stdio::print(&format!("{}\n", session.task.id()));
    }
    let input = input.filter(|_| streams.stdin);
    let (mut console, mut feeding) = (None, None);
    if streams.tty {
        console = Some(Console::connect(input, &stay.detach_keys, Sized::Task(session.task.clone())));
    } else {
        feeding = input.map(|input| tokio::spawn(feed(input)));
    }
    let ended = Box::pin(foreground(&mut session, output, console.as_mut(), &stay)).await;
    drop(console);
    // An engine cannot stop the task while its connection is open and nobody reads it.
    if let Some(feeding) = feeding {
        feeding.abort();
        let _ = feeding.await;
    }
    match ended {
        Ok(ForegroundEnd::Detached) => detached_from(session, stay.rm).await,
        Ok(finish) => Box::pin(finish_up(session, &finish, stay.keep)).await,
        Err(error) => Box::pin(session.fail(error)).await,
    }
}

async fn foreground(
    session: &mut Session<'_>,
    output: Follow,
    console: Option<&mut Console>,
    stay: &Stay,
) -> Result<ForegroundEnd, Error> {
    let mut passed_on = Signals::passed_on(console.is_some())?;
    let record = session.supervisor.record.clone();
    let mut output = pin!(show_until_detached(output, record, console));
    let finish = match ready(session, output.as_mut()).await? {
        Some(finish) => finish,
        None => watch(session, output.as_mut(), stay, &mut passed_on).await?,
    };
    if matches!(finish, ForegroundEnd::Signalled(_) | ForegroundEnd::TimedOut)
        && let Err(error) = stop(session, output).await
    {
        // The outcome is known already; only the removal is left.
        stdio::note(&format!("the task could not be stopped: {}", stdio::one_line(&error)));
    }
    Ok(finish)
}

/// Shows the output until the task is ready, if its config has conditions. Returns why the foreground ends, if it
/// ends before that.
async fn ready(
    session: &mut Session<'_>,
    mut output: Pin<&mut impl Future<Output = Result<ForegroundEnd, Error>>>,
) -> Result<Option<ForegroundEnd>, Error> {
    let mut finish = None;
    let met = {
        let mut met = pin!(session.ready());
        loop {
            tokio::select! {
                met = &mut met => break met,
                ended = &mut output, if finish.is_none() => match ended? {
                    ForegroundEnd::Exited(exit) => finish = Some(ForegroundEnd::Exited(exit)),
                    closed => return Ok(Some(closed)),
                },
            }
        }
    };
    let Err(error) = met else { return Ok(finish) };
    if finish.is_some() {
        session.report_unready(&error, None).await;
        return Err(error);
    }
    if let Some(signal) = error.signal() {
        return Ok(Some(ForegroundEnd::Signalled(signal)));
    }
    // First all output so far, then the state of the task.
    let task = session.task.clone();
    let rest = async {
        let details = task.inspect().await.ok();
        let _ = task.kill(None).await;
        let _ = tokio::time::timeout(LAST_WORDS, output).await;
        details
    };
    let details = session.supervisor.signals.ask(rest).await.flatten();
    session.report_unready(&error, details).await;
    Err(error)
}

/// Shows the output until the task ends, a signal or the time limit asks it to, or nobody reads.
async fn watch(
    session: &mut Session<'_>,
    mut output: Pin<&mut impl Future<Output = Result<ForegroundEnd, Error>>>,
    stay: &Stay,
    passed_on: &mut Signals,
) -> Result<ForegroundEnd, Error> {
    let (mut limit, forward) = (pin!(after(stay.timeout)), Forward::to(session.task.clone()));
    loop {
        tokio::select! {
            finish = &mut output => return finish,
            signal = session.supervisor.signals.next() => return signal.map(ForegroundEnd::Signalled),
            () = &mut limit => return Ok(ForegroundEnd::TimedOut),
            // A swarm cannot send signals to the task's process.
            signal = passed_on.next() => {
                let signal = signal?;
                if stay.proxies_signals && !session.supervisor.config().swarm {
                    session.supervisor.record.handed_on(signal);
                    forward.send(signal);
                }
            }
        }
    }
}

/// Asks the task to end and shows its output until then.
async fn stop(
    session: &mut Session<'_>,
    output: Pin<&mut impl Future<Output = Result<ForegroundEnd, Error>>>,
) -> Result<(), Error> {
    session.announce_stop();
    session.supervisor.signals.begin_at_first();
    let (task, own_grace, options) = (session.task.clone(), session.own_grace(), StopOptions::default());
    let mut stop = pin!(async { tokio::join!(task.stop_process(&options, own_grace), output).0 });
    if let Some(stopped) = session.supervisor.signals.until(KILL, &mut stop).await {
        stops::explain(&session.supervisor.title(), session.supervisor.app.global.quiet, stopped?.unheard);
        return Ok(());
    }
    let kill = async {
        session.task.kill(None).await?;
        // From here on, only a stuck reader of the output can delay the end.
        let _ = tokio::time::timeout(LAST_WORDS, stop).await;
        Ok(())
    };
    session.supervisor.signals.until(LAST, kill).await.unwrap_or(Ok(()))
}

async fn show_until_detached(
    output: Follow,
    record: Record,
    console: Option<&mut Console>,
) -> Result<ForegroundEnd, Error> {
    tokio::select! {
        finish = show(output, record) => finish,
        () = detached(console) => Ok(ForegroundEnd::Detached),
    }
}

/// Detaches from the task, which runs on as if it had been started in the background.
async fn detached_from(mut session: Session<'_>, rm: bool) -> Outcome {
    stdio::step(session.task.id());
    copies::explain_left(&session.supervisor, &session.task, rm);
    let result = session.last_word().await;
    if rm {
        session.release_until_end();
    } else {
        session.release();
    }
    Outcome { result: Some(result), ..Outcome::reported(0) }
}

async fn show(mut follow: Follow, record: Record) -> Result<ForegroundEnd, Error> {
    match (copy::to(&mut follow, &mut recorded(record.output())).await?, follow.exit()) {
        (Copied::ReaderGone, _) => Ok(ForegroundEnd::Closed),
        (Copied::Whole, Some(exit)) => Ok(ForegroundEnd::Exited(exit)),
        (Copied::Whole, None) => {
            Err(Error::new(ErrorKind::ConnectionLost, "the engine did not say how the task ended"))
        }
    }
}

async fn finish_up(mut session: Session<'_>, finish: &ForegroundEnd, keep: bool) -> Outcome {
    session.supervisor.record.ended();
    if matches!(finish, ForegroundEnd::Closed) {
        let _ = session.stop_process(Unheard::KillIfIdle).await;
    }
    let mut error = matches!(finish, ForegroundEnd::TimedOut).then(|| too_long(session.supervisor.config()));
    let interrupted = match finish {
        ForegroundEnd::Signalled(signal) => Some(Error::interrupted(*signal)),
        _ => None,
    };
    let mut result = session.last_word().await;
    let code = match finish {
        ForegroundEnd::Exited(exit) => {
            result.exit_code = Some(exit.code);
            task_code(exit.code).unwrap_or_else(|odd| {
                error = Some(odd);
                RUN_FAILED
            })
        }
        ForegroundEnd::Signalled(signal) => signal_code(*signal),
        ForegroundEnd::TimedOut => TIMED_OUT,
        ForegroundEnd::Closed | ForegroundEnd::Detached => 0,
    };
    let by_cube = !matches!(finish, ForegroundEnd::Exited(_));
    let reason = error.as_ref().or(interrupted.as_ref());
    let end = End { code: result.exit_code, by_cube, error: reason, command_failed: false };
    session.supervisor.conclude(end, &mut result).await;
    let fetched = copies::fetch(&mut session.supervisor, &session.task, code == 0).await;
    let removed = match fetched {
        _ if keep => {
            session.release();
            Ok(())
        }
        Fetched::LeftToGuard => Ok(()),
        _ => session.supervisor.discard(&mut result).await,
    };
    // Whoever sent the signal knows it: it is in the result, but not printed.
    let interrupted = interrupted.filter(|_| removed.is_ok());
    let error_shown = interrupted.is_some();
    let outcome = Outcome { code, result: Some(result), error_shown, ..Outcome::reported(0) };
    copies::conclude(outcome.after(error.or(interrupted), removed), fetched)
}

fn too_long(config: &Config) -> Error {
    Error::new(ErrorKind::TimedOut, format!("{} ran longer than --timeout allows", config.image))
        .with_hint("give it longer with --timeout")
}
