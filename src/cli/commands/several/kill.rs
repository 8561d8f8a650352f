//! `cube kill`: a signal to several tasks at once.

use cube::{Action, Error, Signal, TaskRef};

use crate::cli::{app::App, args::commands::KillArgs, commands::several::Several, outcome::Outcome};

pub async fn kill(app: &App, args: &KillArgs) -> Result<Outcome, Error> {
    let tasks: Vec<TaskRef> = args.tasks.iter().map(|t| t.parse()).collect::<Result<_, _>>()?;
    let signal: Option<Signal> = args.signal.as_deref().map(str::parse).transpose()?;
    let docker = app.docker().await?;
    let several =
        Several { app, action: Action::Kill, verb: "kill", tasks: &args.tasks, ignores_missing: false };
    several.each(tasks.iter().map(|task| docker.kill_task(task, signal.as_ref()))).await
}
