//! What `stop`, `rm` and `kill` have in common: several tasks at once, each printed as it was given.

pub mod kill;
pub mod rm;
pub mod stop;

use cube::{Action, DockerResult, Error, ErrorKind};
use futures_util::future::join_all;

use crate::cli::{
    app::App,
    args::global::OutputFormat,
    outcome::{JsonTarget, Outcome},
    output::stdio,
};

/// One action on several tasks.
pub struct Several<'a> {
    pub app: &'a App,
    pub action: Action,
    /// The verb of an error: `cannot stop web`.
    pub verb: &'static str,
    /// The tasks as they were given.
    pub tasks: &'a [String],
    /// Whether a missing task counts as success.
    pub ignores_missing: bool,
}

type Done = Result<Option<DockerResult>, Error>;

impl Several<'_> {
    /// Does it to all tasks at once and reports the results.
    pub async fn each<F>(&self, done: impl Iterator<Item = F>) -> Result<Outcome, Error>
    where
        F: Future<Output = Result<DockerResult, Error>>,
    {
        let mut results: Vec<Done> =
            join_all(done).await.into_iter().map(|result| self.judged(result)).collect();
        match results.pop() {
            Some(result) if results.is_empty() => self.one(result),
            last => self.many(results.into_iter().chain(last)),
        }
    }

    fn judged(&self, result: Result<DockerResult, Error>) -> Done {
        match result {
            Err(error) if self.ignores_missing && error.kind() == ErrorKind::TaskNotFound => Ok(None),
            result => result.map(Some),
        }
    }

    fn one(&self, result: Done) -> Result<Outcome, Error> {
        let task = self.tasks.concat();
        let result = result.map_err(|error| error.during(format!("cannot {} {task}", self.verb)))?;
        if result.is_some() && self.app.output() == OutputFormat::Text {
            stdio::print(&format!("{task}\n"))?;
        }
        Ok(Outcome::success(result.unwrap_or_else(|| DockerResult::success(self.action))))
    }

    /// One result for all, with the ids of the removed tasks and the last error.
    fn many(&self, results: impl Iterator<Item = Done>) -> Result<Outcome, Error> {
        let mut outcome = Outcome::success(DockerResult::success(self.action));
        let mut removed = Vec::new();
        for (task, result) in self.tasks.iter().zip(results) {
            match result {
                Ok(None) => {}
                Ok(Some(result)) => {
                    if self.app.output() == OutputFormat::Text {
                        stdio::print(&format!("{task}\n"))?;
                    }
                    removed.extend(result.container_id);
                }
                Err(error) => {
                    let error = error.during(format!("cannot {} {task}", self.verb));
                    if let Some(DockerResult { error: Some(earlier), .. }) = &outcome.result {
                        stdio::error(earlier, self.app.colors_errors());
                    }
                    outcome = Outcome::failure(self.action, error);
                }
            }
        }
        if let Some(result) = outcome.result.as_mut().filter(|_| self.action != Action::Kill) {
            result.removed = Some(removed);
        }
        if !matches!(self.app.output(), OutputFormat::Text | OutputFormat::Json) {
            outcome.place = JsonTarget::Nowhere;
        }
        Ok(outcome)
    }
}
