//! `cube prune`: remove cube's own tasks that are over.

use chrono::Utc;
use cube::{Action, DockerResult, Error};

use crate::cli::{
    app::App,
    args::{OutputFormat, PruneArgs},
    outcome::{JsonTarget, Outcome},
    output::stdio,
};

pub async fn prune(app: &App, args: &PruneArgs) -> Outcome {
    match pruned(app, args).await {
        Ok(result) => Outcome {
            place: if app.output() == OutputFormat::Json { JsonTarget::Stdout } else { JsonTarget::Told },
            ..Outcome::success(result)
        },
        Err(error) => Outcome::failure(Action::Prune, error.during("cannot prune")),
    }
}

async fn pruned(app: &App, args: &PruneArgs) -> Result<DockerResult, Error> {
    let docker = app.docker().await?;
    let tasks = docker.prunable(Utc::now()).await?;
    for task in &tasks {
        if !args.dry_run {
            docker.remove(&task.id).await?;
        }
        if app.output() != OutputFormat::Json {
            stdio::print(&format!("{}\n", task.id))?;
        }
    }
    let removed = tasks.into_iter().map(|task| task.id).collect();
    Ok(DockerResult { removed: Some(removed), ..DockerResult::success(Action::Prune) })
}
