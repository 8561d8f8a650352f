//! `cube prune`: remove cube's own tasks that are over.

use chrono::Utc;
use cube::{Action, DockerResult, Error};

use super::{
    app::App,
    args::{Output, PruneArgs},
    ending::{Ending, Place},
    stdio,
};

pub async fn prune(app: &App, args: &PruneArgs) -> Ending {
    match pruned(app, args).await {
        Ok(result) => Ending {
            place: if app.output() == Output::Json { Place::Stdout } else { Place::Told },
            ..Ending::success(result)
        },
        Err(error) => Ending::failure(Action::Prune, error.during("cannot prune")),
    }
}

async fn pruned(app: &App, args: &PruneArgs) -> Result<DockerResult, Error> {
    let docker = app.docker().await?;
    let tasks = docker.prunable(Utc::now()).await?;
    for task in &tasks {
        if !args.dry_run {
            docker.remove(&task.id).await?;
        }
        if app.output() != Output::Json {
            stdio::print(&format!("{}\n", task.id))?;
        }
    }
    let removed = tasks.into_iter().map(|task| task.id).collect();
    Ok(DockerResult { removed: Some(removed), ..DockerResult::success(Action::Prune) })
}
