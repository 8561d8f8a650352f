//! `cube wait`: the exit code, printed and returned.

use std::time::Duration;

use serde_json::json;

use crate::testbed::scripted::{Reply, Scripted};
use crate::testbed::{Bed, Cube, probe};

#[test]
fn prints_the_code_and_ends_with_it() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe(), "exit=3"]);
    assert_eq!(bed.cube(["wait", &task.id]).exits(3).text(), "3\n");
}

#[test]
fn success_is_zero() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe(), "out=done"]);
    assert_eq!(bed.cube(["wait", &task.id]).text(), "0\n");
}

#[test]
fn it_waits_for_a_task_that_still_runs() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe(), "out=up", "forever"]);
    let waiting = bed.cube(["wait", &task.id]).exits(143).any_stderr().spawn();
    let mut logs = bed.cube(["logs", "-f", &task.id]).spawn();
    logs.wait_for_stdout("up\n");
    bed.engine().send("POST", &format!("/containers/{}/kill?signal=TERM", task.id), &[], &[]);
    assert_eq!(waiting.finish().text(), "143\n");
    logs.finish();
}

#[test]
fn a_task_that_is_killed_gives_137() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe()]);
    bed.engine().send("POST", &format!("/containers/{}/kill", task.id), &[], &[]);
    assert_eq!(bed.cube(["wait", &task.id]).exits(137).stderr_has("reason: ").text(), "137\n");
}

#[test]
fn waiting_removes_nothing() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe(), "exit=0"]);
    bed.cube(["wait", &task.id]).output();
    let status = task.inspect()["State"]["Status"].clone();
    // podman's state until it has cleaned up.
    let is_podman_s = bed.engine().is_podman() && status == "stopped";
    assert!(status == "exited" || is_podman_s, "{status}");
}

#[test]
fn as_json_a_wait_that_runs_out_names_the_task() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe()]);
    for args in [&["--timeout", "100ms"][..], &["--timeout", "100ms", "--for", "log=never"]] {
        let object = bed.cube(["-o", "json", "wait", &task.id].iter().chain(args)).ends(124).json();
        assert_eq!(object["container_id"], *task.id, "{object}");
        assert_eq!(object["timed_out"], true, "{object}");
    }
}

#[test]
fn as_json_the_code_is_in_the_object() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe(), "exit=3"]);
    let object = bed.cube(["-o", "json", "wait", &task.id]).exits(3).json();
    assert_eq!((&object["action"], &object["exit_code"]), (&"wait".into(), &3.into()), "{object}");
    assert_eq!(object["state"], "Failed");
}

const ID: &str = "0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b";

fn running() -> Reply {
    Reply::json(200, json!({"Id": ID, "State": {"Status": "running"}}).to_string())
}

#[test]
fn an_engine_with_bad_answers_is_not_asked_without_a_pause() {
    for body in ["", "{", "[]", "null"] {
        let engine = Scripted::new()
            .always("GET /containers/*/json", running())
            .always("POST /containers/*/wait", Reply::json(200, body));
        engine.cube(["wait", "--timeout", "2s", ID]).fails(124).output();
        let asked = engine.count("POST /containers");
        assert!((2..30).contains(&asked), "{body:?}: {asked} times");
    }
}

#[test]
fn a_wait_that_failed_in_the_engine_is_not_a_success() {
    let answer = json!({"StatusCode": 0, "Error": {"Message": "the shim is gone"}}).to_string();
    let engine = Scripted::new()
        .always("GET /containers/*/json", running())
        .always("POST /containers/*/wait", Reply::json(200, answer));
    engine.cube(["wait", ID]).fails(1).stderr_has("the shim is gone").output();
}

#[test]
fn a_failed_task_is_explained() {
    let bed = Bed::new();
    // A busy engine 20.10 may miss the kernel's report; cube only repeats the engine's.
    let starved = || {
        let task = bed.start(["--image", &probe(), "--memory", "16m", "memory=64"]);
        bed.cube(["wait", &task.id]).exits(137).any_stderr().output();
        (bed.engine().container(&task.id)["State"]["OOMKilled"] == true).then_some(task)
    };
    let task = (0..5).find_map(|_| starved()).expect("the engine sees want of memory");
    let waited =
        bed.cube(["wait", &task.id]).exits(137).stderr_has("failed: ").stderr_has("remedy: ").output();
    assert!(waited.text() == "137\n" && waited.stderr.contains("memory"), "{}", waited.stderr);
    let object = bed.cube(["-o", "json", "wait", &task.id]).ends(137).json();
    assert_eq!((&object["cause"]["kind"], &object["exit_code"]), (&json!("out_of_memory"), &json!(137)));
    // A code alone has no cause.
    let task = bed.start(["--image", &probe(), "exit=3"]);
    assert_eq!(bed.cube(["-o", "json", "wait", &task.id]).ends(3).json().get("cause"), None);
}

#[test]
fn the_time_limit_holds_for_an_engine_that_does_not_answer() {
    let bed = Bed::new();
    let socket = bed.path("silent");
    // Nobody takes the connections that wait here.
    let _silent = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let host = format!("unix://{}", socket.display());
    for goal in [&[][..], &["--for", "running"]] {
        let args = [&["-H", &host, "-o", "json", "wait", "--timeout", "1s"][..], goal, &["x"]].concat();
        let wait = Cube::new(args).within(Duration::from_secs(20)).ends(124);
        assert_eq!(wait.json()["error"]["kind"], "timed_out", "{goal:?}");
    }
}
