//! The start of a task: it is created, its id written to a file, and started. If that fails, nothing is left.

use std::{path::Path, time::Instant};

use cube::{AttachOptions, Error, Follow, Input, Run, RunningTask};
use futures_util::FutureExt;

use crate::cli::{
    cidfile,
    outcome::Outcome,
    record::Record,
    session::{Session, supervisor::Supervisor},
};

impl<'a> Supervisor<'a> {
    /// Creates and starts the task. If that fails, nothing is left, and the outcome has the reason.
    pub async fn start(mut self) -> Result<Session<'a>, Box<Outcome>> {
        let steps = start(&mut self.run, self.cidfile.as_deref(), &self.record).boxed();
        match self.signals.unless_one_comes(steps).await {
            Ok(task) => Ok(Session { task, shown: false, supervisor: self }),
            Err(error) => Err(self.fail(error).boxed().await),
        }
    }

    /// The same with its streams connected before it starts.
    pub async fn start_attached(
        mut self,
        streams: &AttachOptions,
    ) -> Result<(Session<'a>, Follow, Option<Input>), Box<Outcome>> {
        let steps = start_attached(&mut self.run, self.cidfile.as_deref(), streams, &self.record).boxed();
        match self.signals.unless_one_comes(steps).await {
            Ok((task, output, input)) => {
                self.waits.beside(self.record.output().clone(), streams.tty);
                Ok((Session { task, shown: true, supervisor: self }, output, input))
            }
            Err(error) => Err(self.fail(error).boxed().await),
        }
    }

    async fn fail(self, error: Error) -> Box<Outcome> {
        let error = self.hints.fit(error, self.config());
        let known = self.known();
        self.failed(known, error).await
    }
}

async fn start(run: &mut Run<'_>, cidfile: Option<&Path>, record: &Record) -> Result<RunningTask, Error> {
    let task = create(run, cidfile, record).await?;
    let begun = Instant::now();
    let started = run.start(task.clone()).boxed().await?;
    replaced(&task, &started, cidfile, record)?;
    record.started(&started, begun);
    Ok(started)
}

async fn start_attached(
    run: &mut Run<'_>,
    cidfile: Option<&Path>,
    streams: &AttachOptions,
    record: &Record,
) -> Result<(RunningTask, Follow, Option<Input>), Error> {
    let task = create(run, cidfile, record).await?;
    let begun = Instant::now();
    let (started, output, input) = run.start_attached(task.clone(), streams).boxed().await?;
    replaced(&task, &started, cidfile, record)?;
    record.started(&started, begun);
    Ok((started, output, input))
}

/// Writes the id again if the start needed another container than the first.
fn replaced(
    first: &RunningTask,
    task: &RunningTask,
    cidfile: Option<&Path>,
    record: &Record,
) -> Result<(), Error> {
    if first.id() == task.id() {
        return Ok(());
    }
    record.created(task, Instant::now());
    if let Some(path) = cidfile {
        cidfile::remove_own(path, first.id());
        cidfile::write(path, task.id())?;
    }
    Ok(())
}

/// Creates the task, and writes its id as soon as there is one.
async fn create(run: &mut Run<'_>, cidfile: Option<&Path>, record: &Record) -> Result<RunningTask, Error> {
    let begun = Instant::now();
    let task = run.create().boxed().await?;
    record.created(&task, begun);
    if let Some(path) = cidfile {
        cidfile::write(path, task.id())?;
    }
    Ok(task)
}
