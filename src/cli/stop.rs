//! `cube stop`: several tasks at once.

use cube::{Action, DockerResult, Error, StopOptions, TaskRef};
use futures_util::future::join_all;

use super::{
    app::App,
    args::{Output, StopArgs},
    ending::Ending,
    stdio,
};

pub async fn stop(app: &App, args: &StopArgs) -> Ending {
    match stopped(app, args).await {
        Ok(ending) => ending,
        Err(error) => Ending::failure(Action::Stop, error),
    }
}

async fn stopped(app: &App, args: &StopArgs) -> Result<Ending, Error> {
    let tasks: Vec<TaskRef> = args.tasks.iter().map(|t| t.parse()).collect::<Result<_, _>>()?;
    let signal = args.signal.as_deref().map(str::parse).transpose()?;
    let options = StopOptions { signal, timeout: args.time, skip_outcome: app.output() == Output::Text };
    let docker = app.docker().await?;
    let mut results = join_all(tasks.iter().map(|task| docker.stop(task, &options))).await;
    match results.pop() {
        Some(result) if results.is_empty() => one(app, args, result),
        last => many(app, args, results.into_iter().chain(last)),
    }
}

fn one(app: &App, args: &StopArgs, result: Result<DockerResult, Error>) -> Result<Ending, Error> {
    let result = result.map_err(|e| e.during(format!("cannot stop {}", args.tasks.concat())))?;
    if app.output() == Output::Text {
        stdio::print(&format!("{}\n", args.tasks.concat()))?;
    }
    Ok(Ending::success(result))
}

/// One object in all: an array would break the contract of one, so the last failure stands for all.
fn many(
    app: &App,
    args: &StopArgs,
    results: impl Iterator<Item = Result<DockerResult, Error>>,
) -> Result<Ending, Error> {
    let mut told = Ending::told(0);
    for (task, result) in args.tasks.iter().zip(results) {
        match result {
            Ok(result) if app.output() == Output::Text => {
                stdio::print(&format!("{task}\n"))?;
                told.result = told.result.or(Some(result));
            }
            Ok(result) => told.result = told.result.or(Some(result)),
            Err(error) => {
                let error = error.during(format!("cannot stop {task}"));
                if let Some(DockerResult { error: Some(earlier), .. }) = &told.result {
                    stdio::error(earlier, app.colors_errors());
                }
                told = Ending::failure(Action::Stop, error);
            }
        }
    }
    Ok(told)
}
