//! `cube logs`: a task's output, its streams kept apart.

use chrono::{Local, Utc};
use cube::{Action, Docker, Error, LogOptions, Tail, TaskRef, parse_when};

use super::{
    app::{self, App},
    args::LogsArgs,
    ending::{Ending, signal_code},
    signals::Signals,
    sink::{self, Stop},
};

pub async fn logs(app: &App, args: &LogsArgs) -> Ending {
    match shown(app, args).await {
        Ok(code) => Ending::told(code),
        Err(error) => {
            Ending::failure(Action::Logs, error.during(format!("cannot show the logs of {}", args.task)))
        }
    }
}

async fn shown(app: &App, args: &LogsArgs) -> Result<u8, Error> {
    let task: TaskRef = args.task.parse()?;
    let options = options(args)?;
    let docker = app.docker()?;
    let mut signals = Signals::listen()?;
    tokio::select! {
        moved = moved(&docker, &task, &options) => moved.map(|()| 0),
        signal = signals.next() => signal.map(signal_code),
    }
}

async fn moved(docker: &Docker, task: &TaskRef, options: &LogOptions) -> Result<(), Error> {
    let container = docker.find(task).await?;
    let mut log = docker.follow_logs(&container, options).await?;
    match sink::pump(&mut log, &mut sink::standard()).await {
        Ok(()) => Ok(()),
        Err(Stop::Source(error)) => Err(error),
        Err(Stop::Sink(error)) if app::is_closed_pipe(&error) => Ok(()),
        Err(Stop::Sink(error)) => Err(app::unwritable(error)),
    }
}

fn options(args: &LogsArgs) -> Result<LogOptions, Error> {
    let when = |text: Option<&str>| text.map(|t| parse_when(t, Utc::now(), &Local)).transpose();
    Ok(LogOptions {
        follow: args.follow,
        // As `docker logs` reads it: what is no number is all.
        tail: args.tail.parse().map_or(Tail::All, Tail::Lines),
        timestamps: args.timestamps,
        since: when(args.since.as_deref())?,
        until: when(args.until.as_deref())?,
    })
}
