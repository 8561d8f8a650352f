//! The verbs that meet a task which is there.

use cube::{Docker, Error, ExecOptions, StopOptions, Stream, TaskRef};

use crate::callers::{Caller, Ending};

impl Caller {
    fn named(&self) -> Result<TaskRef, Error> {
        self.plan.name.unwrap_or("web").parse()
    }

    pub(super) async fn stop(&self) -> Result<Ending, Error> {
        let stopped = self.connect().stop(&self.named()?, &StopOptions::default()).await?;
        self.check_stopped(&stopped.container_id.unwrap_or_default(), stopped.exit_code);
        Ok(Ending::Done)
    }

    pub(super) async fn exec(&self) -> Result<Ending, Error> {
        let (task, _) = self.connect().find(&self.named()?).await?;
        let options = ExecOptions { command: self.plan.program.words(), ..ExecOptions::default() };
        let (mut exec, _input) = task.exec(&options).await?;
        let id = exec.id().to_owned();
        while let Some(chunk) = exec.next().await? {
            let mut report = self.report();
            match chunk.stream {
                Stream::Stdout => report.stdout.extend_from_slice(&chunk.bytes),
                Stream::Stderr => report.stderr.extend_from_slice(&chunk.bytes),
            }
            drop(report);
            self.check_command(&id, None);
        }
        let code = exec.code().await?;
        self.check_command(&id, Some(code));
        Ok(Ending::Exited(code))
    }
}

/// What `cube prune` does.
pub async fn prune(docker: &Docker) -> Result<(), Error> {
    let tasks = docker.prunable().await?;
    let networks = docker.prunable_networks(&tasks).await?;
    let mut failed = None;
    for task in &tasks {
        failed = docker.remove_listed(task).await.err().or(failed);
    }
    for network in &networks {
        failed = docker.remove_network_of(network).await.err().or(failed);
    }
    failed.map_or(Ok(()), Err)
}
