//! Reads a service's output: placement after placement, each complete and in order.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::{
    docker::{
        Docker,
        container::exit::Exit,
        details::Details,
        http::patience::when_back,
        output::{
            follow::Count,
            frames::Chunk,
            log_body::LogBody,
            logs::{self, LogOptions, Logs},
            tail::Tail,
        },
        swarm::{POLL, answer::ServiceTask, lost, refused::unsupported, snapshot::Snapshot},
    },
    error::{Error, ErrorKind},
};

/// How long the last output of a removed task may take to come through the swarm.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Reads the output of one service to its end.
pub(in crate::docker) struct ServiceOutput {
    docker: Docker,
    service: Details,
    options: LogOptions,
    current: Option<PlacementLog>,
    /// The placements whose output was returned.
    given: Vec<String>,
    exit: Option<Exit>,
}

/// The log of one placement. Swarm does not end a followed log.
struct PlacementLog {
    task: String,
    log: Logs,
    /// The index of the manager that sends it.
    manager: usize,
    delivered: Count,
    /// How much of this log was returned before, and is skipped.
    skip: Count,
    end: LogEnd,
}

/// The result of reading a log for some time.
enum Came {
    Piece(Chunk),
    End,
    /// The connection broke.
    Broken,
    Nothing,
}

/// How the end of a placement's log is recognized.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LogEnd {
    /// There is no end yet: the task runs.
    Open,
    /// The log itself ends, because it is not followed.
    Own,
    /// No output for some time: the task is being removed, with its log.
    Silence,
}

impl Docker {
    /// The logs of all placements of a service, as the manager sends them.
    pub(in crate::docker) async fn service_log(
        &self,
        service: &Details,
        options: &LogOptions,
    ) -> Result<Logs, Error> {
        self.log_at(&format!("/services/{}", service.id), service, options).await
    }

    async fn log_at(&self, place: &str, service: &Details, options: &LogOptions) -> Result<Logs, Error> {
        let answer = self.managers.stream(&format!("{place}/logs?{}", logs::query(options))).await?;
        Ok(Logs::read(LogBody::Open(answer), service, self.managers.current().engine(), options.timestamps))
    }

    /// The output of a service; without `follow`, of its placements so far.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for an `until`, which Swarm's logs do not support.
    pub(in crate::docker) fn follow_service(
        &self,
        service: &Details,
        options: &LogOptions,
    ) -> Result<ServiceOutput, Error> {
        if options.until.is_some() {
            return Err(unsupported("logs --until").with_hint("`--timestamps` shows the time of each line"));
        }
        Ok(ServiceOutput {
            docker: self.clone(),
            service: service.clone(),
            options: options.clone(),
            current: None,
            given: Vec::new(),
            exit: None,
        })
    }
}

impl ServiceOutput {
    /// The next piece, or `None` at the end of all output. Dropping the future loses nothing.
    pub(in crate::docker) async fn next(&mut self) -> Result<Option<Chunk>, Error> {
        loop {
            let Some(placement) = &mut self.current else {
                if self.open_next().await? {
                    continue;
                }
                return Ok(None);
            };
            match (placement.end, placement.next().await?) {
                (_, Came::Piece(chunk)) => {
                    if let Some(new) = placement.new_part(chunk) {
                        return Ok(Some(new));
                    }
                }
                (LogEnd::Own, Came::End) | (LogEnd::Silence, _) => self.leave(),
                (_, Came::End | Came::Broken) => self.reopen().await?,
                (_, Came::Nothing) => self.look().await?,
            }
        }
    }

    /// How the newest ended placement ended.
    pub(in crate::docker) fn exit(&self) -> Option<Exit> {
        self.exit
    }

    /// Opens the log of the next placement that has one; `false` at the end of all output.
    async fn open_next(&mut self) -> Result<bool, Error> {
        let now = match when_back(|| self.docker.snapshot(&self.service.id)).await {
            Err(error) if error.kind() == ErrorKind::TaskNotFound => return Ok(false),
            now => now?,
        };
        if self.given.is_empty() && self.options.tail != Tail::All {
            self.pass_over_old(&now);
        }
        let next = now.tasks.iter().find(|task| task.has_run() && !self.given.contains(&task.id));
        if let Some(task) = next {
            return self.open(task).await.map(|()| true);
        }
        if now.newest().is_some_and(|task| now.is_lost(task)) {
            return Err(lost(&now));
        }
        if now.is_over() {
            self.exit = now.newest().map(|task| Exit { code: task.exit_code() });
        }
        if now.is_over() || !self.options.follow {
            return Ok(false);
        }
        sleep(POLL).await;
        Ok(true)
    }

