//! The end of a task: it is recorded and removed.

use std::{pin::pin, time::Instant};

use cube::{DockerResult, Error, ErrorKind, Signal, State};

use crate::cli::{
    cidfile,
    outcome::Outcome,
    output::stdio,
    record::{End, phases::Phase},
    session::supervisor::Supervisor,
    signals::{LAST, Signals},
};

impl Supervisor<'_> {
    /// Removes everything of the task, and puts into `result` what is left. If that fails, the guard stays and tries
    /// again. A third signal leaves the removal to the guard, and is an error.
    pub async fn discard(mut self, result: &mut DockerResult) -> Result<(), Error> {
        let engine_id = self.run.task().engine_id().map(ToString::to_string);
        let (title, begun) = (self.title(), Instant::now());
        let discarded = last_request(&mut self.signals, &title, Box::pin(self.run.discard())).await;
        self.record.took(Phase::Remove, begun);
        result.container_id = None;
        match discarded {
            Some(Ok(true)) => self.guard.release(),
            // The create request had no effect so far, but still may have one.
            Some(Ok(false)) => {}
            Some(Err(error)) => {
                stdio::note(&format!(
                    "the container may still be there ({error}); a process in the background removes it \
                     once the engine answers, else `cube stop {}` does",
                    self.run.task().id
                ));
                result.container_id = engine_id.or_else(|| error.container_id().map(str::to_owned));
            }
            None => result.container_id = engine_id,
        }
        self.signals.ended_by().map_or(Ok(()), |signal| Err(left_to_guard(signal)))
    }

    /// Removes everything of a task that failed. The error stays the first one, even if the removal fails.
    pub(super) async fn failed(mut self, known: DockerResult, error: Error) -> Box<Outcome> {
        let mut result = DockerResult { state: Some(State::Failed), ..known };
        let by_cube = error.kind() == ErrorKind::Interrupted;
        self.record.ended();
        let code = self.run.observed().map(|observed| observed.exit.code);
        self.conclude(End { code, by_cube, error: Some(&error), command_failed: false }, &mut result).await;
        let error_shown = self.error_shown;
        if let (Some(path), Some(id)) = (self.cidfile.take(), self.run.task().engine_id()) {
            cidfile::remove_own(&path, id);
        }
        let _ = self.discard(&mut result).await;
        Box::new(Outcome { error_shown, ..Outcome::failed_start(result, error) })
    }

    /// Records everything that can be known only until the task is removed.
    pub async fn conclude(&mut self, end: End<'_>, result: &mut DockerResult) {
        let task = self.run.task().engine_id().filter(|_| !self.engine_is_silent);
        let task = task.map(|id| self.docker.handle(id.clone()));
        let concluded = self.record.conclude(task.as_ref(), &self.run.task().config, end, result);
        self.engine_is_silent |= self.signals.ask(Box::pin(concluded)).await.is_none();
    }
}

/// A request that is necessary at a task's end: only a third signal cancels it.
async fn last_request<T>(signals: &mut Signals, title: &str, request: impl Future<Output = T>) -> Option<T> {
    let mut request = pin!(request);
    while signals.came() < LAST {
        if let Some(done) = signals.until(signals.came() + 1, &mut request).await {
            return Some(done);
        }
        let left = LAST.saturating_sub(signals.came());
        if left > 0 {
            let more = if left == 1 { "another signal leaves" } else { "two more signals leave" };
            stdio::note(&format!("removing {title}; {more} that to the background"));
        }
    }
    None
}

fn left_to_guard(signal: Signal) -> Error {
    Error::interrupted(signal)
        .with_hint("a process in the background goes on; `cube ps -a` shows what is left")
}
