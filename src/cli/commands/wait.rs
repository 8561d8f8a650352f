//! `cube wait`: for a task's end, or for conditions.

use std::time::Duration;

use cube::{Action, Condition, Details, Docker, DockerResult, Error, ErrorKind, Exit, TaskRef};
use tokio::time::timeout;

use crate::cli::{
    app::App,
    args::{OutputFormat, commands::WaitArgs},
    config,
    outcome::{FAILED, Outcome},
    output::stdio,
    signals::Signals,
};

pub async fn wait(app: &App, args: &WaitArgs) -> Outcome {
    match waited(app, args).await {
        Ok(outcome) => outcome,
        Err(error) => Outcome::failure(Action::Wait, error.during(format!("cannot wait for {}", args.task))),
    }
}

async fn waited(app: &App, args: &WaitArgs) -> Result<Outcome, Error> {
    let task: TaskRef = args.task.parse()?;
    let conditions: Vec<Condition> = args.conditions.iter().map(|c| c.parse()).collect::<Result<_, _>>()?;
    let limit = config::duration(args.timeout.as_deref())?;
    let docker = app.docker().await?;
    let mut signals = Signals::listen()?;
    tokio::select! {
        done = reached(app, &docker, &task, &conditions, limit) => done,
        signal = signals.next() => Err(Error::interrupted(signal?)),
    }
}

async fn reached(
    app: &App,
    docker: &Docker,
    task: &TaskRef,
    conditions: &[Condition],
    limit: Option<Duration>,
) -> Result<Outcome, Error> {
    let container = docker.find(task).await?;
    let met = met(app, docker, &container, conditions, limit).await;
    // The task is still there, and the result tells which.
    met.map_err(|error| error.with_container(container.id))
}

async fn met(
    app: &App,
    docker: &Docker,
    container: &Details,
    conditions: &[Condition],
    limit: Option<Duration>,
) -> Result<Outcome, Error> {
    if !conditions.iter().all(|c| *c == Condition::Exit) {
        docker.ready(&container.id, conditions, limit).await?;
        let result = docker.inspect(&container.id).await?.result(Action::Wait, docker.address());
        return Ok(Outcome::success(result));
    }
    let exit = match limit {
        Some(limit) => timeout(limit, docker.wait_through(&container.id)).await.map_err(|_| too_long())??,
        None => docker.wait_through(&container.id).await?,
    };
    told(app, docker, &container.id, exit).await
}

async fn told(app: &App, docker: &Docker, id: &str, exit: Exit) -> Result<Outcome, Error> {
    let code = u8::try_from(exit.code).unwrap_or(FAILED);
    if app.output() == OutputFormat::Text {
        stdio::print(&format!("{}\n", exit.code))?;
        return Ok(Outcome::told(code));
    }
    let mut result = match docker.inspect(id).await {
        Ok(container) => container.result(Action::Wait, docker.address()),
        Err(_) => DockerResult::success(Action::Wait),
    };
    result.exit_code = Some(exit.code);
    Ok(Outcome { code, ..Outcome::success(result) })
}

fn too_long() -> Error {
    Error::new(ErrorKind::TimedOut, "the task still runs").with_hint("give it longer with --timeout")
}
