//! `cube run --attach`: the task in the foreground, its output byte for byte, its exit code; then gone.

use std::{pin::pin, time::Duration};

use cube::{Error, ErrorKind, Exit, Follow, Signal, StopOptions};

use super::{
    ending::{Ending, RUN_FAILED, TIMED_OUT, signal_code},
    exec::feed,
    limit::after,
    session::Session,
    sink::{self, Stop},
    stdio,
};

/// How long a killed task's last output may take to be read.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Why the foreground ended.
enum Finish {
    /// The task ended by itself.
    Exited(Exit),
    /// A signal to cube.
    Signalled(Signal),
    /// `--timeout`.
    TimedOut,
    /// Nobody reads the output any more.
    Closed,
}

/// Runs the session's task in the foreground.
pub async fn attach(mut session: Session<'_>, timeout: Option<Duration>, keep: bool) -> Ending {
    match foreground(&mut session, timeout).await {
        Ok(finish) => finish_up(session, &finish, keep).await,
        Err(error) => {
            let (result, error) = session.fail(error).await;
            Ending::failed_start(result, error)
        }
    }
}

async fn foreground(session: &mut Session<'_>, timeout: Option<Duration>) -> Result<Finish, Error> {
    let stdin = session.task.config.interactive;
    let Some((output, input)) = session.start(Some(stdin)).await? else {
        return Err(Error::new(ErrorKind::Engine, "the engine gave no streams"));
    };
    if let Some(input) = input.filter(|_| stdin) {
        tokio::spawn(feed(input));
    }
    session.ready().await?;
    watch(session, output, timeout).await
}

/// Shows the output until the task ends, a signal or the time limit asks it to, or nobody reads.
async fn watch(
    session: &mut Session<'_>,
    output: Follow,
    timeout: Option<Duration>,
) -> Result<Finish, Error> {
    let docker = session.docker.clone();
    let config = &session.task.config;
    let id = session.task.container_id.clone().unwrap_or_default();
    let mut output = pin!(show(output));
    let asked = tokio::select! {
        finish = &mut output => return finish,
        signal = session.signals.next() => Finish::Signalled(signal?),
        () = after(timeout) => Finish::TimedOut,
    };
    stdio::note(&format!("stopping {}; another signal kills it", session.task.title()));
    // The output goes on beside the stop, so that the task's last words arrive.
    let (options, own_grace) = (StopOptions::default(), config.stop_timeout.map(i64::from));
    let mut stop = pin!(async { tokio::join!(docker.halt(&id, &options, own_grace), output).0 });
    tokio::select! {
        stopped = &mut stop => stopped?,
        _ = session.signals.next() => {
            docker.kill(&id, None).await?;
            // Nothing but a reader that is stuck can hold up the end now.
            let _ = tokio::time::timeout(LAST_WORDS, stop).await;
        }
    }
    Ok(asked)
}

async fn show(mut follow: Follow) -> Result<Finish, Error> {
    match sink::pump(&mut follow, &mut sink::standard()).await {
        Ok(()) => match follow.exit() {
            Some(exit) => Ok(Finish::Exited(exit)),
            None => Err(Error::new(ErrorKind::ConnectionLost, "the end of the task was not told")),
        },
        Err(Stop::Source(error)) => Err(error),
        Err(Stop::Sink(error)) if stdio::is_closed_pipe(&error) => Ok(Finish::Closed),
        Err(Stop::Sink(error)) => Err(stdio::unwritable(error)),
    }
}

async fn finish_up(mut session: Session<'_>, finish: &Finish, keep: bool) -> Ending {
    if matches!(finish, Finish::Closed) {
        let _ = session.halt().await;
    }
    let mut result = session.last_word().await;
    let code = match finish {
        Finish::Exited(exit) => {
            result.exit_code = Some(exit.code);
            u8::try_from(exit.code).unwrap_or(RUN_FAILED)
        }
        Finish::Signalled(signal) => signal_code(*signal),
        Finish::TimedOut => TIMED_OUT,
        Finish::Closed => 0,
    };
    if keep {
        session.release();
    } else {
        result.container_id = None;
        session.discard().await;
    }
    if matches!(finish, Finish::TimedOut) {
        let message =
            format!("{} ran longer than --timeout allows", result.image.clone().unwrap_or_default());
        result = result
            .failed(Error::new(ErrorKind::TimedOut, message).with_hint("give it longer with --timeout"));
    }
    Ending { code, result: Some(result), ..Ending::told(0) }
}
