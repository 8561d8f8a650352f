//! `cube prune`: removes cube's own finished or expired tasks, and its networks without a task.

use chrono::{DateTime, Local, Utc};
use cube::{Action, DockerResult, Error, Listed, OwnNetwork};

use crate::cli::{
    app::App,
    args::{commands::PruneArgs, global::OutputFormat},
    outcome::{JsonTarget, Outcome},
    output::stdio,
    since::parse_when,
};

pub async fn prune(app: &App, args: &PruneArgs) -> Result<Outcome, Error> {
    pruned(app, args).await.map_err(|error| error.during("cannot prune"))
}

/// A failure does not stop the removal of the others. If several fail, the result holds the last error.
async fn pruned(app: &App, args: &PruneArgs) -> Result<Outcome, Error> {
    let filters: Vec<PruneFilter> =
        args.filter.iter().map(|text| PruneFilter::read(text)).collect::<Result<_, _>>()?;
    let docker = app.docker().await?;
    let mut tasks = docker.prunable().await?;
    tasks.retain(|task| wanted(task, &filters));
    // Listed before tasks are removed: the last task on a network removes the network too.
    let mut networks = docker.prunable_networks(&tasks).await?;
    networks.retain(|network| wanted_network(network, &filters));
    let mut pruned = Pruned { app, removed: Vec::new(), failure: None };
    for task in &tasks {
        let gone = if args.dry_run { Ok(true) } else { docker.remove_listed(task).await };
        pruned.count(&task.id, gone.map_err(|error| error.with_container(task.id.as_str())))?;
    }
    for network in &networks {
        let gone = if args.dry_run { Ok(true) } else { docker.remove_network_of(network).await };
        pruned.count(&network.id, gone)?;
    }
    let Pruned { removed, failure, .. } = pruned;
    let mut outcome = match failure {
        Some(error) => Outcome::failure(Action::Prune, error),
        None => Outcome::success(DockerResult::success(Action::Prune)),
    };
    if let Some(result) = &mut outcome.result {
        result.removed = Some(removed);
    }
    if app.output() != OutputFormat::Json {
        outcome.place = JsonTarget::Nowhere;
    }
    Ok(outcome)
}

/// What was done so far.
struct Pruned<'a> {
    app: &'a App,
    removed: Vec<String>,
    failure: Option<Error>,
}

impl Pruned<'_> {
    fn count(&mut self, id: &str, gone: Result<bool, Error>) -> Result<(), Error> {
        match gone {
            Ok(false) => {}
            Ok(true) => {
                if self.app.output() != OutputFormat::Json {
                    stdio::print(&format!("{id}\n"))?;
                }
                self.removed.push(id.to_owned());
            }
            Err(error) => {
                let error = error.during(format!("cannot remove {id}"));
                if let Some(earlier) = self.failure.replace(error) {
                    stdio::error(&earlier, self.app.colors_errors());
                }
            }
        }
        Ok(())
    }
}

/// A condition on the tasks and networks to remove.
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

/// What a filter looks at.
struct Prunable<'a> {
    name: &'a str,
    created_at: Option<DateTime<Utc>>,
    /// The time from which an `until` duration counts back.
    now: DateTime<Utc>,
    has_label: &'a dyn Fn(&str, Option<&str>) -> bool,
}

/// An `until` duration counts back from the engine's clock.
fn wanted(task: &Listed, filters: &[PruneFilter]) -> bool {
    let now = task.listed_at.unwrap_or_else(Utc::now);
    let has_label = |name: &str, value: Option<&str>| task.has_label(name, value);
    all_match(
        filters,
        &Prunable { name: &task.name, created_at: task.created_at, now, has_label: &has_label },
    )
}

fn wanted_network(network: &OwnNetwork, filters: &[PruneFilter]) -> bool {
    let has_label = |name: &str, value: Option<&str>| network.has_label(name, value);
    let (name, created_at) = (&network.name, network.created_at);
    let now = network.listed_at.unwrap_or_else(Utc::now);
    all_match(filters, &Prunable { name, created_at, now, has_label: &has_label })
}

/// Whether it has all of the labels, has one of the names, and was made before all of the times.
fn all_match(filters: &[PruneFilter], it: &Prunable) -> bool {
    let is_name = |filter: &PruneFilter| matches!(filter, PruneFilter::Name(_));
    let is_it = |filter: &PruneFilter| matches!(filter, PruneFilter::Name(name) if name == it.name);
    let named = !filters.iter().any(is_name) || filters.iter().any(is_it);
    named
        && filters.iter().all(|filter| match filter {
            PruneFilter::Label(name, value) => (it.has_label)(name, value.as_deref()),
            PruneFilter::Name(_) => true,
            PruneFilter::Until(when) => {
                let until = parse_when(when, it.now, &Local).ok();
                until.is_some_and(|until| it.created_at.is_some_and(|created| created < until))
            }
        })
}
