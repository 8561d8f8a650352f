//! `cube rm`: as `cube stop`; with -f at once.

use cube::{Action, Error, StopOptions, TaskRef};

use crate::cli::{
    app::App,
    args::{commands::RmArgs, global::OutputFormat},
    commands::several::Several,
    outcome::Outcome,
};

pub async fn rm(app: &App, args: &RmArgs) -> Result<Outcome, Error> {
    let tasks: Vec<TaskRef> = args.tasks.iter().map(|t| t.parse()).collect::<Result<_, _>>()?;
    let docker = app.docker().await?;
    let (verb, ignores_missing) = ("remove", args.force);
    let several = Several { app, action: Action::Remove, verb, tasks: &args.tasks, ignores_missing };
    if args.force {
        return several.each(tasks.iter().map(|task| docker.remove_task(task))).await;
    }
    let options = StopOptions { skip_outcome: app.output() == OutputFormat::Text, ..StopOptions::default() };
    let stopped = tasks.iter().map(|task| async {
        let stopped = docker.stop(task, &options).await;
        stopped.map(|result| cube::DockerResult { action: Action::Remove, ..result })
    });
    several.each(stopped).await
}
