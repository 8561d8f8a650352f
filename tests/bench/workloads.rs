//! The jobs of the benchmark, each for every client that can do it.

use serde_json::json;

use crate::measure::{Job, Used};
use crate::programs;
use crate::testbed::{Engine, image};

/// The size of the benchmark.
pub struct Size {
    /// How often the short jobs are measured.
    pub rounds: usize,
    /// How often the jobs that take seconds are measured.
    pub long_rounds: usize,
    /// Tasks for `ps`.
    pub listed: usize,
    /// Tasks at once.
    pub tasks: usize,
    /// Bytes of log.
    pub log: u64,
    /// Numbers of tasks for the growth.
    pub grown_tasks: &'static [usize],
    /// Bytes of log for the growth.
    pub grown_logs: &'static [u64],
}

/// For the record: about half an hour.
pub const FULL: Size = Size {
    rounds: 21,
    long_rounds: 5,
    listed: 500,
    tasks: 50,
    log: 200 << 20,
    grown_tasks: &[1, 10, 100],
    grown_logs: &[10 << 20, 100 << 20, 1 << 30],
};

/// For a quick look: about three minutes.
pub const QUICK: Size = Size {
    rounds: 7,
    long_rounds: 3,
    listed: 50,
    tasks: 10,
    log: 20 << 20,
    grown_tasks: &[1, 10],
    grown_logs: &[2 << 20, 20 << 20],
};

/// Only checks that everything still runs.
pub const SMOKE: Size = Size {
    rounds: 1,
    long_rounds: 1,
    listed: 2,
    tasks: 2,
    log: 1 << 20,
    grown_tasks: &[1],
    grown_logs: &[1 << 20],
};

/// The same work for several clients, in turn.
pub struct Workload {
    pub rounds: usize,
    pub clients: Vec<Client>,
    before: Vec<Given>,
}

/// One client's steps for a job; each step is measured separately.
#[derive(Clone)]
pub struct Client {
    pub name: &'static str,
    pub phases: Vec<(String, Phase)>,
}

/// A part of a workload.
#[derive(Clone)]
pub enum Phase {
    /// Measured.
    Job(Job),
    /// Measured, on a container that is made just before and removed after.
    On(Given, Job),
    /// The same, but measured from the time in the container's first line.
    Since(Job),
}

/// A container that the work needs.
#[derive(Clone)]
pub struct Given {
    name: String,
    args: Vec<String>,
    start: Start,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    No,
    Yes,
    ToItsEnd,
}

/// The label of the benchmark's containers.
const LABEL: &str = "cube-bench";
/// The only container of a workload.
const NAME: &str = "cube-bench";

impl Workload {
    fn new(rounds: usize, clients: Vec<Client>) -> Self {
        Self { rounds, clients, before: vec![] }
    }

    fn after(self, before: Vec<Given>) -> Self {
        Self { before, ..self }
    }

    /// Has the older binary do what cube does, behind it.
    fn add_before(&mut self, before: &str) {
        let Some(own) = self.clients.iter().position(|client| client.name == "cube") else { return };
        let mut older = Client { name: "before", ..self.clients[own].clone() };
        for (_, phase) in &mut older.phases {
            let (Phase::Job(job) | Phase::On(_, job) | Phase::Since(job)) = phase;
            for command in &mut job.commands {
                before.clone_into(&mut command[0]);
            }
        }
        self.clients.insert(own + 1, older);
    }

    /// Makes what the workload needs.
    pub fn prepare(&self, engine: &Engine) {
        self.before.iter().for_each(|given| given.make(engine));
    }
}

impl Phase {
    /// Runs it once on the engine at `host`, which is `engine` or a proxy in front of it.
    pub fn run(&self, engine: &Engine, host: &str) -> Used {
        match self {
            Self::Job(job) => job.run(host),
            Self::On(given, job) => {
                given.make(engine);
                let used = job.run(host);
                engine.delete(&format!("/containers/{}?force=1&v=1", given.name));
                used
            }
            Self::Since(job) => {
                let used = job.run(host);
                let log = engine.send("GET", &format!("/containers/{NAME}/logs?stdout=1"), &[], &[]).body;
                let opened: u64 = String::from_utf8_lossy(&log[8..]).trim().parse().unwrap();
                engine.delete(&format!("/containers/{NAME}?force=1&v=1"));
                Used { wall: used.ended.saturating_sub(std::time::Duration::from_nanos(opened)), ..used }
            }
        }
    }
}

