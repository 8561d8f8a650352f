//! Answers that come bit by bit: waits, logs, attached streams, pulls.

use std::io;

use chrono::{DateTime, Utc};

use crate::{
    engine::{
        answers::Answer,
        wire::{LAST_CHUNK, Wire, chunk, frame, head},
    },
    model::{
        container::{Container, Stage, Written},
        world::World,
    },
};

/// The head of an answer that is the connection itself.
const UPGRADE: &[u8] = b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n\
    Connection: Upgrade\r\nUpgrade: tcp\r\nApi-Version: 1.41\r\nServer: Docker/20.10.24 (linux)\r\n\r\n";

/// What a wait is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitFor {
    /// That it does not run, or has ended once more than so often.
    NotRunning {
        ends: u64,
    },
    Removed,
}

/// Which part of a log.
#[derive(Debug)]
pub struct LogQuery {
    pub follow: bool,
    pub timestamps: bool,
    pub since: Option<DateTime<Utc>>,
    pub tail: Option<usize>,
}

/// Sends an answer that is a stream.
pub async fn send(world: &World, wire: &mut Wire, date: &str, answer: Answer) -> io::Result<()> {
    match answer {
        Answer::Whole(..) => Ok(()),
        Answer::Stat(found) => {
            let head = head(200, date, Some(0));
            let head = head.strip_suffix("\r\n").unwrap_or(&head);
            wire.send(format!("{head}X-Docker-Container-Path-Stat: {found}\r\n\r\n").as_bytes()).await
        }
        Answer::Lines(lines) => {
            wire.send(head(200, date, None).as_bytes()).await?;
            for line in lines {
                wire.send(&chunk(line.as_bytes())).await?;
            }
            wire.send(LAST_CHUNK).await
        }
        Answer::Wait(id, wanted) => {
            wire.send(head(200, date, None).as_bytes()).await?;
            let code = waited(world, &id, wanted).await;
            wire.send(&chunk(format!("{{\"StatusCode\":{code}}}\n").as_bytes())).await?;
            wire.send(LAST_CHUNK).await
        }
        Answer::Log(id, query) => {
            wire.send(head(200, date, None).as_bytes()).await?;
            log(world, wire, &id, &query).await?;
            wire.send(LAST_CHUNK).await
        }
        Answer::Attached(id) => attached(world, wire, &id).await,
        Answer::Exec(id) => {
            let given = command(world, wire, &id).await;
            world.with(|model| model.command_given(&id, given.is_ok()));
            given?;
            // The end of the connection is that of the output.
            Err(io::ErrorKind::ConnectionAborted.into())
        }
        Answer::Events => {
            wire.send(head(200, date, None).as_bytes()).await?;
            std::future::pending().await
        }
    }
}

async fn waited(world: &World, id: &str, wanted: WaitFor) -> i64 {
    world
        .until(|model| match (model.containers.get(id), wanted) {
            (None, _) => Some(model.gone.get(id).map_or(0, |container| container.code)),
            (Some(_), WaitFor::Removed) => None,
            (Some(container), WaitFor::NotRunning { ends }) => {
                (!container.is_alive() || container.ends > ends).then_some(container.code)
            }
        })
        .await
}

async fn log(world: &World, wire: &mut Wire, id: &str, query: &LogQuery) -> io::Result<()> {
    let mut given = 0;
    let mut first = true;
    loop {
        let (lines, over) = world
            .until(|model| {
                let container = model.ever(id)?;
                let skipped = if first { query.skipped(container) } else { given };
                let new = container.log.get(skipped..).unwrap_or_default().to_vec();
                let over =
                    !query.follow || container.stage != Stage::Running || !model.containers.contains_key(id);
                (!new.is_empty() || over).then(|| {
                    given = skipped + new.len();
                    (new, over)
                })
            })
            .await;
        first = false;
        for line in lines {
            wire.send(&chunk(&query.framed(&line))).await?;
        }
        if over {
            return Ok(());
        }
    }
}

impl LogQuery {
    fn skipped(&self, container: &Container) -> usize {
        let since = self.since.map_or(0, |since| container.log.iter().take_while(|w| w.at < since).count());
        let tail = self.tail.map_or(0, |tail| container.log.len().saturating_sub(tail));
        since.max(tail)
    }

    fn framed(&self, written: &Written) -> Vec<u8> {
        let stamp = if self.timestamps {
            written.at.format("%Y-%m-%dT%H:%M:%S%.9fZ ").to_string()
        } else {
            String::new()
        };
        frame(written.stream, &[stamp.as_bytes(), &written.bytes].concat())
    }
}

async fn attached(world: &World, wire: &mut Wire, id: &str) -> io::Result<()> {
    let mut given = world.with(|model| model.ever(id).map_or(0, |container| container.log.len()));
    wire.send(UPGRADE).await?;
    loop {
        let (lines, over) = world
            .until(|model| {
                let over = model
                    .containers
                    .get(id)
                    .is_none_or(|c| !matches!(c.stage, Stage::Created | Stage::Running));
                let new = model.ever(id)?.log.get(given..).unwrap_or_default().to_vec();
                (!new.is_empty() || over).then_some((new, over))
            })
            .await;
        given += lines.len();
        for line in lines {
            wire.send(&frame(line.stream, &line.bytes)).await?;
        }
        if over {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
    }
}

/// The output of a command in a container, to its end.
async fn command(world: &World, wire: &mut Wire, id: &str) -> io::Result<()> {
    wire.send(UPGRADE).await?;
    let mut given = 0;
    loop {
        let (pieces, over) = world
            .until(|model| {
                let exec = model.execs.get(id)?;
                let (new, over) = (exec.log.get(given..).unwrap_or_default().to_vec(), exec.code.is_some());
                (!new.is_empty() || over).then_some((new, over))
            })
            .await;
        given += pieces.len();
        for (stream, bytes) in pieces {
            wire.send(&frame(stream, &bytes)).await?;
        }
        if over {
            return Ok(());
        }
    }
}
