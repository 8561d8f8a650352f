//! Every request of a command fails in every way: cube ends by itself, reports what is known, repeats nothing that may
//! have taken effect, and leaves nothing.

use std::collections::HashSet;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::testbed::private::Private;
use crate::testbed::proxy::{Fault, Proxy};
use crate::testbed::registry::Registry;
use crate::testbed::{Bed, Cube, Engine, Task, cube::Output, image};

/// How many cases run at the same time.
const WALKERS: usize = 16;
/// How long a guard may take to remove what cube could not.
const GONE: Duration = Duration::from_secs(10);

/// Whether all cases are requested.
fn is_long() -> bool {
    std::env::var_os("CUBE_TEST_FAULTS").is_some()
}

/// A command line of cube, with ID and LABEL in place of what differs from run to run.
struct Scenario {
    name: &'static str,
    args: Vec<String>,
    /// The arguments for the probe of an existing task, if the command needs one.
    task: Option<&'static [&'static str]>,
    code: i32,
    /// The exit code of failures.
    failure: i32,
    /// Its output; `None` if that differs each time.
    prints: Option<&'static str>,
}

/// A separate engine: `prune` removes every ended task, even those of other tests.
fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Private> = OnceLock::new();
    ENGINE.get_or_init(|| Private::start(false)).engine()
}

fn scenarios(pulled: &str) -> Vec<Scenario> {
    let image = image::probe_on(engine(), &[]);
    let usual = format!("--label LABEL --network none --image {image}");
    let scenario = |name, line: String, task, (code, failure), prints| Scenario {
        name,
        args: line.split(' ').map(str::to_owned).collect(),
        task,
        code,
        failure,
        prints,
    };
    let forever: Option<&[&str]> = Some(&["forever"]);
    vec![
        scenario("run", format!("run {usual} forever"), None, (0, 125), None),
        scenario(
            "run that pulls and waits",
            format!(
                "-o json run --pull always --wait-for log=up --label LABEL --network none --image {pulled} out=up forever"
            ),
            None,
            (0, 125),
            None,
        ),
        scenario(
            "run --attach",
            format!("run --attach {usual} out=one sleep=0.2 out=two exit=3"),
            None,
            (3, 125),
            Some("one\ntwo\n"),
        ),
        scenario("with", format!("with {usual} forever -- echo done"), None, (0, 125), Some("done\n")),
        scenario("stop", "stop ID".to_owned(), forever, (0, 1), None),
        scenario(
            "logs -f",
            "logs -f ID".to_owned(),
            Some(&["out=one", "sleep=0.5", "out=two"]),
            (0, 1),
            Some("one\ntwo\n"),
        ),
        scenario("wait", "wait ID".to_owned(), Some(&["sleep=0.5", "exit=3"]), (3, 1), Some("3\n")),
        scenario("pull", format!("pull {pulled}"), None, (0, 1), None),
    ]
}

/// One scenario with one fault.
struct Point<'a> {
    scenario: &'a Scenario,
    at: usize,
    fault: Fault,
    /// Whether the guard dies too, so that only the label is left.
    unguarded: bool,
}

impl std::fmt::Display for Point<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let guard = if self.unguarded { ", without its guard" } else { "" };
        write!(f, "{}, request {}, {:?}{guard}", self.scenario.name, self.at, self.fault)
    }
}

impl Scenario {
    /// Runs it through `proxy`; the existing task lives as long as the returned value.
    fn run<'bed>(&self, bed: &'bed Bed, proxy: &Proxy, stalls: bool) -> (Option<Task<'bed>>, Output) {
        let task = self.task.map(|actions| {
            let image = image::probe_on(engine(), &[]);
            bed.start(["--network", "none", "--image", &image].iter().chain(actions))
        });
        let id = task.as_ref().map_or("", |task| &task.id);
        let args = self.args.iter().map(|word| word.replace("LABEL", &bed.label()).replace("ID", id));
        let mut cube = Cube::new(args.collect::<Vec<_>>()).env("DOCKER_HOST", proxy.host()).ends_somehow();
        if stalls {
            cube = cube.env("CUBE_ENGINE_TIMEOUT", "2s");
        }
        let output = cube.output();
        (task, output)
    }

    fn points(&self) -> Vec<Point<'_>> {
        let bed = Bed::on(engine());
        let proxy = Proxy::before(engine(), None);
        let (task, clean) = self.run(&bed, &proxy, false);
        assert_eq!(clean.status, self.code, "{} without a fault: {}", self.name, clean.stderr);
        remove_all(&bed);
        drop(task);
        let requests = proxy.seen();
        println!("{}: {}", self.name, requests.iter().map(|line| short(line)).collect::<Vec<_>>().join(", "));
        let both = |fault: Fault| if fault.is_for_good() { vec![false, true] } else { vec![false] };
        let faults: Vec<_> = Fault::ALL
            .iter()
            .flat_map(|f| both(*f).into_iter().map(move |unguarded| (*f, unguarded)))
            .collect();
        let all = (0..requests.len()).flat_map(|at| faults.iter().enumerate().map(move |(n, f)| (at, n, *f)));
        // By default every fifth case, chosen so that each request occurs, and over all scenarios each fault.
        let walked = all.filter(|(at, n, _)| is_long() || (at + n).is_multiple_of(5));
        walked.map(|(at, _, (fault, unguarded))| Point { scenario: self, at, fault, unguarded }).collect()
    }
}

