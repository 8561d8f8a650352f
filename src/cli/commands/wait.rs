//! `cube wait`: for the end of tasks, or for conditions.

use std::future::pending;

use cube::{
    Action, Condition, Docker, DockerResult, Error, ErrorKind, Exit, Readiness, RunningTask, TaskRef,
};
use futures_util::{StreamExt, stream::FuturesOrdered};
use tokio::{sync::mpsc, time::timeout};

use crate::cli::{
    app::App,
    args::{commands::WaitArgs, flags::duration, global::OutputFormat},
    outcome::Outcome,
    output::{changing_line, stdio, waiting::WaitDisplay},
    record::{Record, SOON, ended::cause_of},
    signals::Signals,
};

/// One of the tasks that are waited for.
struct TaskWait<'a> {
    app: &'a App,
    goal: &'a Readiness,
    display: WaitDisplay,
    /// Its position among them, and its name if there are several.
    at: usize,
    title: Option<&'a str>,
}

/// Why a wait failed.
struct FailedWait {
    error: Error,
    is_shown: bool,
}

impl From<Error> for FailedWait {
    fn from(error: Error) -> Self {
        Self { error, is_shown: false }
    }
}

pub async fn wait(app: &App, args: &WaitArgs) -> Result<Outcome, Error> {
    let tasks: Vec<TaskRef> = args.tasks.iter().map(|task| task.parse()).collect::<Result<_, _>>()?;
    let goal = Readiness {
        wait_for: args.conditions.iter().map(|c| c.parse()).collect::<Result<_, _>>()?,
        wait_any: args.wait_any,
        fail_on: args.fail_on.iter().map(|sign| sign.parse()).collect::<Result<_, _>>()?,
        wait_timeout: duration(args.timeout.as_deref())?,
    };
    let docker = app.docker().await?;
    let mut signals = Signals::listen()?;
    let waited = signals.unless_one_comes(all(app, &docker, &tasks, &goal)).await;
    changing_line::clear();
    waited.map_err(|error| during(error, &args.tasks.join(", ")))
}

/// Waits for all tasks at once and shows the results in the order given. The first exit code that is not 0 counts. A
/// line that matches --fail-on ends the wait for all.
async fn all(app: &App, docker: &Docker, tasks: &[TaskRef], goal: &Readiness) -> Result<Outcome, Error> {
    let (fails, mut failure) = mpsc::unbounded_channel();
    let display = WaitDisplay::new(app);
    let waits = tasks.iter().enumerate().map(|(at, task)| {
        let title = (tasks.len() > 1).then_some(task.as_str());
        let (fails, wait) = (fails.clone(), TaskWait { app, goal, display: display.clone(), at, title });
        async move {
            match wait.reached(docker, task).await {
                Err(failed) if failed.error.kind() == ErrorKind::FailOn => {
                    let _ = fails.send(failed);
                    pending().await
                }
                reached => reached,
            }
        }
    });
    let mut waits: FuturesOrdered<_> = waits.collect();
    let mut first: Option<Outcome> = None;
    loop {
        let reached = tokio::select! {
            biased;
            reached = waits.next() => reached,
            Some(failed) = failure.recv() => {
                keep_first(app, &mut first, failed.into());
                None
            }
        };
        let outcome = match reached {
            None => return Ok(first.unwrap_or_else(|| Outcome::reported(0))),
            Some(Ok((outcome, Some(exit)))) if app.output() == OutputFormat::Text => {
                stdio::print(&format!("{}\n", exit.code))?;
                outcome
            }
            Some(Ok((outcome, _))) => outcome,
            Some(Err(failed)) => failed.into(),
        };
        keep_first(app, &mut first, outcome);
    }
}

/// Keeps the first outcome that failed, else the last one.
fn keep_first(app: &App, first: &mut Option<Outcome>, outcome: Outcome) {
    match first {
        Some(earlier) if earlier.code != 0 => show_error(app, &outcome),
        _ => *first = Some(outcome),
    }
}

impl From<FailedWait> for Outcome {
    fn from(failed: FailedWait) -> Self {
        Self { error_shown: failed.is_shown, ..Self::failure(Action::Wait, failed.error) }
    }
}

