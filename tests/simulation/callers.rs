//! The callers: what `cube` does at each of its verbs, by the same calls of the library, ended at a random moment by
//! a signal or by SIGKILL; and the guard of each.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use cube::{
    Address, AttachOptions, Config, Docker, EngineId, Error, ErrorKind, Event, Lifetime, LogOptions, Owner,
    Run, RunningTask, StopOptions, Stream, Surroundings, Task,
};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    engine::Engine,
    planted::Planted,
    program::Program,
    random::{Hash, Random},
};

/// What is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `cube run --attach`.
    Foreground,
    /// `cube run`.
    Detached,
    /// `docker.run(config).await` of the library, then its log, its end and its stop.
    Awaited,
    /// `cube stop NAME`.
    Stop,
    /// `cube run --replace`.
    Replace,
    /// `cube prune`.
    Prune,
}

/// What one caller does. Times are milliseconds.
#[derive(Clone, Debug)]
pub struct Plan {
    pub verb: Verb,
    pub image: &'static str,
    pub name: Option<&'static str>,
    pub network: bool,
    pub program: Program,
    begins: u64,
    /// When it is killed by SIGKILL, and whether its guard is too.
    pub killed: Option<u64>,
    pub guard_dies: bool,
    signalled: Option<u64>,
    limit: Duration,
    task: uuid::Uuid,
}

impl Plan {
    /// Any plan.
    pub fn choose(seed: u64, number: u64) -> Self {
        use Verb::{Awaited, Detached, Foreground, Prune, Replace, Stop};
        let mut random = Random::of(seed, "caller", number);
        let verbs =
            [Foreground, Foreground, Foreground, Detached, Detached, Awaited, Awaited, Stop, Replace, Prune];
        let verb = *random.pick(&verbs);
        let named = random.chance(350) || matches!(verb, Stop | Replace);
        let program = Program::choose(&mut random);
        let id = u128::from(Hash::default().number(seed).number(number).value());
        Self {
            verb,
            image: *random.pick(&["app", "app", "app", "labelled", "absent"]),
            name: named.then(|| *random.pick(&["web", "db"])),
            network: random.chance(250),
            begins: random.millis(5_000),
            killed: random.chance(250).then(|| random.millis(20_000)),
            guard_dies: random.chance(300),
            signalled: (random.chance(250) || !program.ends()).then(|| random.millis(20_000)),
            program,
            limit: Duration::from_secs(*random.pick(&[2, 10, 120])),
            task: uuid::Builder::from_random_bytes((id << 64 | id).to_be_bytes()).into_uuid(),
        }
    }

    fn config(&self) -> Config {
        let mut config = Config::new(self.image.parse().expect("an image"));
        config.name = self.name.map(|name| name.parse().expect("a name"));
        config.process.command = self.program.words();
        if self.network {
            config.network.create_network = true;
            config.network.networks = vec!["net".parse().expect("a network")];
        }
        config
    }
}

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

/// How long a guard looks out for a container, and how long it goes on while no engine is there.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long a guard waits for an engine that accepts connections but does not answer.
const HANGING: Duration = Duration::from_hours(1);
/// Between two tries of a guard.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// A caller at work.
#[derive(Clone)]
pub struct Caller {
    engine: Engine,
    pub plan: Plan,
    word: Arc<AtomicU8>,
    report: Arc<Mutex<Report>>,
}

impl Caller {
    pub fn new(engine: &Engine, plan: Plan) -> Self {
        let report = Report { task: plan.task.to_string(), ..Report::default() };
        Self { engine: engine.clone(), plan, word: Arc::default(), report: Arc::new(Mutex::new(report)) }
    }

