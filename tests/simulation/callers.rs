//! The callers: what `cube` does at each of its verbs, by the same calls of the library, ended at a random moment by
//! a signal or by SIGKILL; and the guard of each.

mod checks;
mod guard;
pub mod plan;
mod run;
mod verbs;

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, atomic::AtomicU8},
    time::Duration,
};

use cube::{Address, Docker, ErrorKind, Lifetime, Owner, Surroundings};
use tokio::time::{Instant, sleep, timeout};

pub use crate::callers::verbs::prune;
use crate::{
    callers::plan::{Plan, Verb},
    engine::Engine,
};

/// How a caller ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// It did not, or was killed.
    #[default]
    Killed,
    /// The task's exit code.
    Exited(i64),
    /// It left its task to itself.
    Left,
    /// It did what it is for.
    Done,
    Failed(ErrorKind, String),
    Interrupted,
}

/// What came of a caller.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub task: String,
    pub ending: Ending,
    pub container: Option<String>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// Whether its guard was sent home.
    pub released: bool,
    /// Why the guard gave up.
    pub guard: Option<String>,
}

/// What a guard was told last.
const NOTHING: u8 = 0;
const ASKED: u8 = 1;
const MADE: u8 = 2;

/// A caller at work.
#[derive(Clone)]
pub struct Caller {
    engine: Engine,
    pub plan: Plan,
    word: Arc<AtomicU8>,
    report: Arc<Mutex<Report>>,
    begun: Arc<OnceLock<Instant>>,
}

impl Caller {
    pub fn new(engine: &Engine, plan: Plan) -> Self {
        let report = Report { task: plan.task.to_string(), ..Report::default() };
        Self {
            engine: engine.clone(),
            plan,
            word: Arc::default(),
            report: Arc::new(Mutex::new(report)),
            begun: Arc::default(),
        }
    }

    /// What came of it so far.
    pub fn report(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(&self) -> Docker {
        self.connect_for(self.plan.limit)
    }

    fn connect_for(&self, limit: Duration) -> Docker {
        let nobody = Surroundings { env: &|_| None, home: None, uid: 0, exists: &|_| false, warn: &|_| () };
        Docker::connect(Address::Unix(self.engine.socket.clone()), &nobody, limit).expect("a runner")
    }

    fn note(&self, what: &str) {
        // The task's UUID is another in each schedule, and the socket in each run: with them, no two would be the same.
        let socket = self.engine.socket.display().to_string();
        let what = what.replace(&self.plan.task.to_string(), "TASK").replace(&socket, "ENGINE");
        let Plan { number, verb, .. } = &self.plan;
        self.engine.world.with(|model| model.note(&format!("caller {number}, {verb:?}: {what}")));
    }

    /// Its whole life, and that of its guard.
    pub async fn live(self) {
        sleep(Duration::from_millis(self.plan.begins)).await;
        let _ = self.begun.set(Instant::now());
        self.note(&format!("begins: {}", self.plan.words()));
        match self.plan.killed {
            Some(time) => {
                if timeout(Duration::from_millis(time), self.work()).await.is_err() {
                    self.note("is killed");
                }
            }
            None => self.work().await,
        }
        let task = self.plan.task.to_string();
        // What the library still removes in the background belongs to a process that lives.
        if self.plan.verb != Verb::Awaited {
            self.engine.world.with(|model| model.dead.insert(task));
        }
        let report = self.report().clone();
        self.note(&format!("ends: {:?}, released: {}", report.ending, report.released));
        if self.plan.verb.has_guard() && !report.released && !self.guard_dies() {
            let cleared = self.guard().await;
            self.note(&format!("guard ends: {cleared:?}"));
            self.report().guard = cleared.err().map(|error| error.to_string());
        }
    }

    /// Whether its guard is killed with it.
    pub fn guard_dies(&self) -> bool {
        self.plan.guard_dies && self.plan.killed.is_some() && self.report().ending == Ending::Killed
    }

    async fn work(&self) {
        let ending = match self.plan.verb {
            Verb::Foreground => self.run(Lifetime::ForLife).await,
            Verb::Detached | Verb::Replace => self.run(Lifetime::UntilStarted).await,
            Verb::Awaited => self.awaited().await,
            Verb::Stop => self.stop().await,
            Verb::Exec => self.exec().await,
            Verb::Prune => prune(&self.connect()).await.map(|()| Ending::Done),
        };
        let ending = ending.unwrap_or_else(|error| Ending::Failed(error.kind(), error.to_string()));
        self.report().ending = ending;
    }
}

/// This process, which each caller stands for until it ends.
fn owner(lifetime: Lifetime) -> Owner {
    static OWNERS: [OnceLock<Owner>; 2] = [OnceLock::new(), OnceLock::new()];
    let place = &OWNERS[usize::from(lifetime == Lifetime::ForLife)];
    place.get_or_init(|| Owner::this_process(lifetime).expect("/proc says who this is")).clone()
}

async fn signal(after: Option<u64>) {
    match after {
        Some(time) => sleep(Duration::from_millis(time)).await,
        None => std::future::pending().await,
    }
}
