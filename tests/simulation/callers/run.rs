//! `cube run` in the foreground and in the background, and `docker.run(config).await` of the library.

use std::sync::{Arc, atomic::Ordering};

use cube::{
    AttachOptions, Docker, EngineId, Error, ErrorKind, Event, Follow, Lifetime, LogOptions, Run, RunningTask,
    StopOptions, Stream, Task,
};

use crate::{
    callers::{ASKED, Caller, Ending, MADE, NOTHING, owner, plan::Verb, signal},
    planted::Planted,
};

impl Caller {
    fn task(&self) -> Task {
        let mut task = Task::new(self.plan.config());
        task.id = self.plan.task;
        task
    }

    pub(super) async fn run(&self, lifetime: Lifetime) -> Result<Ending, Error> {
        let docker = self.connect();
        if self.plan.verb == Verb::Replace {
            docker.replace(&self.plan.config()).await?;
        }
        let word = Arc::clone(&self.word);
        let mut run = docker.run(self.task()).owned_by(owner(lifetime)).on_event(move |event| match event {
            Event::Creating => word.store(ASKED, Ordering::Relaxed),
            Event::Created => word.store(MADE, Ordering::Relaxed),
            Event::PullStarted { .. } => word.store(NOTHING, Ordering::Relaxed),
            _ => {}
        });
        let ended = {
            let steps = async {
                match lifetime {
                    Lifetime::ForLife => self.foreground(&mut run).await,
                    Lifetime::UntilStarted => self.detached(&mut run).await,
                }
            };
            tokio::select! {
                biased;
                () = signal(self.plan.signalled) => Ok(Ending::Interrupted),
                ended = steps => ended,
            }
        };
        if matches!(ended, Ok(Ending::Left)) {
            self.report().released = true;
            return ended;
        }
        if let Err(error) = &ended {
            self.check_reason(error);
        }
        let started = self.report().container.clone();
        if let (Ok(Ending::Interrupted), Some(id)) = (&ended, started) {
            let task = docker.handle(EngineId::Container(id));
            let _ = task.stop_process(&StopOptions::default(), None).await;
        }
        self.discard(&docker, &mut run, ended.as_ref().err()).await;
        ended
    }

    async fn foreground(&self, run: &mut Run<'_>) -> Result<Ending, Error> {
        let task = run.create().await?;
        self.made(&task);
        let (task, mut output, _input) = run.start_attached(task, &AttachOptions::default()).await?;
        self.made(&task);
        self.read(&mut output).await?;
        self.check_ended(&task);
        let lost = || Error::new(ErrorKind::ConnectionLost, "the engine did not say how the task ended");
        output.exit().map(|exit| Ending::Exited(exit.code)).ok_or_else(lost)
    }

    async fn detached(&self, run: &mut Run<'_>) -> Result<Ending, Error> {
        let task = run.create().await?;
        self.made(&task);
        let task = run.start(task).await?;
        self.made(&task);
        run.ready(&task).await?;
        self.check_ready(&task);
        Ok(Ending::Left)
    }

    fn made(&self, task: &RunningTask) {
        self.report().container = Some(task.id().to_string());
    }

    async fn read(&self, output: &mut Follow) -> Result<(), Error> {
        while let Some(chunk) = output.next().await? {
            let mut report = self.report();
            match chunk.stream {
                Stream::Stdout => report.stdout.extend_from_slice(&chunk.bytes),
                Stream::Stderr => report.stderr.extend_from_slice(&chunk.bytes),
            }
        }
        Ok(())
    }

    async fn discard(&self, docker: &Docker, run: &mut Run<'_>, error: Option<&Error>) {
        let planted = self.engine.world.with(|model| model.planted);
        if planted == Planted::ForgottenCreate && run.task().engine_id().is_none() {
            self.let_go();
            return;
        }
        if let (Planted::ForeignRemoval, Some(name), Some(ErrorKind::NameTaken)) =
            (planted, self.plan.name, error.map(Error::kind))
        {
            let _ = docker.handle(EngineId::Container(name.to_owned())).remove().await;
        }
        match run.discard().await {
            Ok(true) => self.let_go(),
            Ok(false) => self.note("nothing came yet"),
            Err(error) => self.note(&format!("cannot discard: {error}")),
        }
    }

    /// Nothing is left of the task, nor will be.
    fn let_go(&self) {
        self.report().released = true;
        let task = self.plan.task.to_string();
        self.engine.world.with(|model| {
            if model.of_task(&task).next().is_some() {
                model.violated(format!("task {task} was let go and is still there"));
            }
            model.released.insert(task);
        });
    }

    pub(super) async fn awaited(&self) -> Result<Ending, Error> {
        let docker = self.connect();
        let run = docker.run(self.task()).owned_by(owner(Lifetime::ForLife));
        let task = run.await.inspect_err(|error| self.check_reason(error))?;
        self.made(&task);
        self.check_ready(&task);
        if self.plan.ends() {
            let follow = LogOptions { follow: true, ..LogOptions::default() };
            self.read(&mut task.logs(&follow).await?).await?;
        }
        let result = task.stop(&StopOptions::default()).await?;
        let (id, code) = (task.id().to_string(), result.exit_code);
        self.check_stopped(&id, code);
        Ok(code.map_or(Ending::Done, Ending::Exited))
    }
}
