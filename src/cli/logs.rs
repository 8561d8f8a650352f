//! `cube logs`: a task's output, its streams kept apart.

use chrono::{Local, Utc};
use cube::{Action, Docker, DockerResult, Error, LogOptions, Tail, TaskRef, parse_when};

use super::{
    app::App,
    args::LogsArgs,
    ending::{Ending, signal_code},
    signals::Signals,
    sink::{self, Stop},
    stdio,
};

/// To Docker, an end at 0 is none.
const EPOCH: &str = "0.000000000";

pub async fn logs(app: &App, args: &LogsArgs) -> Ending {
    match shown(app, args).await {
        Ok(ending) => ending.in_foreground(None),
        Err(error) => {
            Ending::failure(Action::Logs, error.during(format!("cannot show the logs of {}", args.task)))
        }
    }
}

async fn shown(app: &App, args: &LogsArgs) -> Result<Ending, Error> {
    let task: TaskRef = args.task.parse()?;
    let options = options(args)?;
    let docker = app.docker().await?;
    let mut signals = Signals::listen()?;
    tokio::select! {
        moved = moved(&docker, &task, &options) => moved.map(Ending::success),
        signal = signals.next() => signal.map(|signal| Ending::told(signal_code(signal))),
    }
}

async fn moved(docker: &Docker, task: &TaskRef, options: &LogOptions) -> Result<DockerResult, Error> {
    let container = docker.find(task).await?;
    let mut log = docker.follow_logs(&container, options).await?;
    match sink::pump(&mut log, &mut sink::standard()).await {
        Ok(()) => {}
        Err(Stop::Source(error)) => return Err(error),
        Err(Stop::Sink(error)) if stdio::is_closed_pipe(&error) => {}
        Err(Stop::Sink(error)) => return Err(stdio::unwritable(error)),
    }
    Ok(container.result(Action::Logs, docker.address()))
}

fn options(args: &LogsArgs) -> Result<LogOptions, Error> {
    let when = |text: Option<&str>| {
        text.filter(|t| !t.is_empty()).map(|t| parse_when(t, Utc::now(), &Local)).transpose()
    };
    Ok(LogOptions {
        follow: args.follow,
        // As `docker logs` reads it: what is no number is all.
        tail: args.tail.parse().map_or(Tail::All, Tail::Lines),
        timestamps: args.timestamps,
        since: when(args.since.as_deref())?,
        until: when(args.until.as_deref())?.filter(|until| until != EPOCH),
    })
}