    /// For the last lines of a service, only its newest placement counts; skips the others.
    fn pass_over_old(&mut self, now: &Snapshot) {
        let mut ran = now.tasks.iter().filter(|task| task.has_run()).map(|task| task.id.clone());
        let newest = ran.next_back();
        self.given.extend(ran.chain(newest.is_none().then(String::new)));
    }

    async fn log_of(&self, task: &str, follow: bool) -> Result<Logs, Error> {
        let options = LogOptions { follow, ..self.options.clone() };
        self.docker.log_at(&format!("/tasks/{task}"), &self.service, &options).await
    }

    async fn open(&mut self, task: &ServiceTask) -> Result<(), Error> {
        let follow = self.options.follow && !task.has_ended();
        let log = self.log_of(&task.id, follow).await?;
        let end = if follow { LogEnd::Open } else { LogEnd::Own };
        let (delivered, skip) = (Count::default(), Count::default());
        let manager = self.docker.managers.turn();
        self.current = Some(PlacementLog { task: task.id.clone(), log, manager, delivered, skip, end });
        Ok(())
    }

    fn leave(&mut self) {
        self.given.extend(self.current.take().map(|placement| placement.task));
        // Later output did not exist when the last lines were requested.
        self.options.tail = Tail::All;
    }

    /// Opens the same log again where it broke.
    async fn reopen(&mut self) -> Result<(), Error> {
        let Some(placement) = &self.current else { return Ok(()) };
        let follow = placement.end == LogEnd::Open;
        let task = placement.task.clone();
        let log = when_back(|| self.log_of(&task, follow)).await;
        let Some(placement) = &mut self.current else { return Ok(()) };
        match log {
            Ok(log) => {
                placement.log = log;
                placement.manager = self.docker.managers.turn();
                placement.skip = placement.delivered;
            }
            Err(error) if error.kind() == ErrorKind::TaskNotFound => self.leave(),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// After some time without output, checks whether the task still runs.
    async fn look(&mut self) -> Result<(), Error> {
        let Some(placement) = &mut self.current else { return Ok(()) };
        let path = format!("/tasks/{}", placement.task);
        let task: ServiceTask = match when_back(|| self.docker.managers.get(&path)).await {
            Err(error) if error.kind() == ErrorKind::TaskNotFound => {
                placement.end = LogEnd::Silence;
                return Ok(());
            }
            task => task?,
        };
        if task.has_ended() {
            self.exit = Some(Exit { code: task.exit_code() });
            if placement.end == LogEnd::Open {
                // Lines counted from the end would be other lines by now.
                placement.end = if self.options.tail == Tail::All && !task.is_being_removed() {
                    LogEnd::Own
                } else {
                    LogEnd::Silence
                };
                if placement.end == LogEnd::Own {
                    return self.reopen().await;
                }
            }
        } else if task.is_given_up() && self.docker.is_on_dead_node(&task).await? {
            self.leave();
        } else if placement.manager != self.docker.managers.turn() {
            // A manager that lost its power sends nothing, not even the end of the connection.
            return self.reopen().await;
        }
        Ok(())
    }
}

impl PlacementLog {
    /// Reads until it is time to check its task.
    async fn next(&mut self) -> Result<Came, Error> {
        let patience = if self.end == LogEnd::Silence { LAST_WORDS } else { POLL };
        match timeout(patience, self.log.next()).await {
            Err(_) => Ok(Came::Nothing),
            Ok(Err(error)) if error.kind() == ErrorKind::ConnectionLost => Ok(Came::Broken),
            Ok(given) => Ok(given?.map_or(Came::End, Came::Piece)),
        }
    }

    fn new_part(&mut self, chunk: Chunk) -> Option<Chunk> {
        let new = self.skip.new_part(chunk)?;
        *self.delivered.of(new.stream) += new.bytes.len() as u64;
        Some(new)
    }
}
