//! `cube prune`: remove cube's own tasks that are over.

use cube::{Action, Docker, DockerResult, Error, Listed};

use crate::cli::{
    app::App,
    args::{OutputFormat, commands::PruneArgs},
    outcome::{JsonTarget, Outcome},
    output::stdio,
};

pub async fn prune(app: &App, args: &PruneArgs) -> Outcome {
    match pruned(app, args).await {
        Ok(outcome) => outcome,
        Err(error) => Outcome::failure(Action::Prune, error.during("cannot prune")),
    }
}

/// One that cannot be removed does not keep the others; of several the last is in the result.
async fn pruned(app: &App, args: &PruneArgs) -> Result<Outcome, Error> {
    let docker = app.docker().await?;
    let (mut removed, mut failure) = (Vec::new(), None);
    for task in docker.prunable().await? {
        match remove(&docker, &task, args.dry_run).await {
            Ok(false) => {}
            Ok(true) => {
                if app.output() != OutputFormat::Json {
                    stdio::print(&format!("{}\n", task.id))?;
                }
                removed.push(task.id.into());
            }
            Err(error) => {
                let error =
                    error.with_container(task.id.as_str()).during(format!("cannot remove {}", task.id));
                if let Some(earlier) = failure.replace(error) {
                    stdio::error(&earlier, app.colors_errors());
                }
            }
        }
    }
    let mut outcome = match failure {
        Some(error) => Outcome::failure(Action::Prune, error),
        None => Outcome::success(DockerResult::success(Action::Prune)),
    };
    if let Some(result) = &mut outcome.result {
        result.removed = Some(removed);
    }
    if app.output() != OutputFormat::Json {
        outcome.place = JsonTarget::Told;
    }
    Ok(outcome)
}

async fn remove(docker: &Docker, task: &Listed, dry_run: bool) -> Result<bool, Error> {
    if dry_run { Ok(true) } else { docker.remove_listed(task).await }
}