impl Point<'_> {
    /// Runs the case; returns the bed if only a label shows what is left.
    fn walk(&self) -> Option<Bed> {
        let bed = Bed::on(engine());
        let proxy = Proxy::before(engine(), Some((self.at, self.fault)));
        let (task, output) = self.scenario.run(&bed, &proxy, self.fault == Fault::Stall);
        self.judge(&output);
        self.nothing_twice(&proxy.seen());
        if self.unguarded {
            drop(task);
            for id in bed.containers() {
                end_guard(engine().container(&id)["Config"]["Labels"]["cube.task.id"].as_str().unwrap());
            }
            return Some(bed);
        }
        proxy.come_back();
        if output.status == self.scenario.code {
            self.success(&bed, &output);
        } else if self.scenario.name == "stop" {
            let id = &task.as_ref().unwrap().id;
            if engine().has_container(id) {
                bed.cube(["stop", id]).output();
            }
        }
        drop(task);
        let deadline = Instant::now() + GONE;
        while !bed.containers().is_empty() {
            let left = bed.containers();
            assert!(Instant::now() < deadline, "{self}: left {left:?}\n{}", output.stderr);
            // Polls: the guard reports nothing when it is done.
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }

    /// Checks the report of a failure: the exit code, and an error with a hint.
    fn judge(&self, output: &Output) {
        let Output { status, stderr, .. } = output;
        let shown = || format!("{self}: {status}\n{}\n{stderr}", output.text());
        assert!(!stderr.contains("panicked"), "{}", shown());
        assert!([self.scenario.code, self.scenario.failure].contains(status), "{}", shown());
        if self.fault == Fault::Delay {
            assert_eq!(*status, self.scenario.code, "{}", shown());
        }
        if *status == self.scenario.failure {
            let hinted = stderr.contains("  hint: ") || output.text().contains("\"hint\":\"");
            assert!(
                hinted && (stderr.contains("cube: ") || output.text().contains("\"kind\":")),
                "{}",
                shown()
            );
        }
        if let Some(whole) = self.scenario.prints {
            let text = output.text();
            assert!(whole.starts_with(&text), "{}", shown());
            assert!(*status == self.scenario.failure || text == whole, "{}", shown());
        }
    }

    /// Checks what a success promises; then cleans up as a user would.
    fn success(&self, bed: &Bed, output: &Output) {
        match self.scenario.name {
            "run" => {
                let id = output.text().trim_end().to_owned();
                assert_eq!(bed.containers(), [id.as_str()], "{self}");
                bed.cube(["stop", "-t", "0", &id]).output();
            }
            "run that pulls and waits" => {
                let id = output.json()["container_id"].as_str().unwrap().to_owned();
                bed.cube(["stop", "-t", "0", &id]).output();
            }
            "stop" => assert!(bed.containers().is_empty(), "{self}"),
            _ => {}
        }
    }

    /// Checks that only harmless requests are repeated: questions, and requests that have no effect the second time.
    fn nothing_twice(&self, seen: &[String]) {
        let mut posts = HashSet::new();
        // A stop signal is sent again to a process that had no handler yet when the first one came.
        let repeatable = |line: &str| {
            ["/wait", "/images/create", "/kill?signal="].iter().any(|words| line.contains(words))
        };
        for line in seen.iter().filter(|line| line.starts_with("POST ") && !repeatable(line)) {
            assert!(posts.insert(short(line)), "{self}: {line} was sent twice: {seen:?}");
        }
    }
}

/// A request without ids and query.
fn short(line: &str) -> String {
    let path = line.split('?').next().unwrap();
    path.split('/').filter(|word| word.len() < 32).collect::<Vec<_>>().join("/")
}

fn remove_all(bed: &Bed) {
    for id in bed.containers() {
        bed.engine().delete(&format!("/containers/{id}?force=1&v=1"));
    }
}

/// Kills the guard of a task, both while it waits and when it acts.
fn end_guard(task_id: &str) {
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let read = |name| {
            String::from_utf8_lossy(&std::fs::read(entry.path().join(name)).unwrap_or_default()).into_owned()
        };
        let line = read("cmdline");
        if line.starts_with("task-guard\0") && line.contains(task_id) {
            let pid: i32 = entry.file_name().to_str().unwrap().parse().unwrap();
            let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
        }
    }
}

#[test]
fn every_request_fails_in_every_way() {
    let bed = Bed::new();
    let image = Registry::open().publish(&bed, "1");
    let scenarios = scenarios(&image.reference);
    let points: Vec<_> = scenarios.iter().flat_map(Scenario::points).collect();
    let queue = Mutex::new(points.iter());
    let (left, faults) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..WALKERS {
            scope.spawn(|| {
                loop {
                    let Some(point) = queue.lock().unwrap().next() else { return };
                    match std::panic::catch_unwind(|| point.walk()) {
                        Ok(bed) => left.lock().unwrap().extend(bed),
                        Err(_) => faults.lock().unwrap().push(point.to_string()),
                    }
                }
            });
        }
    });
    let left = left.into_inner().unwrap();
    let labelled: usize = left.iter().map(|bed| bed.containers().len()).sum();
    bed.cube(["prune"]).env("DOCKER_HOST", engine().host()).output();
    for bed in left {
        for id in bed.containers() {
            // The engine does not know whether its run was reported, so prune must not remove it.
            let owner = engine().container(&id)["Config"]["Labels"]["cube.task.owner"].clone();
            assert!(owner.as_str().unwrap().ends_with(" start"), "prune left {id}");
            bed.cube(["stop", "-t", "0", &id]).output();
        }
    }
    println!("{} points walked; {labelled} tasks left to their label", points.len());
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{} of {} points: {faults:#?}", faults.len(), points.len());
}
