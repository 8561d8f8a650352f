//! What one caller does, as its seed says.

use std::time::Duration;

use cube::{Condition, Config, RestartPolicy};

use crate::{
    model::{
        exec::CHECK,
        program::{PANIC, Program, READY, READY_FILE},
    },
    random::{Hash, Random},
};

/// How often the engine probes a task's health.
const PROBES: Duration = Duration::from_secs(2);

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
    /// `cube exec NAME`.
    Exec,
}

/// The host ports that a task publishes its port 80 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publish {
    /// Any free one.
    Any,
    /// One that other tasks want too.
    Fixed,
}

/// What a task is waited for, and for how long.
#[derive(Clone, Debug, Default)]
pub struct Wait {
    pub conditions: Vec<Condition>,
    /// One of them is enough.
    pub any: bool,
    /// A line ends it as failed.
    pub fails: bool,
    pub limit: Option<Duration>,
}

/// What one caller does. Times are milliseconds.
#[derive(Clone, Debug)]
pub struct Plan {
    pub verb: Verb,
    /// Which caller this is.
    pub number: u64,
    pub image: &'static str,
    pub name: Option<&'static str>,
    pub network: bool,
    pub program: Program,
    pub publish: Option<Publish>,
    pub restart: RestartPolicy,
    pub wait: Wait,
    pub begins: u64,
    /// When it is killed by SIGKILL, and whether its guard is too.
    pub killed: Option<u64>,
    pub guard_dies: bool,
    pub signalled: Option<u64>,
    /// How long an answer may take.
    pub limit: Duration,
    pub task: uuid::Uuid,
}

impl Verb {
    /// Whether a second process watches over its task.
    pub fn has_guard(self) -> bool {
        matches!(self, Self::Foreground | Self::Detached | Self::Replace)
    }
}

impl Plan {
    /// Any plan.
    pub fn choose(seed: u64, number: u64) -> Self {
        use Verb::{Awaited, Detached, Exec, Foreground, Prune, Replace, Stop};
        let mut random = Random::of(seed, "caller", number);
        let verbs = [
            Foreground, Foreground, Foreground, Detached, Detached, Awaited, Awaited, Stop, Replace, Prune,
            Exec,
        ];
        let verb = *random.pick(&verbs);
        let named = random.chance(350) || matches!(verb, Stop | Replace | Exec);
        let program = Program::choose(&mut random, verb == Exec);
        let id = u128::from(Hash::default().number(seed).number(number).value());
        let plan = Self {
            verb,
            number,
            image: *random.pick(&["app", "app", "app", "labelled", "absent"]),
            name: named.then(|| *random.pick(&["web", "db"])),
            network: random.chance(250),
            begins: random.millis(5_000),
            killed: random.chance(250).then(|| random.millis(20_000)),
            guard_dies: random.chance(300),
            signalled: (random.chance(250) || !program.ends()).then(|| random.millis(20_000)),
            program,
            publish: None,
            restart: RestartPolicy::No,
            wait: Wait::default(),
            limit: Duration::from_secs(*random.pick(&[2, 10, 120])),
            task: uuid::Builder::from_random_bytes((id << 64 | id).to_be_bytes()).into_uuid(),
        };
        let mut random = Random::of(seed, "what is more", number);
        plan.with_ports(&mut random)
            .with_policy(&mut random)
            .with_wait(&mut random)
            .that_may_not_start(&mut random)
    }

    fn with_ports(self, random: &mut Random) -> Self {
        let publish = random.chance(200).then(|| *random.pick(&[Publish::Any, Publish::Any, Publish::Fixed]));
        Self { publish, ..self }
    }

    fn with_policy(self, random: &mut Random) -> Self {
        if !random.chance(150) {
            return self;
        }
        let restart = *random.pick(&[
            RestartPolicy::Always,
            RestartPolicy::UnlessStopped,
            RestartPolicy::OnFailure { max_retries: None },
            RestartPolicy::OnFailure { max_retries: Some(1) },
            RestartPolicy::OnFailure { max_retries: Some(3) },
        ]);
        let program = self.program.that_comes_again(random);
        // What comes again for ever ends by a signal.
        let signalled = self.signalled.or_else(|| (!ends(restart, &program)).then(|| random.millis(20_000)));
        Self { program, restart, signalled, ..self }
    }

    fn with_wait(self, random: &mut Random) -> Self {
        let waits = matches!(self.verb, Verb::Detached | Verb::Awaited | Verb::Replace);
        if !waits || !random.chance(350) {
            return self;
        }
        let (log, exec, file) =
            (format!("log={READY}"), format!("exec={CHECK}"), format!("file={READY_FILE}"));
        let all = ["running", log.as_str(), "healthy", exec.as_str(), file.as_str(), "exit"];
        let chosen = (0..=random.below(2)).map(|_| random.pick(&all).parse().expect("a condition"));
        let wait = Wait {
            conditions: chosen.collect(),
            any: random.chance(300),
            fails: random.chance(300),
            limit: (!random.chance(200)).then(|| Duration::from_millis(500 + random.below(8_000))),
        };
        Self { wait, program: self.program.that_gets_ready(random), ..self }
    }

    fn that_may_not_start(self, random: &mut Random) -> Self {
        if !random.chance(80) {
            return self;
        }
        Self { program: self.program.that_cannot_start(random), ..self }
    }

    /// What is special about it, in words.
    pub fn words(&self) -> String {
        let Self { image, name, network, publish, restart, wait, program, .. } = self;
        format!(
            "{image} named {name:?}, network {network}, ports {publish:?}, restart {restart}, {wait:?}, {program:?}"
        )
    }

    /// Whether its task ends by itself, for good.
    pub fn ends(&self) -> bool {
        ends(self.restart, &self.program)
    }

    /// What it runs.
    pub fn config(&self) -> Config {
        let mut config = Config::new(self.image.parse().expect("an image"));
        config.name = self.name.map(|name| name.parse().expect("a name"));
        config.process.command = self.program.words();
        config.process.restart = self.restart;
        if self.network {
            config.network.create_network = true;
            config.network.networks = vec!["net".parse().expect("a network")];
        }
        let publish = self.publish.map(|publish| if publish == Publish::Any { "80" } else { "8080:80" });
        config.network.publish = publish.into_iter().map(|text| text.parse().expect("a port")).collect();
        let Wait { conditions, any, fails, limit } = self.wait.clone();
        if conditions.contains(&Condition::Healthy) {
            config.health.command = Some(CHECK.to_owned());
            config.health.interval = Some(PROBES);
        }
        let sign = (fails && !conditions.is_empty()).then(|| format!("log={PANIC}").parse().expect("a sign"));
        config.readiness.fail_on = sign.into_iter().collect();
        (config.readiness.wait_for, config.readiness.wait_any) = (conditions, any);
        config.readiness.wait_timeout = limit;
        config
    }
}

fn ends(restart: RestartPolicy, program: &Program) -> bool {
    match restart {
        RestartPolicy::Always | RestartPolicy::UnlessStopped => false,
        RestartPolicy::No | RestartPolicy::OnFailure { max_retries: Some(_) } => program.ends(),
        // An engine that comes up may count one more end: only the last code comes for sure.
        RestartPolicy::OnFailure { max_retries: None } => program.codes.last() == Some(&0),
    }
}
