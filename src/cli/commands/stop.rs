//! `cube stop`: several tasks at once.

use cube::{Action, DockerResult, Error, StopOptions, TaskRef};
use futures_util::future::join_all;

use crate::cli::{
    app::App,
    args::{OutputFormat, commands::StopArgs},
    outcome::{JsonTarget, Outcome},
    output::stdio,
};

pub async fn stop(app: &App, args: &StopArgs) -> Outcome {
    match stopped(app, args).await {
        Ok(outcome) => outcome,
        Err(error) => Outcome::failure(Action::Stop, error),
    }
}

async fn stopped(app: &App, args: &StopArgs) -> Result<Outcome, Error> {
    let tasks: Vec<TaskRef> = args.tasks.iter().map(|t| t.parse()).collect::<Result<_, _>>()?;
    let signal = args.signal.as_deref().map(str::parse).transpose()?;
    let options =
        StopOptions { signal, timeout: args.time, skip_outcome: app.output() == OutputFormat::Text };
    let docker = app.docker().await?;
    let mut results = join_all(tasks.iter().map(|task| docker.stop(task, &options))).await;
    match results.pop() {
        Some(result) if results.is_empty() => one(app, args, result),
        last => many(app, args, results.into_iter().chain(last)),
    }
}

fn one(app: &App, args: &StopArgs, result: Result<DockerResult, Error>) -> Result<Outcome, Error> {
    let result = result.map_err(|e| e.during(format!("cannot stop {}", args.tasks.concat())))?;
    if app.output() == OutputFormat::Text {
        stdio::print(&format!("{}\n", args.tasks.concat()))?;
    }
    Ok(Outcome::success(result))
}

/// One object in all, with the ids of those that went; of several failures the last is in it.
fn many(
    app: &App,
    args: &StopArgs,
    results: impl Iterator<Item = Result<DockerResult, Error>>,
) -> Result<Outcome, Error> {
    let mut told = Outcome::success(DockerResult::success(Action::Stop));
    let mut removed = Vec::new();
    for (task, result) in args.tasks.iter().zip(results) {
        match result {
            Ok(result) => {
                if app.output() == OutputFormat::Text {
                    stdio::print(&format!("{task}\n"))?;
                }
                removed.extend(result.container_id);
            }
            Err(error) => {
                let error = error.during(format!("cannot stop {task}"));
                if let Some(DockerResult { error: Some(earlier), .. }) = &told.result {
                    stdio::error(earlier, app.colors_errors());
                }
                told = Outcome::failure(Action::Stop, error);
            }
        }
    }
    if let Some(result) = &mut told.result {
        result.removed = Some(removed);
    }
    if app.output() == OutputFormat::Env {
        told.place = JsonTarget::Told;
    }
    Ok(told)
}
