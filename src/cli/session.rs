//! A task that cube watches over: guarded from before it exists, and removed if it fails or is interrupted.

mod hint;
mod removal;
mod start;
pub mod supervisor;

use std::time::Instant;

use cube::{
    Action, Details, DockerResult, Error, ErrorKind, RunningTask, State, StopOptions, Stopped, Unheard,
};
use tokio::time::timeout;

use crate::cli::{
    copies::{self, Fetched},
    outcome::Outcome,
    output::{changing_line, stdio, stops},
    record::{LAST_LINES, SOON, phases::Phase, secrets::Secrets},
    session::supervisor::Supervisor,
    signals::{KILL, LAST},
};

/// A task that was started, and what watches over it.
pub struct Session<'a> {
    pub task: RunningTask,
    /// Whether its output is shown while it runs.
    shown: bool,
    pub supervisor: Supervisor<'a>,
}

impl Session<'_> {
    /// Waits for the conditions of the task's config. A failure is shown at once, unless the task's output is shown:
    /// then after the rest of the output.
    pub async fn ready(&mut self) -> Result<(), Error> {
        let begun = Instant::now();
        let met = self.supervisor.signals.unless_one_comes(self.supervisor.run.ready(&self.task)).await;
        // They may quote the task's output.
        let met = met.map_err(|error| {
            let secrets = Secrets::of(&self.supervisor.config().process.env);
            error.with_causes(|cause| secrets.named(cause))
        });
        changing_line::clear();
        if !self.supervisor.config().readiness.wait_for.is_empty() {
            self.supervisor.record.took(Phase::Ready, begun);
        }
        if let Err(error) = &met
            && !self.shown
        {
            self.report_unready(error, None).await;
        }
        met
    }

    /// Ends the task with a failure: nothing is left, and the outcome has the reason.
    pub async fn fail(mut self, error: Error) -> Outcome {
        if error.kind() != ErrorKind::TaskDied {
            self.supervisor.record.ends_task();
        }
        if error.kind() == ErrorKind::Interrupted {
            self.announce_stop();
            let _ = self.stop_process(Unheard::KillIfIdle).await;
        }
        if matches!(copies::fetch_failed(&mut self.supervisor, &self.task).await, Fetched::LeftToGuard) {
            let result = DockerResult { state: Some(State::Failed), ..self.supervisor.known() };
            return Outcome {
                error_shown: self.supervisor.error_shown,
                ..Outcome::failed_start(result, error)
            };
        }
        // The engine knows how the task ended only until it is removed.
        let known = match error.kind() {
            ErrorKind::TaskDied => self.last_word().await,
            // It still runs; an engine that hangs must not delay the end.
            ErrorKind::FailOn | ErrorKind::TimedOut | ErrorKind::Unhealthy => {
                let known = self.supervisor.known();
                timeout(SOON, self.last_word()).await.unwrap_or(known)
            }
            _ => self.supervisor.known(),
        };
        *self.supervisor.failed(known, error).await
    }

    /// Makes the guard end HOST-COMMAND if cube is killed: one that is about to start, then its process `pid`.
    pub fn watch_host(&self, pid: Option<u32>) {
        self.supervisor.guard.watch_host(pid);
    }

    /// Tells the guard that HOST-COMMAND has ended.
    pub fn forget_host(&self) {
        self.supervisor.guard.forget_host();
    }

    /// Lets the task run on without cube.
    pub fn release(self) {
        self.supervisor.guard.release();
    }

    /// Lets the task run on without cube; the guard removes it at its end.
    pub fn release_until_end(self) {
        self.supervisor.guard.release_until_end();
    }

    /// What is known of the task at its end, if a result is wanted.
    pub async fn last_word(&mut self) -> DockerResult {
        let supervisor = &mut self.supervisor;
        if !supervisor.wants_result {
            return supervisor.known();
        }
        let asked = supervisor.signals.ask(self.task.result(Action::Start)).await;
        supervisor.engine_is_silent |=
            asked.as_ref().is_none_or(|asked| asked.as_ref().is_err_and(Error::is_passing));
        let mut result = asked.and_then(Result::ok).unwrap_or_else(|| supervisor.known());
        result.ports.clear();
        result
    }

    /// Asks the task to end and waits for it; a second signal kills it, and a third ends the wait. `unheard` says what
    /// to do with a task that does not handle the stop signal.
    pub async fn stop_process(&mut self, unheard: Unheard) -> Result<(), Error> {
        let (own_grace, options) = (self.own_grace(), StopOptions { unheard, ..StopOptions::default() });
        let Self { task, supervisor, .. } = self;
        let (title, quiet, begun) = (supervisor.title(), supervisor.app.global.quiet, Instant::now());
        let stop = stops::reported_if_slow(&title, own_grace, quiet, task.stop_process(&options, own_grace));
        let stopped = if let Some(stopped) = supervisor.signals.until(KILL, stop).await {
            stopped
        } else {
            let killed = supervisor.signals.until(LAST, task.kill(None)).await.unwrap_or(Ok(()));
            killed.map(|()| Stopped::default())
        };
        supervisor.record.took(Phase::Stop, begun);
        supervisor.engine_is_silent |= stopped.as_ref().is_err_and(Error::is_passing);
        stops::explain(&title, quiet, stopped?.unheard);
        Ok(())
    }

    /// The grace from the task's config, in seconds.
    pub fn own_grace(&self) -> Option<i64> {
        self.supervisor.config().process.stop_timeout.map(i64::from)
    }

    /// Announces a stop that may take the task's grace.
    pub fn announce_stop(&self) {
        stdio::note(&format!("stopping {}; the next signal (Ctrl-C) kills it", self.supervisor.title()));
    }

    /// Shows why the task is not ready, then its state (`details` if it was read before) and its last lines.
    pub async fn report_unready(&mut self, error: &Error, details: Option<Details>) {
        if error.kind() == ErrorKind::Interrupted {
            return;
        }
        let Self { task, shown, supervisor } = self;
        stdio::error(error, supervisor.app.colors_errors());
        supervisor.error_shown = true;
        let title = supervisor.title();
        let Supervisor { record, run, signals, .. } = supervisor;
        if let Some(observed) = run.observed() {
            let code = observed.exit.code;
            let state = if code == 0 { State::Completed } else { State::Failed };
            stdio::step(&format!("state: {state:?}, exit code: {code}"));
            return record.show_lines_of(&observed.last_output, &title, LAST_LINES);
        }
        let report = async {
            let details = match details {
                Some(details) => Ok(details),
                None => task.inspect().await,
            };
            if let Ok(details) = details {
                record.show_unready(task, &details, &title, *shown).await;
            }
        };
        let _ = signals.ask(Box::pin(report)).await;
    }
}
