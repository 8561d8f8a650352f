//! `cube wait`: for a task's end, or for conditions.

use std::time::Duration;

use cube::{Action, Condition, Docker, DockerResult, Error, ErrorKind, Exit, RunningTask, TaskRef};
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
    signals.unless_one_comes(reached(app, &docker, &task, &conditions, limit)).await
}

async fn reached(
    app: &App,
    docker: &Docker,
    task: &TaskRef,
    conditions: &[Condition],
    limit: Option<Duration>,
) -> Result<Outcome, Error> {
    let (task, _) = docker.find(task).await?;
    let met = met(app, &task, conditions, limit).await;
    // The task is still there, and the result names it.
    met.map_err(|error| error.with_container(task.id().as_str()))
}

async fn met(
    app: &App,
    task: &RunningTask,
    conditions: &[Condition],
    limit: Option<Duration>,
) -> Result<Outcome, Error> {
    if !conditions.iter().all(|c| *c == Condition::Exit) {
        task.ready(conditions, limit).await?;
        return task.result(Action::Wait).await.map(Outcome::success);
    }
    let exit = match limit {
        Some(limit) => timeout(limit, task.wait_through()).await.map_err(|_| too_long())??,
        None => task.wait_through().await?,
    };
    told(app, task, exit).await
}

async fn told(app: &App, task: &RunningTask, exit: Exit) -> Result<Outcome, Error> {
    let code = u8::try_from(exit.code).unwrap_or(FAILED);
    if app.output() == OutputFormat::Text {
        stdio::print(&format!("{}\n", exit.code))?;
        return Ok(Outcome::told(code));
    }
    let known = task.result(Action::Wait).await;
    let mut result = known.unwrap_or_else(|_| DockerResult::success(Action::Wait));
    result.exit_code = Some(exit.code);
    Ok(Outcome { code, ..Outcome::success(result) })
}

fn too_long() -> Error {
    Error::new(ErrorKind::TimedOut, "the task still runs").with_hint("give it longer with --timeout")
}
