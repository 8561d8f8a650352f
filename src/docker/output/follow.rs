//! Reads a task's output to its end, even if the connection breaks: reading resumes from the log at the byte where it
//! stopped, also after a restart of the engine, or of the task by its policy.
//!
//! An engine ends a followed log when the container ends, and may miss what was written at that moment. So the rest of
//! the log is requested once more.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::{
    docker::{
        container::exit::Exit,
        details::Details,
        handle::RunningTask,
        http::{patience::when_back, refusal::text::EngineText},
        output::{
            attach::Attachment,
            cursor::Cursor,
            frames::{Chunk, Stream},
            logs::{LOSES_NEWLINES, LogOptions, Logs},
            tail::Tail,
        },
    },
    error::{Error, ErrorKind},
};

/// How long the end of the output may come before the end of the process; after that, the log is read for more.
const END_LAG: Duration = Duration::from_secs(1);
/// The pause before the log of a running task is opened again that gave nothing new.
const AGAIN: Duration = Duration::from_millis(250);

/// Reads the output of one container to its end.
pub(crate) struct ContainerOutput {
    task: RunningTask,
    source: FollowSource,
    options: LogOptions,
    restarts: bool,
    delivered: Count,
    exit: Option<Exit>,
    /// When to stop reading, even if the task has not ended.
    until: Option<Instant>,
    /// Whether the source broke off. The caller may drop [`ContainerOutput::next`] before another one is open, and what
    /// broke off once may say then that it ended.
    is_broken: bool,
}

enum FollowSource {
    Attached(Attachment),
    Log {
        log: Box<Logs>,
        /// How much of it was returned before, and is skipped.
        known: Count,
        /// Whether its container was running when it was opened.
        live: bool,
        /// What had been delivered when it was opened.
        begun: Count,
        /// The start of the process that ran, or had run last, when it was opened.
        of: Option<DateTime<Utc>>,
    },
    Ended,
}

/// A number of bytes for each stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    stdout: u64,
    stderr: u64,
}

impl Count {
    pub(crate) fn of(&mut self, stream: Stream) -> &mut u64 {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    /// Skips this many bytes of the chunk's stream, and returns the rest of `chunk`. The number goes down by the bytes
    /// skipped.
    pub(crate) fn new_part(&mut self, mut chunk: Chunk) -> Option<Chunk> {
        let left = self.of(chunk.stream);
        let old = usize::try_from(*left).unwrap_or(usize::MAX).min(chunk.bytes.len());
        *left -= old as u64;
        let bytes = chunk.bytes.split_off(old);
        (!bytes.is_empty()).then_some(Chunk { stream: chunk.stream, bytes })
    }
}

impl ContainerOutput {
    /// The output of a container from its attachment on. `restarts` says whether a policy may restart it when it ends.
    pub(crate) fn of(task: &RunningTask, attachment: Attachment, restarts: bool) -> Self {
        Self {
            task: task.clone(),
            source: FollowSource::Attached(attachment),
            options: LogOptions { follow: true, ..LogOptions::default() },
            restarts,
            delivered: Count::default(),
            exit: None,
            until: None,
            is_broken: false,
        }
    }

    /// The output of a container from its log.
    pub(crate) async fn open(
        task: &RunningTask,
        container: &Details,
        options: &LogOptions,
    ) -> Result<Self, Error> {
        let mut output = Self {
            task: task.clone(),
            source: FollowSource::Ended,
            options: options.clone(),
            restarts: true,
            delivered: Count::default(),
            exit: None,
            until: options.until.map(instant),
            is_broken: false,
        };
        output.source = if options.follow {
            output.open_log(container, true, Cursor::new(options.tail), Count::default()).await?
        } else {
            // The last lines may have changed when they are requested again.
            let times = options.tail != Tail::All && container.log_driver == LOSES_NEWLINES;
            let log = if times {
                let cursor = Some(Cursor::new(options.tail));
                task.docker().container_log(container, options, cursor).await?
            } else {
                task.log_once(container, options).await?
            };
            let known = Count::default();
            FollowSource::Log {
                log: Box::new(log),
                known,
                live: false,
                begun: known,
                of: container.started_at,
            }
        };
        Ok(output)
    }

