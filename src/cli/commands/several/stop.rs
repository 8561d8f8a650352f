//! `cube stop`: several tasks at once.

use cube::{Action, Error, StopOptions, TaskRef};

use crate::cli::{
    app::App,
    args::{commands::StopArgs, global::OutputFormat},
    commands::several::Several,
    outcome::Outcome,
    output::stops,
};

pub async fn stop(app: &App, args: &StopArgs) -> Result<Outcome, Error> {
    let tasks: Vec<TaskRef> = args.tasks.iter().map(|t| t.parse()).collect::<Result<_, _>>()?;
    let signal = args.signal.as_deref().map(str::parse).transpose()?;
    let options = StopOptions {
        signal,
        timeout: args.time,
        skip_outcome: app.output() == OutputFormat::Text,
        ..StopOptions::default()
    };
    let docker = app.docker().await?;
    let (verb, ignores_missing) = ("stop", args.ignore_missing);
    let several = Several { app, action: Action::Stop, verb, tasks: &args.tasks, ignores_missing };
    let (grace, quiet) = (args.time.map(i64::from), app.global.quiet);
    let stopped =
        tasks.iter().map(|task| stops::shown(task.as_str(), grace, quiet, docker.stop(task, &options)));
    several.each(stopped).await
}
