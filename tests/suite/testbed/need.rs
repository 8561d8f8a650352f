//! The requirements of tests on the machine. If no engine answers, the suite runs each test in its own process, leaves
//! out those that need an engine, and reports that in one line. Under `tests/run` nothing is left out.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

use super::Engine;

/// The hint how to get an engine.
const NO_ENGINE: &str = "no engine for the tests: run them by tests/run, which installs and starts one, \
                         or set DOCKER_HOST=unix:///PATH to one that answers";
/// Set by `tests/run`: a missing requirement fails the test.
const COMPLETE: &str = "CUBE_TEST_COMPLETE";
/// Set for a test that runs in a process of its own.
const ALONE: &str = "CUBE_TEST_ALONE";
/// The prefix of the line in which such a test reports what it lacks.
const LACKS: &str = "left out, as the test needs ";

/// Ends the test unless there is an engine.
pub fn engine() {
    Engine::under_test();
}

/// Ends the test unless the machine has this program.
pub fn program(name: &str) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if !std::env::split_paths(&path).any(|folder| folder.join(name).is_file()) {
        missing(name, &format!("{name} is missing: tests/run installs it"));
    }
}

/// Whether the tests run as root.
pub fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

/// Has to be called before a test makes anything: without an engine, this process ends here.
pub fn settle() {
    if !is_set(ALONE) && !is_set(COMPLETE) && !Engine::is_there() {
        run_each_alone();
    }
}

/// Ends a test that lacks the engine.
pub fn no_engine() -> ! {
    missing("an engine", NO_ENGINE);
}

fn missing(what: &str, advice: &str) -> ! {
    settle();
    assert!(!is_set(ALONE), "\n{LACKS}{what}\n");
    panic!("{advice}");
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some()
}

/// The outcome of a test.
enum Fate {
    Passed,
    Failed(String),
    LeftOut(String),
}

/// Runs the tests whose requirements are met, each in its own process.
#[allow(clippy::exit)] // the harness has no other way to end before its tests do
fn run_each_alone() -> ! {
    static ONCE: Mutex<()> = Mutex::new(());
    let _other_tests_wait = ONCE.lock();
    // Not with `print!`, which the test harness captures.
    let mut out = io::stdout();
    let _ = writeln!(out, "\nno engine answers: each test runs in a process of its own");
    let names = listed();
    let fates = fates(&names);
    let passed = fates.iter().filter(|(_, fate)| matches!(fate, Fate::Passed)).count();
    let mut failed = 0;
    let mut left_out = BTreeMap::<&str, usize>::new();
    for (name, fate) in &fates {
        match fate {
            Fate::Passed => {}
            Fate::Failed(output) => {
                failed += 1;
                let _ = writeln!(out, "\n---- {name}\n{output}");
            }
            Fate::LeftOut(what) => *left_out.entry(what).or_default() += 1,
        }
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    let _ =
        writeln!(out, "\ntest result: {verdict}. {passed} passed; {failed} failed; {}\n", summary(&left_out));
    std::process::exit(if failed == 0 { 0 } else { 101 });
}

/// The line about tests that were left out, and how to run them.
fn summary(left_out: &BTreeMap<&str, usize>) -> String {
    let all: usize = left_out.values().sum();
    if all == 0 {
        return "nothing left out".to_owned();
    }
    let parts: Vec<_> = left_out.iter().map(|(what, count)| format!("{count} need {what}")).collect();
    format!(
        "left out: {all} ({}); `tests/run` brings what they need and leaves nothing out",
        parts.join(", ")
    )
}

/// The names of the selected tests.
fn listed() -> Vec<String> {
    let args = std::env::args_os().skip(1);
    let list = ["--list", "--format", "terse"].map(OsString::from);
    let listed = own(args.chain(list)).output().unwrap();
    let names = String::from_utf8(listed.stdout).unwrap();
    names.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

fn own(args: impl IntoIterator<Item = OsString>) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(args).env(ALONE, "1").stdin(Stdio::null());
    command
}

/// Runs the tests, as many at once as the machine has processors.
fn fates(names: &[String]) -> Vec<(&str, Fate)> {
    let next = Mutex::new(names.iter());
    let done = Mutex::new(Vec::new());
    let work = || {
        while let Some(name) = { next.lock().unwrap().next() } {
            let fate = fate(name);
            if !matches!(fate, Fate::LeftOut(_)) {
                let word = if matches!(fate, Fate::Passed) { "ok" } else { "FAILED" };
                let _ = writeln!(io::stdout(), "test {name} ... {word}");
            }
            done.lock().unwrap().push((name.as_str(), fate));
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    done.into_inner().unwrap()
}

fn fate(name: &str) -> Fate {
    let output = own([name.into(), "--exact".into(), "--nocapture".into()]).output().unwrap();
    if output.status.success() {
        return Fate::Passed;
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    match said.lines().find_map(|line| line.strip_prefix(LACKS)) {
        Some(what) => Fate::LeftOut(what.to_owned()),
        None => Fate::Failed(said),
    }
}
