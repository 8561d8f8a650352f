//! `cube wait`: for the end of tasks, or for conditions.

use std::time::Duration;

use cube::{Action, Condition, Docker, DockerResult, Error, ErrorKind, Exit, RunningTask, TaskRef};
use futures_util::{StreamExt, stream::FuturesOrdered};
use tokio::time::timeout;

use crate::cli::{
    app::App,
    args::{OutputFormat, commands::WaitArgs},
    config,
    outcome::{FAILED, Outcome},
    output::stdio,
    record::ended::cause_of,
    signals::Signals,
};

/// What is waited for, and how long.
struct Goal {
    conditions: Vec<Condition>,
    limit: Option<Duration>,
}

pub async fn wait(app: &App, args: &WaitArgs) -> Result<Outcome, Error> {
    let tasks: Vec<TaskRef> = args.tasks.iter().map(|task| task.parse()).collect::<Result<_, _>>()?;
    let goal = Goal {
        conditions: args.conditions.iter().map(|c| c.parse()).collect::<Result<_, _>>()?,
        limit: config::duration(args.timeout.as_deref())?,
    };
    let docker = app.docker().await?;
    let mut signals = Signals::listen()?;
    let waited = signals.unless_one_comes(all(app, &docker, &tasks, &goal)).await;
    waited.map_err(|error| during(error, &args.tasks.join(", ")))
}

/// Waits for all at once and shows each in the order given. The first code that is not 0 counts.
async fn all(app: &App, docker: &Docker, tasks: &[TaskRef], goal: &Goal) -> Result<Outcome, Error> {
    let waits = tasks.iter().map(|task| async move {
        let reached = reached(app, docker, task, goal).await;
        reached.map_err(|error| during(error, task.as_str()))
    });
    let mut waits: FuturesOrdered<_> = waits.collect();
    let mut first: Option<Outcome> = None;
    while let Some(reached) = waits.next().await {
        let outcome = match reached {
            Ok((outcome, Some(exit))) if app.output() == OutputFormat::Text => {
                stdio::print(&format!("{}\n", exit.code))?;
                outcome
            }
            Ok((outcome, _)) => outcome,
            Err(error) => Outcome::failure(Action::Wait, error),
        };
        match &first {
            Some(earlier) if earlier.code != 0 => show_error(app, &outcome),
            _ => first = Some(outcome),
        }
    }
    Ok(first.unwrap_or_else(|| Outcome::reported(0)))
}

/// The error of a later task, or why it failed: only the first counts.
fn show_error(app: &App, outcome: &Outcome) {
    outcome.closing.show(outcome.result.as_ref().and_then(|result| result.cause.as_ref()));
    if let Some(DockerResult { error: Some(error), .. }) = &outcome.result {
        stdio::error(error, app.colors_errors());
    }
}

fn during(error: Error, task: &str) -> Error {
    error.during(format!("cannot wait for {task}"))
}

async fn reached(
    app: &App,
    docker: &Docker,
    name: &TaskRef,
    goal: &Goal,
) -> Result<(Outcome, Option<Exit>), Error> {
    let (task, _) = docker.find(name).await?;
    let met = met(app, &task, goal).await;
    // The task is still there, and the result names it.
    let (mut outcome, exit) = met.map_err(|error| error.with_container(task.id().as_str()))?;
    if let Some(cause) = outcome.result.as_mut().and_then(|result| result.cause.as_mut()) {
        cause.message = format!("{name} failed: {}", cause.message);
    }
    Ok((outcome, exit))
}

async fn met(app: &App, task: &RunningTask, goal: &Goal) -> Result<(Outcome, Option<Exit>), Error> {
    if !goal.conditions.iter().all(|condition| *condition == Condition::Exit) {
        task.ready(&goal.conditions, goal.limit).await?;
        return task.result(Action::Wait).await.map(|result| (Outcome::success(result), None));
    }
    let exit = match goal.limit {
        Some(limit) => timeout(limit, task.wait_through()).await.map_err(|_| too_long())??,
        None => task.wait_through().await?,
    };
    Ok((ended(app, task, exit).await, Some(exit)))
}

/// The exit code as cube's own, and what is known of the task if anybody asks for it.
async fn ended(app: &App, task: &RunningTask, exit: Exit) -> Outcome {
    let code = u8::try_from(exit.code).unwrap_or(FAILED);
    let cause = cause_of(task, exit.code).await;
    if app.output() == OutputFormat::Text {
        let result =
            cause.map(|cause| DockerResult { cause: Some(cause), ..DockerResult::success(Action::Wait) });
        return Outcome { result, ..Outcome::reported(code) };
    }
    let known = task.result(Action::Wait).await;
    let mut result = known.unwrap_or_else(|_| DockerResult::success(Action::Wait));
    (result.exit_code, result.cause) = (Some(exit.code), cause);
    Outcome { code, ..Outcome::success(result) }
}

fn too_long() -> Error {
    Error::new(ErrorKind::TimedOut, "the task still runs").with_hint("give it longer with --timeout")
}
