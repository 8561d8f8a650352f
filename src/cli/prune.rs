//! `cube prune`: remove cube's own tasks that are over.

use chrono::Utc;
use cube::{Action, Error};

use super::{
    app::{self, App},
    args::{Output, PruneArgs},
    ending::Ending,
    render,
};

pub async fn prune(app: &App, args: &PruneArgs) -> Ending {
    match pruned(app, args).await {
        Ok(()) => Ending::told(0),
        Err(error) => Ending::failure(Action::Prune, error.during("cannot prune")),
    }
}

async fn pruned(app: &App, args: &PruneArgs) -> Result<(), Error> {
    let docker = app.docker()?;
    let tasks = docker.prunable(Utc::now()).await?;
    for task in &tasks {
        if !args.dry_run {
            docker.remove(&task.id).await?;
        }
        if app.output() != Output::Json {
            app::print(&format!("{}\n", task.id))?;
        }
    }
    if app.output() == Output::Json {
        app::print(&render::line(&tasks))?;
    }
    Ok(())
}
