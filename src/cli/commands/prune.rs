//! `cube prune`: remove cube's own tasks that are over.

use chrono::{Local, Utc};
use cube::{Action, Docker, DockerResult, Error, Listed};

use crate::cli::{
    app::App,
    args::{OutputFormat, commands::PruneArgs},
    outcome::{JsonTarget, Outcome},
    output::stdio,
    since::parse_when,
};

pub async fn prune(app: &App, args: &PruneArgs) -> Result<Outcome, Error> {
    pruned(app, args).await.map_err(|error| error.during("cannot prune"))
}

/// One that cannot be removed does not keep the others; of several the last is in the result.
async fn pruned(app: &App, args: &PruneArgs) -> Result<Outcome, Error> {
    let filters: Vec<PruneFilter> =
        args.filter.iter().map(|text| PruneFilter::read(text)).collect::<Result<_, _>>()?;
    let docker = app.docker().await?;
    let (mut removed, mut failure) = (Vec::new(), None);
    for task in docker.prunable().await?.into_iter().filter(|task| wanted(task, &filters)) {
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

/// Which of the tasks that are over are removed.
enum PruneFilter {
    Label(String, Option<String>),
    Name(String),
    Until(String),
}

impl PruneFilter {
    fn read(text: &str) -> Result<Self, Error> {
        match text.split_once('=') {
            Some(("label", label)) => Ok(match label.split_once('=') {
                Some((name, value)) => Self::Label(name.to_owned(), Some(value.to_owned())),
                None => Self::Label(label.to_owned(), None),
            }),
            Some(("name", name)) => Ok(Self::Name(name.trim_start_matches('/').to_owned())),
            Some(("until", when)) => {
                parse_when(when, Utc::now(), &Local).map(|_| Self::Until(when.to_owned()))
            }
            _ => Err(Error::invalid("filter", text, "no such filter")
                .with_hint("write label=NAME[=VALUE], name=NAME or until=TIME, for example until=24h")),
        }
    }
}

/// Whether all labels are there, and one of the names is its own, and it was made before all of the times. A span
/// counts back from the engine's clock.
fn wanted(task: &Listed, filters: &[PruneFilter]) -> bool {
    let now = task.listed_at.unwrap_or_else(Utc::now);
    let is_name = |filter: &PruneFilter| matches!(filter, PruneFilter::Name(_));
    let is_it = |filter: &PruneFilter| matches!(filter, PruneFilter::Name(name) if *name == task.name);
    let named = !filters.iter().any(is_name) || filters.iter().any(is_it);
    named
        && filters.iter().all(|filter| match filter {
            PruneFilter::Label(name, value) => task.has_label(name, value.as_deref()),
            PruneFilter::Name(_) => true,
            PruneFilter::Until(when) => {
                let until = parse_when(when, now, &Local).ok();
                until.is_some_and(|until| task.created_at.is_some_and(|created| created < until))
            }
        })
}

async fn remove(docker: &Docker, task: &Listed, dry_run: bool) -> Result<bool, Error> {
    if dry_run { Ok(true) } else { docker.remove_listed(task).await }
}
