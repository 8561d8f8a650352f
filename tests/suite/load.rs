//! Load: many tasks at once from many processes and from one, kills at random moments, first starts of a database. A
//! variable sets each count; `tests/README.md` shows the long runs.

use std::collections::HashSet;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use cube::{Config, Docker, Error};
use rustix::process::Signal;

use crate::testbed::bed::is_id;
use crate::testbed::{Bed, cube::Running, engine::docker_at, image, need, probe};

/// How long the removal of a killed cube's task may take. A guard looks for two minutes for a container that an
/// unanswered request may make.
const GONE: Duration = Duration::from_mins(3);
/// The latest time after its start at which cube is killed: by then its task has run for a while.
const LATEST: u64 = 1500;
/// How many processes of cube are killed at the same time.
const KILLERS: usize = 4;

/// How many tasks of one runner run at the same time.
const AT_ONCE: usize = 4;

/// A count that the environment may raise.
pub fn count(variable: &str, usual: usize) -> usize {
    std::env::var(variable).map_or(usual, |number| number.parse().unwrap())
}

/// Calls `work` with 0 to `count`, each in its own thread.
pub fn in_threads(threads: usize, count: usize, work: impl Fn(usize) + Sync) {
    let next = Mutex::new(0..count);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let Some(number) = next.lock().unwrap().next() else { return };
                    work(number);
                }
            });
        }
    });
}

/// One of four tasks runs until it is stopped; the others end by themselves, each with its own code.
fn code(number: usize) -> i32 {
    if number.is_multiple_of(4) { 143 } else { i32::try_from(number % 100).unwrap() }
}

#[test]
fn tasks_of_many_processes_at_once() {
    let tasks = count("CUBE_TEST_TASKS", 40);
    let (bed, image) = (Bed::new(), probe());
    let ids = Mutex::new(vec![String::new(); tasks]);
    in_threads(tasks / 4, tasks, |number| {
        let action =
            if code(number) == 143 { "forever".to_owned() } else { format!("exit={}", code(number)) };
        let id = bed.run(["--network", "none", "--image", &image, &action]).text().trim_end().to_owned();
        ids.lock().unwrap()[number] = id;
    });
    let ids = ids.into_inner().unwrap();
    assert!(ids.iter().all(|id| is_id(id)));
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), tasks);
    in_threads(tasks / 4, tasks, |number| {
        let id = &ids[number];
        if code(number) != 143 {
            let waited = bed.cube(["wait", id]).exits(code(number)).text();
            assert_eq!(waited, format!("{}\n", code(number)));
        }
        let result = bed.cube(["-o", "json", "stop", id]).json();
        assert_eq!(
            (&result["exit_code"], &result["container_id"]),
            (&code(number).into(), &id.as_str().into())
        );
    });
    bed.assert_empty();
    println!("{tasks} tasks of {} processes at once", tasks / 4);
}

/// Numbers that look random, the same in each run.
pub fn scattered(number: usize) -> u64 {
    let mut state = (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    state ^= state >> 29;
    state.wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 33
}

/// `with` or `run --attach`, in turn, killed at a random moment.
fn killed(bed: &Bed, image: &str, number: usize, signal: Signal, status: i32) -> (Running, Vec<u32>) {
    let label = bed.label();
    let flags = ["--label", &label, "--network", "none", "--image", image, "forever"];
    let with = number.is_multiple_of(2);
    let command: &[&str] = &["--", "sleep", "60"];
    let (verb, rest): (&[&str], &[&str]) =
        if with { (&["with"], command) } else { (&["run", "--attach"], &[]) };
    let cube = bed.cube([verb, &flags, rest].concat()).open_stdin().ends(status);
    let running = cube.spawn();
    if signal != Signal::KILL {
        // Before that, the system ends the process, and nothing was started.
        running.wait_until_handling(signal);
    }
    // A sleep and no event, because any moment is right.
    std::thread::sleep(Duration::from_millis(scattered(number) % LATEST));
    let guards = if signal == Signal::KILL { guards_of(&running) } else { vec![] };
    running.signal(signal);
    (running, guards)
}

/// Suspends a process of cube, so that it starts no guard any more, and returns the one that it has.
pub fn guards_of(cube: &Running) -> Vec<u32> {
    cube.signal(Signal::STOP);
    let pid = cube.pid();
    let stands = || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        ["T (stopped)", "Z (zombie)"].iter().any(|state| status.contains(state))
    };
    while !stands() {
        std::thread::yield_now();
    }
    cube.children().into_iter().filter(|pid| is_guard(*pid)).collect()
}

/// A guard; for its first moments it has cube's own name, and when it begins to act that of the link by which it starts.
pub fn is_guard(pid: u32) -> bool {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm"));
    name.is_ok_and(|name| matches!(name.as_str(), "task-guard\n" | "cube\n" | "exe\n"))
}

