//! The engine: takes connections on a Unix socket, answers from the model, and fails as the schedule says.

mod answers;
pub mod faults;
mod streams;
mod wire;

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    net::{UnixListener, UnixStream},
    sync::watch,
    time::{Instant, sleep},
};

use crate::{
    clock::Activity,
    engine::{
        answers::{Answer, answer},
        faults::Fault,
        wire::{Asked, Wire, whole},
    },
    model::{Model, world::World},
    random::Random,
};

/// No engine ends and is back sooner. In this time a caller whose connections broke finds that it is away.
const SHORTEST_DOWNTIME: Duration = Duration::from_millis(100);
/// What an engine says that fails.
const BAD_DAY: &[u8] = br#"{"message":"the engine has a bad day"}"#;

/// An engine that listens.
#[derive(Clone)]
pub struct Engine {
    pub world: World,
    pub socket: PathBuf,
    activity: Activity,
    seed: u64,
    /// Of how many of a thousand requests something fails, until the storm is over.
    faults: u64,
    calm: Instant,
}

impl Engine {
    /// Listens at `socket` from now on.
    pub fn listen(world: World, socket: &Path, activity: Activity, seed: u64) -> Self {
        let mut random = Random::of(seed, "storm", 0);
        let faults = *random.pick(&[0, 30, 100, 250]);
        let calm = Instant::now() + Duration::from_millis(1_000 + random.below(40_000));
        let engine = Self { world, socket: socket.to_owned(), activity, seed, faults, calm };
        let (listener, serving) = (engine.bind(), engine.clone());
        tokio::spawn(async move { serving.serve(listener).await });
        engine
    }

    /// When nothing fails any more.
    pub fn calm(&self) -> Instant {
        self.calm
    }

    /// Whether anything fails in this schedule.
    pub fn fails(&self) -> bool {
        self.faults > 0
    }

    fn bind(&self) -> UnixListener {
        let _ = std::fs::remove_file(&self.socket);
        UnixListener::bind(&self.socket).expect("a socket")
    }

    async fn serve(&self, first: UnixListener) {
        let mut listener = first;
        let mut restarts = self.world.restarts.subscribe();
        loop {
            let count = *restarts.borrow_and_update();
            self.accept(listener, &mut restarts).await;
            sleep(self.downtime(count)).await;
            restarts.mark_unchanged();
            listener = self.bind();
            self.world.boot();
        }
    }

    async fn accept(&self, listener: UnixListener, restarts: &mut watch::Receiver<u64>) {
        loop {
            tokio::select! {
                biased;
                _ = restarts.changed() => return,
                accepted = listener.accept() => {
                    let Ok((stream, _)) = accepted else { return };
                    self.activity.note();
                    let (engine, restarts) = (self.clone(), restarts.clone());
                    tokio::spawn(async move { engine.until_restart(stream, restarts).await });
                }
            }
        }
    }

    /// How long the engine stays away.
    fn downtime(&self, count: u64) -> Duration {
        let mut random = Random::of(self.seed, "downtime", count);
        // Processes may outlive the engine, or end with it.
        if random.chance(300) {
            self.world.change(|model| {
                let running: Vec<String> =
                    model.containers.values().filter(|c| !c.foreign).map(|c| c.id.clone()).collect();
                for id in running {
                    model.kill(&id);
                }
            });
        }
        SHORTEST_DOWNTIME + Duration::from_millis(random.millis(20_000))
    }

    async fn until_restart(&self, stream: UnixStream, mut restarts: watch::Receiver<u64>) {
        let mut wire = Wire::new(stream, self.activity.clone());
        tokio::select! {
            biased;
            _ = restarts.changed() => {}
            _ = self.converse(&mut wire) => {}
        }
        self.activity.note();
    }

    async fn converse(&self, wire: &mut Wire) -> io::Result<()> {
        while let Some(asked) = wire.request().await? {
            self.reply(wire, &asked).await?;
        }
        Ok(())
    }

    /// Which fault this request meets, and a stream of numbers for it.
    fn choose(&self, asked: &Asked) -> (Fault, Random) {
        let call = asked.call();
        self.world.with(|model| {
            let count = model.calls.entry(call).or_default();
            *count += 1;
            let mut random = Random::of(self.seed, call, *count);
            let rate = if Instant::now() < self.calm { self.faults } else { 0 };
            let fault = Fault::choose(&mut random, rate);
            model.hits.count(call, fault);
            model.note(&format!("{call} {} {fault:?}", asked.path.get(1).map_or("", |word| short(word))));
            (fault, random)
        })
    }

    async fn reply(&self, wire: &mut Wire, asked: &Asked) -> io::Result<()> {
        let (fault, mut random) = self.choose(asked);
        if self.world.with(Model::is_asked_without_pause) {
            sleep(Duration::from_secs(1)).await;
        }
        let gone = || io::Error::from(io::ErrorKind::ConnectionAborted);
        match fault {
            Fault::Delay(time) | Fault::Late(time) => sleep(Duration::from_millis(time)).await,
            Fault::Hang(time) => {
                sleep(Duration::from_millis(time)).await;
                return Err(gone());
            }
            Fault::CutBefore => return Err(gone()),
            Fault::Refuse(status) => {
                // An answer to HEAD has no body.
                let text: &[u8] = if asked.method == "HEAD" { b"" } else { BAD_DAY };
                return wire.send(&whole(status, &self.date(), text, &mut random)).await;
            }
            Fault::RestartBefore => {
                self.world.restart();
                return Err(gone());
            }
            Fault::None | Fault::CutWithin | Fault::CutAfter | Fault::RestartAfter => {}
        }
        let said = answer(&self.world, asked, &mut random).await;
        match fault {
            Fault::CutAfter => return Err(gone()),
            Fault::RestartAfter => {
                self.world.restart();
                return Err(gone());
            }
            _ => {}
        }
        let date = self.date();
        match said {
            Answer::Whole(status, body) => {
                self.world.with(|model| model.note(&format!("{} {status}", asked.call())));
                let bytes = whole(status, &date, &body, &mut random);
                if fault == Fault::CutWithin {
                    wire.breaks_after = Some(usize::try_from(random.below(bytes.len() as u64)).unwrap_or(0));
                }
                wire.send(&bytes).await
            }
            streamed => {
                if fault == Fault::CutWithin {
                    wire.breaks_after = Some(usize::try_from(random.below(500)).unwrap_or(0));
                }
                streams::send(&self.world, wire, &date, streamed).await
            }
        }
    }

    fn date(&self) -> String {
        self.world.with(|model| model.now().to_rfc2822().replace("+0000", "GMT"))
    }
}

/// The beginning of an id.
pub fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}