/// Prints the error of a later task, or why it failed. Only the first one decides the exit code.
fn show_error(app: &App, outcome: &Outcome) {
    outcome.closing.show(outcome.result.as_ref().and_then(|result| result.cause.as_ref()));
    if let Some(DockerResult { error: Some(error), .. }) = &outcome.result
        && !outcome.error_shown
    {
        stdio::error(error, app.colors_errors());
    }
}

fn during(error: Error, task: &str) -> Error {
    error.during(format!("cannot wait for {task}"))
}

impl TaskWait<'_> {
    async fn reached(&self, docker: &Docker, name: &TaskRef) -> Result<(Outcome, Option<Exit>), FailedWait> {
        let found = self.in_time(docker.find(name), unanswered).await;
        let (task, _) = found.map_err(|error| during(error, name.as_str()))?;
        match self.met(&task).await {
            Ok((mut outcome, exit)) => {
                if let Some(cause) = outcome.result.as_mut().and_then(|result| result.cause.as_mut()) {
                    cause.message = format!("{name} failed: {}", cause.message);
                }
                Ok((outcome, exit))
            }
            // The task still exists, so the result names it.
            Err(error) => {
                let error = during(error.with_container(task.id().as_str()), name.as_str());
                Err(self.failed(&task, name.as_str(), error).await)
            }
        }
    }

    /// Shows why a task is not ready, its state and its last lines.
    async fn failed(&self, task: &RunningTask, title: &str, error: Error) -> FailedWait {
        let kinds = [ErrorKind::TaskDied, ErrorKind::TimedOut, ErrorKind::Unhealthy, ErrorKind::FailOn];
        let only_end = self.waits_for_end() && error.kind() != ErrorKind::FailOn;
        if only_end || !kinds.contains(&error.kind()) {
            return error.into();
        }
        stdio::error(&error, self.app.colors_errors());
        // An engine that hangs must not delay the end.
        let shown = async {
            if let Ok(details) = task.inspect().await {
                Record::default().show_unready(task, &details, title, false).await;
            }
        };
        let _ = timeout(SOON, shown).await;
        FailedWait { error, is_shown: true }
    }

    /// The result of `work`; if the time limit comes first, the error of `late`.
    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
        late: fn() -> Error,
    ) -> Result<T, Error> {
        match self.goal.wait_timeout {
            Some(limit) => timeout(limit, work).await.unwrap_or_else(|_| Err(late())),
            None => work.await,
        }
    }

    fn waits_for_end(&self) -> bool {
        self.goal.wait_for.iter().all(|condition| *condition == Condition::Exit)
    }

    async fn met(&self, task: &RunningTask) -> Result<(Outcome, Option<Exit>), Error> {
        if !self.waits_for_end() {
            let mut show = |event| self.display.show_one_of(self.at, self.title, &event);
            Box::pin(task.ready_with(self.goal, &mut show)).await?;
            return task.result(Action::Wait).await.map(|result| (Outcome::success(result), None));
        }
        let exit =
            self.display.until_end(self.at, self.title, Box::pin(task.wait_unless(&self.goal.fail_on)));
        let exit = self.in_time(exit, too_long).await?;
        Ok((ended(self.app, task, exit).await, Some(exit)))
    }
}

/// An outcome with the task's exit code as cube's own. The task is inspected only if a result is printed.
async fn ended(app: &App, task: &RunningTask, exit: Exit) -> Outcome {
    let cause = cause_of(task, exit.code).await;
    let nothing = || DockerResult::success(Action::Wait);
    let known = match app.output() {
        OutputFormat::Text => nothing(),
        _ => task.result(Action::Wait).await.unwrap_or_else(|_| nothing()),
    };
    Outcome::of_task(exit.code, DockerResult { cause, ..known })
}

fn unanswered() -> Error {
    Error::new(ErrorKind::TimedOut, "the engine has not answered")
        .with_hint("`docker version` shows whether it answers at all; give it longer with --timeout")
}

fn too_long() -> Error {
    Error::new(ErrorKind::TimedOut, "the task still runs").with_hint("give it longer with --timeout")
}