    /// As [`crate::Follow::next`].
    pub(crate) async fn next(&mut self) -> Result<Option<Chunk>, Error> {
        loop {
            if self.is_broken {
                self.resume().await?;
            }
            if matches!(&self.source, FollowSource::Log { log, .. } if log.needs_times()) {
                let container = self.container().await?;
                let (follow, cursor) = (self.options.follow, Cursor::new(self.options.tail));
                self.source = self.open_log(&container, follow, cursor, self.delivered).await?;
            }
            match self.piece_in_time().await {
                Ok(Some(chunk)) => {
                    *self.delivered.of(chunk.stream) += chunk.bytes.len() as u64;
                    return Ok(Some(chunk));
                }
                Ok(None) if matches!(self.source, FollowSource::Ended) => return Ok(None),
                Ok(None) => self.go_on().await?,
                Err(error) if error.kind() == ErrorKind::ConnectionLost && self.options.follow => {
                    self.is_broken = true;
                }
                Err(error) => self.end_if_removed(error).await?,
            }
        }
    }

    /// As [`crate::Follow::stop_following`].
    pub(crate) fn stop_following(&mut self) {
        self.until = Some(Instant::now());
    }

    /// As [`crate::Follow::exit`].
    pub(crate) fn exit(&self) -> Option<Exit> {
        self.exit
    }

    /// The next piece until the time limit; after it, the log is read once more for output written before.
    async fn piece_in_time(&mut self) -> Result<Option<Chunk>, Error> {
        let Some(until) = self.until.filter(|_| self.options.follow) else { return self.piece().await };
        if let Ok(piece) = timeout_at(until, self.piece()).await {
            return piece;
        }
        // Only once the last look is open is the limit over: the caller may drop this future before.
        let (source, exit) = match self.last_look().await {
            Err(error) if error.kind() == ErrorKind::TaskNotFound => (FollowSource::Ended, None),
            opened => opened?,
        };
        self.options.follow = false;
        self.go_on_from(source, exit);
        self.piece().await
    }

    /// The log of what was written by now.
    async fn last_look(&self) -> Result<(FollowSource, Option<Exit>), Error> {
        self.opened(self.container().await?, false).await
    }

    async fn piece(&mut self) -> Result<Option<Chunk>, Error> {
        match &mut self.source {
            FollowSource::Attached(attachment) => attachment.next().await,
            FollowSource::Log { log, known, .. } => loop {
                let Some(chunk) = log.next().await? else { return Ok(None) };
                if let Some(new) = known.new_part(chunk) {
                    return Ok(Some(new));
                }
            },
            FollowSource::Ended => Ok(None),
        }
    }

    /// Decides after the end of a source: the output has ended, or only a connection was closed too early.
    async fn go_on(&mut self) -> Result<(), Error> {
        if matches!(self.source, FollowSource::Attached(_)) && !self.restarts {
            match timeout(END_LAG, self.task.wait()).await {
                Ok(Ok(exit)) => {
                    self.end(exit);
                    return Ok(());
                }
                Ok(Err(error)) if !error.is_passing() => return Err(error),
                _ => {}
            }
        }
        if !self.options.follow {
            self.source = FollowSource::Ended;
            return Ok(());
        }
        match self.rest().await {
            // The container was removed at its end: its log was complete.
            Err(error)
                if error.kind() == ErrorKind::TaskNotFound
                    && matches!(self.source, FollowSource::Log { .. }) =>
            {
                self.source = FollowSource::Ended;
                Ok(())
            }
            gone_on => gone_on,
        }
    }

    /// Ends the output if a followed log broke off because the container is removed: at the log's end, the engine looks
    /// for its next file, and finds none. Otherwise returns the error.
    async fn end_if_removed(&mut self, error: Error) -> Result<(), Error> {
        let is_followed = self.options.follow && matches!(self.source, FollowSource::Log { .. });
        let said = error.causes().last().map(|said| EngineText::of(said.trim_end()).is_of_a_missing_file());
        if !is_followed || said != Some(true) {
            return Err(error);
        }
        match self.container().await {
            Ok(container) if container.is_going() => self.end(Exit { code: container.exit_code }),
            Err(gone) if gone.kind() == ErrorKind::TaskNotFound => self.source = FollowSource::Ended,
            _ => return Err(error),
        }
        Ok(())
    }

