//! One successful run of each command with recorded answers of a real engine. These tests need no engine.
//!
//! `CUBE_TEST_RECORD=1` starts a separate engine and records `tests/suite/recorded/VERB.json` again.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::testbed::private::Private;
use crate::testbed::recorder::{Exchange, Recorder};
use crate::testbed::registry::Registry;
use crate::testbed::scripted::{Reply, Scripted};
use crate::testbed::{Bed, Cube, image};

/// A command line and its expected result.
struct Run {
    /// The commands to run before it.
    before: &'static [&'static str],
    /// `IMAGE` is the probe's, `PULLED` one of a registry.
    line: &'static str,
    code: i32,
    /// Text in its stdout and in its stderr.
    shows: (&'static str, &'static str),
}

const RUNNING: &str = "run --name recorded --network none --image IMAGE";

/// The line on a task that runs.
fn on_running(line: &'static str, shows: &'static str) -> Run {
    Run { before: &[RUNNING], line, code: 0, shows: (shows, "") }
}

#[test]
fn run() {
    check("run", &Run { before: &[], line: RUNNING, code: 0, shows: ("\n", "") });
}

#[test]
fn run_attach() {
    let line = "run --attach --name recorded --network none --image IMAGE out=one err=two exit=3";
    check("run-attach", &Run { before: &[], line, code: 3, shows: ("one\n", "two\n") });
}

#[test]
fn with() {
    let line = "with --name recorded --network none --stop-timeout 5 --image IMAGE -- echo the host's";
    check("with", &Run { before: &[], line, code: 0, shows: ("the host's\n", "") });
}

#[test]
fn stop() {
    check("stop", &on_running("stop -t 5 recorded", "recorded\n"));
}

#[test]
fn logs() {
    let before = &["run --name recorded --network none --image IMAGE out=one err=two", "wait recorded"];
    check("logs", &Run { before, line: "logs recorded", code: 0, shows: ("one\n", "two\n") });
}

#[test]
fn wait() {
    let before = &["run --name recorded --network none --image IMAGE sleep=0.5 exit=7"];
    check("wait", &Run { before, line: "wait recorded", code: 7, shows: ("7\n", "") });
}

#[test]
fn ps() {
    check("ps", &on_running("-o json ps", r#""name":"recorded""#));
}

#[test]
fn exec() {
    let line = "exec recorded /probe out=one exit=4";
    check("exec", &Run { code: 4, ..on_running(line, "one\n") });
}

#[test]
fn port() {
    let before = &["run --name recorded --bind 127.0.0.1 --expose 80 --image IMAGE"];
    check("port", &Run { before, line: "port recorded 80", code: 0, shows: ("127.0.0.1:", "") });
}

#[test]
fn inspect() {
    check("inspect", &on_running("inspect recorded", r#""Name": "/recorded""#));
}

#[test]
fn pull() {
    check("pull", &Run { before: &[], line: "pull PULLED", code: 0, shows: ("sha256:", "") });
}

#[test]
fn prune() {
    let before = &["run --name recorded --network none --image IMAGE exit=0", "wait recorded"];
    check("prune", &Run { before, line: "prune", code: 0, shows: ("\n", "") });
}

#[test]
fn cp() {
    check("cp", &on_running("cp recorded:/etc/passwd -", "probe:x:1000:1000::/:/\n"));
}

#[test]
fn attach() {
    let before = &["run --name recorded --network none --image IMAGE sleep=2 out=late exit=3"];
    check("attach", &Run { before, line: "attach recorded", code: 3, shows: ("late\n", "") });
}

#[test]
fn kill() {
    check("kill", &on_running("kill --signal USR1 recorded", "recorded\n"));
}

#[test]
fn rm() {
    check("rm", &on_running("rm --force recorded", "recorded\n"));
}

/// Runs the line against the recorded answers.
fn check(verb: &str, run: &Run) {
    if std::env::var_os("CUBE_TEST_RECORD").is_some() {
        record(verb, run);
    }
    let recorded: Value = serde_json::from_slice(&fs::read(file(verb)).unwrap()).unwrap();
    let mut engine = Scripted::new();
    for exchange in recorded["exchanges"].as_array().unwrap() {
        let parts = exchange["answer"].as_array().unwrap().iter();
        let part = |part: &Value| (part["after"].as_str().unwrap().to_owned(), bytes(&part["bytes"]));
        let (request, reply) =
            (exchange["request"].as_str().unwrap(), Reply::InTurn(parts.map(part).collect()));
        // If HOST-COMMAND ends at once, `with` ends before it waits for the task's end.
        let expect = if request.ends_with("/wait") { Scripted::always } else { Scripted::on };
        engine = expect(engine, request, reply);
    }
    let line = recorded["line"].as_str().unwrap();
    let output = engine.cube(line.split(' ')).ends(run.code).output();
    assert_eq!(text(&output.stdout), recorded["prints"].as_str().unwrap(), "{}", output.stderr);
    let (stdout, stderr) = run.shows;
    assert!(text(&output.stdout).contains(stdout), "{output:?}");
    assert!(output.stderr.contains(stderr), "{output:?}");
}

fn file(verb: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/recorded").join(format!("{verb}.json"))
}

/// Each byte as the character of its number, and back.
fn text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn bytes(text: &Value) -> Vec<u8> {
    text.as_str().unwrap().chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect()
}

/// Runs the line on a real engine and writes down what was asked and answered.
fn record(verb: &str, run: &Run) {
    let private = Private::start(false);
    let engine = private.engine();
    let bed = Bed::on(engine);
    let image = image::probe_on(engine, &[]);
    let pulled = if run.line.contains("PULLED") {
        Registry::open().publish_from(engine, "cube-test/recorded", "1").0
    } else {
        String::new()
    };
    let full = |line: &str| line.replace("IMAGE", &image).replace("PULLED", &pulled);
    for line in run.before {
        bed.cube(full(line).split(' ')).ends_somehow().output();
    }
    let recorder = Recorder::before(&private.socket());
    let line = full(run.line);
    let output = Cube::new(line.split(' ')).env("DOCKER_HOST", recorder.host()).ends(run.code).output();
    let part = |(after, bytes): &(String, Vec<u8>)| json!({"after": after, "bytes": text(bytes)});
    let exchange = |exchange: &Exchange| {
        let answer: Vec<Value> = exchange.answer.iter().map(part).collect();
        json!({"request": exchange.request, "answer": answer})
    };
    let exchanges: Vec<Value> = recorder.take().iter().map(exchange).collect();
    let content = json!({"line": line, "prints": text(&output.stdout), "exchanges": exchanges});
    fs::create_dir_all(file(verb).parent().unwrap()).unwrap();
    fs::write(file(verb), format!("{content:#}\n")).unwrap();
}