    /// What came of it so far.
    pub fn report(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(&self) -> Docker {
        let nobody = Surroundings { env: &|_| None, home: None, uid: 0, exists: &|_| false, warn: &|_| () };
        Docker::connect(Address::Unix(self.engine.socket.clone()), &nobody, self.plan.limit)
            .expect("a runner")
    }

    fn note(&self, what: &str) {
        self.engine
            .world
            .with(|model| model.note(&format!("{:?} {}: {what}", self.plan.verb, self.plan.task)));
    }

    /// Its whole life, and that of its guard.
    pub async fn live(self) {
        sleep(Duration::from_millis(self.plan.begins)).await;
        self.note("begins");
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
        let has_guard = matches!(self.plan.verb, Verb::Foreground | Verb::Detached | Verb::Replace);
        if has_guard && !report.released && !self.guard_dies() {
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
            Verb::Prune => prune(&self.connect()).await.map(|()| Ending::Done),
        };
        let ending = ending.unwrap_or_else(|error| Ending::Failed(error.kind(), error.to_string()));
        self.report().ending = ending;
    }

    fn task(&self) -> Task {
        let mut task = Task::new(self.plan.config());
        task.id = self.plan.task;
        task
    }

    async fn run(&self, lifetime: Lifetime) -> Result<Ending, Error> {
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
        while let Some(chunk) = output.next().await? {
            let mut report = self.report();
            match chunk.stream {
                Stream::Stdout => report.stdout.extend_from_slice(&chunk.bytes),
                Stream::Stderr => report.stderr.extend_from_slice(&chunk.bytes),
            }
        }
        let lost = || Error::new(ErrorKind::ConnectionLost, "the engine did not say how the task ended");
        output.exit().map(|exit| Ending::Exited(exit.code)).ok_or_else(lost)
    }

    async fn detached(&self, run: &mut Run<'_>) -> Result<Ending, Error> {
        let task = run.create().await?;
        self.made(&task);
        let task = run.start(task).await?;
        self.made(&task);
        run.ready(&task).await?;
        Ok(Ending::Left)
    }

    fn made(&self, task: &RunningTask) {
        self.report().container = Some(task.id().to_string());
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

    async fn awaited(&self) -> Result<Ending, Error> {
        let docker = self.connect();
        let task = docker.run(self.task()).owned_by(owner(Lifetime::ForLife)).await?;
        self.made(&task);
        if self.plan.program.ends() {
            let mut output = task.logs(&LogOptions { follow: true, ..LogOptions::default() }).await?;
            while let Some(chunk) = output.next().await? {
                let mut report = self.report();
                match chunk.stream {
                    Stream::Stdout => report.stdout.extend_from_slice(&chunk.bytes),
                    Stream::Stderr => report.stderr.extend_from_slice(&chunk.bytes),
                }
            }
        }
        let result = task.stop(&StopOptions::default()).await?;
        let (id, code) = (task.id().to_string(), result.exit_code);
        self.check_stopped(&id, code);
        Ok(code.map_or(Ending::Done, Ending::Exited))
    }

    /// A stop that succeeded has removed the container, and says how its process ended if it knows.
    fn check_stopped(&self, id: &str, code: Option<i64>) {
        self.engine.world.with(|model| {
            if model.containers.contains_key(id) {
                model.violated(format!("{id} was stopped and is still there"));
            }
            let truth = model.ever(id).map(|container| (container.code, container.touched));
            if let (Some(code), Some((truth, false))) = (code, truth)
                && code != truth
            {
                model.violated(format!("a stop said {code}, and {id} ended with {truth}"));
            }
        });
    }

    async fn stop(&self) -> Result<Ending, Error> {
        let name = self.plan.name.unwrap_or("web").parse()?;
        let stopped = self.connect().stop(&name, &StopOptions::default()).await?;
        self.check_stopped(&stopped.container_id.unwrap_or_default(), stopped.exit_code);
        Ok(Ending::Done)
    }

    /// What the guard of a cube that ended without a word does.
    async fn guard(&self) -> Result<bool, Error> {
        let begun = Instant::now();
        let mut there = begun;
        loop {
            let error = match self.clear().await {
                Err(error) => error,
                cleared => return cleared,
            };
            match error.kind() {
                ErrorKind::ConnectionLost if begun.elapsed() < HANGING => there = Instant::now(),
                ErrorKind::EngineUnreachable | ErrorKind::Engine | ErrorKind::BadAnswer
                    if there.elapsed() < PATIENCE => {}
                _ => return Err(error),
            }
            sleep(TRY_AGAIN).await;
        }
    }

    async fn clear(&self) -> Result<bool, Error> {
        let last = self.word.load(Ordering::Relaxed);
        if last == NOTHING && !self.plan.network {
            return Ok(false);
        }
        let nobody = Surroundings { env: &|_| None, home: None, uid: 0, exists: &|_| false, warn: &|_| () };
        let address = Address::Unix(self.engine.socket.clone());
        let docker = Docker::connect(address, &nobody, Docker::ANSWER_TIMEOUT)?;
        let networks = ["net".to_owned()];
        let in_doubt = last == ASKED;
        if in_doubt && self.plan.network {
            docker.remove_unused_networks(&networks).await?;
        }
        let lookout = if in_doubt { PATIENCE } else { Duration::ZERO };
        let found = docker.discard_by_id(self.plan.task, false, lookout).await?;
        if self.plan.network {
            docker.remove_unused_networks(&networks).await?;
        }
        Ok(found)
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
