//! Answers that come bit by bit: waits, logs, attached streams, pulls.

use std::io;

use crate::{
    answers::{Answer, LogQuery, WaitFor},
    model::{Container, Stage, World, Written},
    wire::{LAST_CHUNK, Wire, chunk, frame, head},
};

/// Sends an answer that is a stream.
pub async fn send(world: &World, wire: &mut Wire, date: &str, answer: Answer) -> io::Result<()> {
    match answer {
        Answer::Whole(..) => Ok(()),
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
    }
}

async fn waited(world: &World, id: &str, wanted: WaitFor) -> i64 {
    world
        .until(|model| match (model.containers.get(id), wanted) {
            (None, _) => Some(model.gone.get(id).map_or(0, |container| container.code)),
            (Some(_), WaitFor::Removed) => None,
            (Some(container), WaitFor::NotRunning) => {
                (container.stage != Stage::Running).then_some(container.code)
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
    let upgrade = "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n\
                   Connection: Upgrade\r\nUpgrade: tcp\r\nApi-Version: 1.41\r\nServer: Docker/20.10.24 (linux)\r\n\r\n";
    let mut given = world.with(|model| model.ever(id).map_or(0, |container| container.log.len()));
    wire.send(upgrade.as_bytes()).await?;
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