impl Given {
    fn make(&self, engine: &Engine) {
        let id = uuid::Uuid::new_v4().to_string();
        let config = json!({"Image": image::probe_on(engine, &[]), "Cmd": self.args,
            "Labels": {LABEL: "1", "cube.task.id": id}});
        engine.post(&format!("/containers/create?name={}", self.name), &config);
        if self.start != Start::No {
            engine.post(&format!("/containers/{}/start", self.name), &serde_json::Value::Null);
        }
        while self.start == Start::ToItsEnd
            && engine.container(&self.name)["State"]["Running"].as_bool().unwrap()
        {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
}

/// Removes every container of the benchmark.
pub fn clear(engine: &Engine) {
    for id in engine.labelled(&format!("{LABEL}=1")) {
        engine.delete(&format!("/containers/{id}?force=1&v=1"));
    }
}

/// All workloads, in the order of the table.
pub fn all(engine: &Engine, size: &Size) -> Vec<Workload> {
    let words = Words { image: image::probe_on(engine, &[]) };
    let (short, long) = (lines(size.log, 100), lines(size.log, 1_000_000));
    let mut all = vec![
        version(size.rounds),
        ps("0", size.rounds),
        ps(&size.listed.to_string(), size.rounds).after(numbered(size.listed)),
        words.life(size.rounds),
        words.attach("run --attach of true", "exit=0", size.rounds),
        words.attach(
            &format!("run --attach, {} in short lines", megabytes(size.log)),
            &short,
            size.long_rounds,
        ),
        logs(size.log, "short", &short, size.long_rounds),
        follow(size.log, &short, size.long_rounds),
        words.attach(
            &format!("run --attach, {} in 1 MB lines", megabytes(size.log)),
            &long,
            size.long_rounds,
        ),
        logs(size.log, "1 MB", &long, size.long_rounds),
        words.many(size.tasks, size.long_rounds),
        words.ready(size.rounds),
    ];
    all.extend(size.grown_tasks.iter().map(|tasks| words.growing_tasks(*tasks)));
    all.extend(size.grown_logs.iter().map(|bytes| growing_log(*bytes)));
    if let Some(before) = programs::before() {
        for workload in &mut all {
            workload.add_before(before);
        }
    }
    all
}

fn megabytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

fn lines(bytes: u64, width: u64) -> String {
    format!("lines={}x{width}", (bytes / width).max(1))
}

fn numbered(count: usize) -> Vec<Given> {
    names(count).into_iter().map(|name| Given { name, args: vec![], start: Start::No }).collect()
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{NAME}-{number}")).collect()
}

fn finished(args: &str) -> Vec<Given> {
    vec![Given { name: NAME.to_owned(), args: vec![args.to_owned()], start: Start::ToItsEnd }]
}

/// `parts` split at spaces, then `more`.
fn command(parts: &str, more: &[String]) -> Vec<String> {
    parts.split(' ').map(str::to_owned).chain(more.iter().cloned()).collect()
}

fn cube(parts: &str) -> Vec<String> {
    [vec![programs::cube().to_owned()], command(parts, &[])].concat()
}

fn docker(parts: &str) -> Vec<String> {
    command(&format!("docker {parts}"), &[])
}

fn api(parts: &str) -> Vec<String> {
    let own = std::env::current_exe().unwrap().to_string_lossy().into_owned();
    [vec![own, "api".to_owned()], command(parts, &[])].concat()
}

fn curl(path: &str) -> Vec<String> {
    command(&format!("curl -sS --unix-socket {{socket}} http://docker{path}"), &[])
}

/// One job for each client.
fn clients(label: &str, jobs: Vec<(&'static str, Job)>) -> Vec<Client> {
    let client = |(name, job)| Client { name, phases: vec![(label.to_owned(), Phase::Job(job))] };
    jobs.into_iter().map(client).collect()
}

fn version(rounds: usize) -> Workload {
    let jobs = vec![("cube", Job::one(cube("--version"))), ("docker", Job::one(docker("--version")))];
    Workload::new(rounds, clients("--version", jobs))
}

fn ps(tasks: &str, rounds: usize) -> Workload {
    let jobs = vec![
        ("cube", Job::one(cube("ps -a"))),
        ("docker", Job::one(docker("ps -a --filter label=cube.task.id"))),
        ("api", Job::one(api("ps 1"))),
    ];
    Workload::new(rounds, clients(&format!("ps -a, {tasks} tasks"), jobs))
}

fn logs(bytes: u64, width: &str, lines: &str, rounds: usize) -> Workload {
    let label = format!("logs, {} in {width} lines", megabytes(bytes));
    Workload::new(rounds, clients(&label, log_jobs(""))).after(finished(lines))
}

fn log_jobs(follow: &str) -> Vec<(&'static str, Job)> {
    let on = u8::from(!follow.is_empty());
    vec![
        ("cube", Job::one(cube(&format!("logs {follow}{NAME}")))),
        ("docker", Job::one(docker(&format!("logs {follow}{NAME}")))),
        ("api", Job::one(api(&format!("logs {NAME} {on}")))),
        ("curl", Job::one(curl(&format!("/containers/{NAME}/logs?stdout=1&stderr=1&follow={on}")))),
    ]
}

fn follow(bytes: u64, lines: &str, rounds: usize) -> Workload {
    let label = format!("logs -f beside the writer, {} in short lines", megabytes(bytes));
    let args = vec!["sleep=0.5".to_owned(), lines.to_owned()];
    let given = Given { name: NAME.to_owned(), args, start: Start::Yes };
    let client = |(name, job)| Client { name, phases: vec![(label.clone(), Phase::On(given.clone(), job))] };
    Workload::new(rounds, log_jobs("-f ").into_iter().map(client).collect())
}

fn growing_log(bytes: u64) -> Workload {
    let job = Job::one(cube(&format!("logs {NAME}")));
    let label = format!("growth: logs, {}", megabytes(bytes));
    let client = Client { name: "cube", phases: vec![(label, Phase::Job(job))] };
    Workload::new(1, vec![client]).after(finished(&lines(bytes, 100)))
}

struct Words {
    image: String,
}

impl Words {
    fn run_by_cube(&self, name: &str) -> Vec<String> {
        cube(&format!("run --label {LABEL}=1 --name {name} --image {}", self.image))
    }

    fn run_by_docker(&self, name: &str) -> Vec<String> {
        docker(&format!("run -d -P --label {LABEL}=1 --name {name} {}", self.image))
    }

    fn life(&self, rounds: usize) -> Workload {
        let by_cube = vec![self.run_by_cube(NAME), cube(&format!("stop --time 0 {NAME}"))];
        let by_docker = vec![
            self.run_by_docker(NAME),
            docker(&format!("stop -t 0 {NAME}")),
            docker(&format!("rm -v {NAME}")),
        ];
        let jobs = vec![
            ("cube", Job::sequence(by_cube)),
            ("docker", Job::sequence(by_docker)),
            ("api", Job::one(api(&format!("life {} {NAME}", self.image)))),
        ];
        Workload::new(rounds, clients("create, start, stop, remove", jobs))
    }

    fn attach(&self, label: &str, args: &str, rounds: usize) -> Workload {
        let image = &self.image;
        let jobs = vec![
            ("cube", Job::one(cube(&format!("run --attach --label {LABEL}=1 --image {image} {args}")))),
            ("docker", Job::one(docker(&format!("run --rm -P --label {LABEL}=1 {image} {args}")))),
            ("api", Job::one(api(&format!("attach {image} {args}")))),
        ];
        Workload::new(rounds, clients(label, jobs))
    }

    fn many(&self, count: usize, rounds: usize) -> Workload {
        let (all, image) = (names(count), &self.image);
        let list = all.join(" ");
        let each =
            |command: &dyn Fn(&String) -> Vec<String>| Job::together(all.iter().map(command).collect());
        let (run, stop) = (format!("{count} tasks started at once"), format!("{count} tasks stopped"));
        let client = |name, start, end| Client {
            name,
            phases: vec![(run.clone(), Phase::Job(start)), (stop.clone(), Phase::Job(end))],
        };
        let by_docker = vec![docker(&format!("stop -t 0 {list}")), docker(&format!("rm -v {list}"))];
        let clients = vec![
            client(
                "cube",
                each(&|name| self.run_by_cube(name)),
                Job::one(cube(&format!("stop --time 0 {list}"))),
            ),
            client("docker", each(&|name| self.run_by_docker(name)), Job::sequence(by_docker)),
            client(
                "api",
                each(&|name| api(&format!("start {image} {name}"))),
                Job::one(api(&format!("stop {list}"))),
            ),
        ];
        Workload::new(rounds, clients)
    }

    fn ready(&self, rounds: usize) -> Workload {
        let image = &self.image;
        let flags = format!("run --label {LABEL}=1 --name {NAME} --wait-for port=5432 --image {image}");
        let job = Job::one(cube(&format!("{flags} sleep=0.71 listen=0.0.0.0:5432 now forever")));
        let label = "from the open socket to the end of run --wait-for port".to_owned();
        Workload::new(rounds, vec![Client { name: "cube", phases: vec![(label, Phase::Since(job))] }])
    }

    fn growing_tasks(&self, count: usize) -> Workload {
        let all = names(count);
        let runs = all.iter().map(|name| self.run_by_cube(name)).collect();
        let phase = |label: &str, job| (format!("growth: {label}, {count} tasks"), Phase::Job(job));
        let phases = vec![
            phase("run", Job::sequence(runs)),
            phase("ps", Job::one(cube("ps"))),
            phase("stop", Job::one(cube(&format!("stop --time 0 {}", all.join(" "))))),
        ];
        Workload::new(1, vec![Client { name: "cube", phases }])
    }
}