#[test]
fn nothing_is_left_after_a_kill_at_a_random_moment() {
    let kills = count("CUBE_TEST_KILLS", 12);
    let image = probe();
    let slowest = Mutex::new(Duration::ZERO);
    in_threads(KILLERS, kills, |number| {
        let bed = Bed::new();
        let (mut running, guards) = killed(&bed, &image, number, Signal::KILL, -9);
        let killed = Instant::now();
        running.wait_killed();
        // While the guard exists, a create request that the engine has received may still take effect.
        while guards.iter().any(|pid| is_guard(*pid)) || !bed.containers().is_empty() {
            let left = bed.containers();
            assert!(killed.elapsed() < GONE, "kill {number}: left {left:?} and the guard {guards:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut slowest = slowest.lock().unwrap();
        *slowest = slowest.max(killed.elapsed());
    });
    println!("{kills} killed by SIGKILL, the slowest gone after {:?}", slowest.into_inner().unwrap());
}

#[test]
fn nothing_is_left_after_an_interrupt_at_a_random_moment() {
    let kills = count("CUBE_TEST_KILLS", 12);
    let image = probe();
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        in_threads(KILLERS, kills, |number| {
            let bed = Bed::new();
            let output = killed(&bed, &image, number, signal, status).0.finish();
            let left = bed.containers();
            assert!(left.is_empty(), "{number}, {signal:?}: left {left:?}: {output:?}");
        });
        println!("{kills} ended by {signal:?} with {status}");
    }
}

/// Open file descriptors and threads of this process.
fn held() -> (usize, usize) {
    let entries = |path: &str| std::fs::read_dir(path).unwrap().count();
    (entries("/proc/self/fd"), entries("/proc/self/task"))
}

/// Runs a task to its end, its output followed, and removes it.
async fn life(docker: &Docker, config: Config) -> Result<(), Error> {
    let mut run = docker.run(config);
    let task = run.create().await?;
    let (task, mut output, _input) = run.start_attached(task, &cube::AttachOptions::default()).await?;
    let mut text = Vec::new();
    while let Some(chunk) = output.next().await? {
        text.extend_from_slice(&chunk.bytes);
    }
    // Where the log has not got it either, the engine itself lost it.
    let log =
        if text.is_empty() { task.logs(&cube::LogOptions::default()).await?.next().await? } else { None };
    assert_eq!(text, b"done\n", "in the log: {log:?}");
    assert_eq!(output.exit().map(|exit| exit.code), Some(5));
    task.remove().await
}

async fn lives(docker: &Docker, bed: &Bed, count: usize) {
    let mut config = Config::new(probe().parse().unwrap());
    config.process.command = ["out=done", "exit=5"].map(str::to_owned).to_vec();
    config.network.networks = vec![cube::NetworkAttachment::named("none")];
    config.labels.insert("cube-test.bed".to_owned(), bed.name().to_owned());
    for _ in 0..count / AT_ONCE {
        let some = (0..AT_ONCE).map(|_| life(docker, config.clone()));
        futures_util::future::try_join_all(some).await.unwrap();
    }
}

#[test]
fn one_runner_holds_no_more_after_many_tasks() {
    const ALONE: &str = "CUBE_TEST_ALONE";
    let tasks = count("CUBE_TEST_TASKS", 40);
    if std::env::var_os(ALONE).is_none() {
        // In a separate process, because other tests open files too.
        let mut own = Command::new(std::env::current_exe().unwrap());
        own.args(["--exact", "load::one_runner_holds_no_more_after_many_tasks", "--nocapture"]);
        assert!(own.env(ALONE, "1").status().unwrap().success());
        return;
    }
    let bed = Bed::new();
    let docker = docker_at(bed.engine().host());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        lives(&docker, &bed, 8).await;
        let before = held();
        lives(&docker, &bed, tasks).await;
        let after = held();
        println!("{tasks} tasks of one runner: descriptors and threads {before:?}, then {after:?}");
        // The runner keeps as many connections as were in use at once, which varies.
        assert!(after.0 < before.0 + AT_ONCE && after.1 <= before.1, "{before:?} grew to {after:?}");
    });
    bed.assert_empty();
}

#[test]
fn a_first_start_of_postgres_is_ready_when_it_is_reported() {
    let starts = count("CUBE_TEST_DATABASES", 3);
    need::engine();
    need::program("psql");
    let image = image::postgres();
    for number in 0..starts {
        let bed = Bed::new();
        let database = ["--env", "POSTGRES_USER=cube", "--env", "POSTGRES_PASSWORD=secret"];
        let ready = ["--wait-for", "postgres", "--bind", "127.0.0.1", "--image", &image];
        let task = bed.start([database.as_slice(), &ready].concat());
        let port = task.host_port("5432/tcp").to_string();
        let mut psql = Command::new("psql");
        psql.args(["-h", "127.0.0.1", "-p", &port, "-U", "cube", "-Atc", "SELECT 6 * 7"]);
        let answer = psql.env("PGPASSWORD", "secret").output().unwrap();
        assert_eq!(String::from_utf8_lossy(&answer.stdout), "42\n", "start {number}: {answer:?}");
        bed.cube(["stop", "-t", "0", &task.id]).output();
    }
    println!("{starts} first starts of PostgreSQL, each ready for the first psql");
}
