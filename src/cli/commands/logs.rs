//! `cube logs`: a task's output, its streams kept apart.

use chrono::{DateTime, Local, Utc};
use cube::{Action, Docker, DockerResult, Error, LogOptions, Tail, TaskRef};

use crate::cli::{
    app::App,
    args::commands::LogsArgs,
    outcome::{Outcome, signal_code},
    output::copy,
    signals::Signals,
    since::parse_when,
};

pub async fn logs(app: &App, args: &LogsArgs) -> Result<Outcome, Error> {
    let shown = shown(app, args).await;
    let shown = shown.map_err(|error| error.during(format!("cannot show the logs of {}", args.task)))?;
    Ok(shown.in_foreground(None))
}

async fn shown(app: &App, args: &LogsArgs) -> Result<Outcome, Error> {
    let task: TaskRef = args.task.parse()?;
    let options = options(args)?;
    let docker = app.docker().await?;
    let mut signals = Signals::listen()?;
    tokio::select! {
        moved = moved(&docker, &task, &options) => moved.map(Outcome::success),
        signal = signals.next() => signal.map(|signal| Outcome::reported(signal_code(signal))),
    }
}

async fn moved(docker: &Docker, task: &TaskRef, options: &LogOptions) -> Result<DockerResult, Error> {
    let (found, container) = docker.find(task).await?;
    let mut log = found.logs_of(&container, options).await?;
    copy::to_standard(&mut log).await?;
    Ok(container.result(Action::Logs, docker.address()))
}

fn options(args: &LogsArgs) -> Result<LogOptions, Error> {
    let when = |text: Option<&str>| {
        text.filter(|t| !t.is_empty()).map(|t| parse_when(t, Utc::now(), &Local)).transpose()
    };
    Ok(LogOptions {
        follow: args.follow,
        tail: tail(&args.tail)?,
        timestamps: args.timestamps,
        since: when(args.since.as_deref())?,
        until: when(args.until.as_deref())?.filter(|until| *until != DateTime::UNIX_EPOCH),
    })
}

/// `all`, nothing and, as with `docker logs`, a negative number mean all lines.
fn tail(text: &str) -> Result<Tail, Error> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number && !matches!(text, "" | "all") {
        return Err(Error::invalid("number of lines", text, "it is no whole number")
            .with_hint("write --tail 20, or --tail all"));
    }
    // A number that is too large to count is more than there are.
    Ok(text.parse().map_or(Tail::All, Tail::Lines))
}
