//! `cube cp`: files between a task and this machine, as `docker cp` copies them.

use std::path::Path;

use cube::{
    Action, CopyOptions, Docker, DockerResult, Error, ErrorKind, Events, RunningTask, TaskRef,
    split_container,
};
use tokio::io::AsyncWriteExt;

use crate::cli::{
    app::App,
    args::flags::files::CpArgs,
    outcome::Outcome,
    output::{copy, copying::CopyDisplay, patient::Patient, stdio},
    signals::Signals,
};

/// Stands for a tar archive on a standard stream.
const STREAM: &str = "-";

pub async fn cp(app: &App, args: &CpArgs) -> Result<Outcome, Error> {
    let done = copied(app, args).await;
    let done = done.map_err(|error| error.during(format!("cannot copy {} to {}", args.source, args.target)));
    if args.target != STREAM {
        return done.map(Outcome::success);
    }
    // Standard output carries the archive.
    let outcome = done.map_or_else(|error| Outcome::failure(Action::Copy, error), Outcome::success);
    Ok(outcome.in_foreground(None))
}

/// The direction of the copy.
enum Way<'a> {
    Out { task: &'a str, from: &'a str },
    In { task: &'a str, to: &'a str },
}

async fn copied(app: &App, args: &CpArgs) -> Result<DockerResult, Error> {
    let way = way(args)?;
    let (Way::Out { task, .. } | Way::In { task, .. }) = way;
    let task: TaskRef = task.parse()?;
    let docker = app.docker().await?;
    let mut signals = Signals::listen()?;
    tokio::select! {
        done = copy(app, &docker, &task, way, args) => done,
        signal = signals.next() => Err(Error::interrupted(signal?)),
    }
}

fn way(args: &CpArgs) -> Result<Way<'_>, Error> {
    let wrong = |message: &str, hint: &str| Err(Error::new(ErrorKind::InvalidInput, message).with_hint(hint));
    match (split_container(&args.source), split_container(&args.target)) {
        _ if args.source.is_empty() => wrong("SRC is empty", "name a file or a folder, or TASK:PATH"),
        _ if args.target.is_empty() => wrong("DST is empty", "name a file or a folder, or TASK:PATH"),
        (Some(_), Some(_)) => wrong(
            "a copy from task to task is not possible",
            "copy through a pipe: cube cp A:PATH - | cube cp - B:PATH",
        ),
        (None, None) => wrong("neither SRC nor DST names a task", "write TASK:PATH for one of the two"),
        (Some((_, "")), _) | (_, Some((_, ""))) => wrong("the path in the task is empty", "write TASK:PATH"),
        (Some((task, from)), None) => Ok(Way::Out { task, from }),
        (None, Some((task, to))) => Ok(Way::In { task, to }),
    }
}

async fn copy(
    app: &App,
    docker: &Docker,
    task: &TaskRef,
    way: Way<'_>,
    args: &CpArgs,
) -> Result<DockerResult, Error> {
    let (found, container) = docker.find(task).await?;
    let options = CopyOptions { follow_link: args.follow_link, archive: args.archive };
    let mut display = CopyDisplay::new(app);
    let mut events = |event| display.show(event);
    match way {
        Way::Out { from, .. } if args.target == STREAM => archive_out(&found, from, &mut events).await?,
        Way::Out { from, .. } => {
            found.copy_from(from, Path::new(&args.target), &options, &mut events).await.map(drop)?;
        }
        Way::In { to, .. } if args.source == STREAM => {
            found.extract(Patient(std::io::stdin()), to, &options, &mut events).await.map(drop)?;
        }
        Way::In { to, .. } => {
            found.copy_to(Path::new(&args.source), to, &options, &mut events).await.map(drop)?;
        }
    }
    Ok(container.result(Action::Copy, docker.address()))
}

async fn archive_out(task: &RunningTask, from: &str, events: Events<'_>) -> Result<(), Error> {
    let mut archive = task.archive(from, events).await?;
    let (mut stdout, _) = copy::streams();
    while let Some(piece) = archive.next().await? {
        match stdout.write_all(&piece).await {
            Err(cause) if stdio::is_closed_pipe(&cause) => return Ok(()),
            written => written.map_err(stdio::unwritable)?,
        }
    }
    stdout.flush().await.map_err(stdio::unwritable)
}