    /// Opens the rest of the log, unless the log's end was reached after the container's end.
    async fn rest(&mut self) -> Result<(), Error> {
        let container = self.container().await?;
        // A process that ran since then, between two looks, wrote more.
        let whole = matches!(&self.source, FollowSource::Log { live: false, log, of, .. }
            if !log.is_astray() && *of == container.started_at);
        if whole && !container.is_alive() {
            self.end(Exit { code: container.exit_code });
            return Ok(());
        }
        self.reopen(container).await
    }

    /// Waits for the engine and opens the log where the output stopped; ends if nothing is missing.
    async fn resume(&mut self) -> Result<(), Error> {
        let container = self.container().await?;
        self.reopen(container).await
    }

    async fn container(&self) -> Result<Details, Error> {
        when_back(|| self.task.inspect_decided()).await
    }

    /// Whether its log ended or broke without a new byte.
    fn gave_nothing(&self) -> bool {
        matches!(&self.source, FollowSource::Log { begun, .. } if *begun == self.delivered)
    }

    async fn reopen(&mut self, container: Details) -> Result<(), Error> {
        // While the task waits for its restart the engine ends each log at once, and no event reports the restart.
        if self.options.follow && container.is_alive() && self.gave_nothing() {
            sleep(AGAIN).await;
        }
        let (source, exit) = self.opened(container, self.options.follow).await?;
        self.go_on_from(source, exit);
        Ok(())
    }

    fn go_on_from(&mut self, source: FollowSource, exit: Option<Exit>) {
        (self.source, self.exit, self.is_broken) = (source, exit.or(self.exit), false);
    }

    /// The log from where the output stopped, or the task's end if the log cannot be read any more.
    async fn opened(&self, container: Details, follow: bool) -> Result<(FollowSource, Option<Exit>), Error> {
        match self.opened_at_once(&container, follow).await {
            // The engine answered while it was shutting down.
            Err(error) if error.is_passing() => {
                when_back(|| async { self.opened_at_once(&self.container().await?, follow).await }).await
            }
            opened => opened,
        }
    }

    async fn opened_at_once(
        &self,
        container: &Details,
        follow: bool,
    ) -> Result<(FollowSource, Option<Exit>), Error> {
        if container.is_going() && matches!(self.source, FollowSource::Log { .. }) {
            return Ok((FollowSource::Ended, Some(Exit { code: container.exit_code })));
        }
        // A log with timestamps resumes at its cursor; for any other log, the known bytes are skipped.
        let (cursor, known) = match &self.source {
            FollowSource::Log { log, known, .. } if log.cursor().is_some() => {
                let cursor = log.cursor().unwrap_or_default();
                let ended = !container.is_alive() && !log.is_astray();
                (if ended { cursor.seen_from_end() } else { cursor }, *known)
            }
            _ => (Cursor::new(self.options.tail), self.delivered),
        };
        Ok((self.open_log(container, follow, cursor, known).await?, None))
    }

    async fn open_log(
        &self,
        container: &Details,
        follow: bool,
        cursor: Cursor,
        known: Count,
    ) -> Result<FollowSource, Error> {
        let live = container.is_alive() && follow;
        let options = LogOptions { follow: live, ..self.options.clone() };
        let log = Box::new(self.task.docker().container_log(container, &options, Some(cursor)).await?);
        // Without timestamps the rest cannot be requested.
        let live = live && log.cursor().is_some();
        Ok(FollowSource::Log { log, known, live, begun: self.delivered, of: container.started_at })
    }

    fn end(&mut self, exit: Exit) {
        self.exit = Some(exit);
        self.source = FollowSource::Ended;
    }
}

/// The wall-clock time `time` as an `Instant`; now if it has passed.
fn instant(time: DateTime<Utc>) -> Instant {
    Instant::now() + (time - Utc::now()).to_std().unwrap_or_default()
}
