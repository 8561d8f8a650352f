//! Reads the output of a container or a service to its end.

use crate::{
    docker::{
        container::exit::Exit,
        deadline::{Deadline, in_time},
        details::Details,
        handle::RunningTask,
        id::EngineId,
        output::{
            attach::{AttachOptions, Attachment, Input},
            follow,
            frames::Chunk,
            logs::LogOptions,
        },
        swarm,
    },
    error::Error,
    event::Events,
};

impl RunningTask {
    /// Starts its process with its streams connected before, so that no byte is lost. A swarm cannot connect streams:
    /// there the output comes from the log, and there is no input. `restarts` says whether a policy may restart it when
    /// it ends.
    pub(crate) async fn start_attached(
        &self,
        streams: &AttachOptions,
        restarts: bool,
        deadline: Option<Deadline>,
        events: Events<'_>,
    ) -> Result<(Follow, Option<Input>), Error> {
        match self.id() {
            EngineId::Container(id) => {
                let (attachment, input) =
                    in_time(deadline, "started", self.docker().attach_container(id, streams)).await?;
                self.start(deadline, events).await?;
                Ok((self.follow(attachment, restarts), Some(input)))
            }
            EngineId::Service(_) => {
                self.start(deadline, events).await?;
                let all = LogOptions { follow: true, ..LogOptions::default() };
                Ok((self.logs(&all).await?, None))
            }
        }
    }

    /// Its output from an attachment on, to its end. `restarts` says whether a policy may restart it when it ends.
    #[must_use]
    pub fn follow(&self, attachment: Attachment, restarts: bool) -> Follow {
        Follow(FollowKind::Container(Box::new(follow::ContainerOutput::of(self, attachment, restarts))))
    }

    /// Its output so far and, if the options ask for it, until its end.
    ///
    /// # Errors
    /// [`ErrorKind::TaskNotFound`](crate::ErrorKind::TaskNotFound), or the engine's refusal (for example a log driver
    /// that cannot be read back).
    pub async fn logs(&self, options: &LogOptions) -> Result<Follow, Error> {
        self.logs_of(&self.inspect().await?, options).await
    }

    /// The same for a caller that has just read the task's `details`, which saves a request.
    ///
    /// # Errors
    /// As [`RunningTask::logs`].
    pub async fn logs_of(&self, details: &Details, options: &LogOptions) -> Result<Follow, Error> {
        Ok(Follow(match self.id() {
            EngineId::Container(_) => {
                FollowKind::Container(Box::new(follow::ContainerOutput::open(self, details, options).await?))
            }
            EngineId::Service(_) => {
                FollowKind::Service(Box::new(self.docker().follow_service(details, options)?))
            }
        }))
    }
}

/// The output of one task, to its end.
pub struct Follow(FollowKind);

enum FollowKind {
    Container(Box<follow::ContainerOutput>),
    Service(Box<swarm::output::ServiceOutput>),
}

impl Follow {
    /// The next piece, or `None` when the task has ended and all of its output was returned. Dropping the future loses
    /// nothing.
    ///
    /// # Errors
    /// [`ErrorKind::EngineUnreachable`](crate::ErrorKind::EngineUnreachable) if the engine went away and did not come
    /// back within 30 s, [`ErrorKind::TaskNotFound`](crate::ErrorKind::TaskNotFound) if the container was removed
    /// meanwhile.
    pub async fn next(&mut self) -> Result<Option<Chunk>, Error> {
        match &mut self.0 {
            FollowKind::Container(output) => output.next().await,
            FollowKind::Service(output) => output.next().await,
        }
    }

    /// Ends the output after what has been written by now. `false` for a service, whose log has no end.
    pub(crate) fn stop_following(&mut self) -> bool {
        match &mut self.0 {
            FollowKind::Container(output) => output.stop_following(),
            FollowKind::Service(_) => return false,
        }
        true
    }

    /// How the task ended, after [`Follow::next`] has returned `None`.
    #[must_use]
    pub fn exit(&self) -> Option<Exit> {
        match &self.0 {
            FollowKind::Container(output) => output.exit(),
            FollowKind::Service(output) => output.exit(),
        }
    }
}
