//! An engine that stops answering while the task runs: the first signal stops the task, the second kills it, the third
//! ends cube, whatever request is open; the guard goes on.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::testbed::proxy::Proxy;
use crate::testbed::{Bed, Cube, cube::Running, probe};

/// The requests that inspect, stop and remove a task.
const END: [&str; 4] = ["/json", "/stop", "/kill", "DELETE "];
/// How long the guard may take to remove the task after the engine goes on.
const GONE: Duration = Duration::from_secs(30);

/// Three different signals, which the kernel does not merge even if cube reads them late.
fn three_signals(running: &Running) {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        running.signal(signal);
    }
}

/// The JSON result, on either stream.
fn object(running: Running) -> Value {
    let output = running.finish();
    let text = output.text();
    let line = text.lines().chain(output.stderr.lines()).rfind(|line| line.starts_with("{\"action\""));
    serde_json::from_str(line.unwrap_or_else(|| panic!("no JSON in {text}{}", output.stderr))).unwrap()
}

/// Lets the engine go on, and waits until the guard has removed the task.
fn guard_removes(bed: &Bed, proxy: &Proxy) {
    proxy.let_go();
    let deadline = Instant::now() + GONE;
    while !bed.containers().is_empty() {
        assert!(Instant::now() < deadline, "the guard left {:?}", bed.containers());
        // Polls: the guard reports nothing when it is done.
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// cube with an engine that can stop answering.
fn before(proxy: &Proxy, cube: Cube, code: i32) -> Running {
    cube.env("DOCKER_HOST", proxy.host()).env("CUBE_OUTPUT", "json").minding_hangup().ends(code).spawn()
}

fn place() -> (Bed, Proxy) {
    let bed = Bed::new();
    let proxy = Proxy::before(bed.engine(), None);
    (bed, proxy)
}

/// Checks that an ended run names the container that is left, and that the guard goes on. Returns the run's JSON.
fn left_to_the_guard(bed: &Bed, proxy: &Proxy, running: Running) -> Value {
    let id = bed.containers().remove(0);
    let object = object(running);
    assert_eq!(object["container_id"], id, "it is still there: {object}");
    guard_removes(bed, proxy);
    object
}

/// The same of a run that a third signal ended.
fn ended_by_the_third(bed: &Bed, proxy: &Proxy, running: Running) {
    let object = left_to_the_guard(bed, proxy, running);
    assert_eq!(
        (&object["error"]["kind"], &object["result"]),
        (&"interrupted".into(), &"failure".into()),
        "{object}"
    );
}

#[test]
fn a_detached_run_whose_engine_hangs_after_the_start() {
    let (bed, proxy) = place();
    proxy.hold(&END);
    let running = before(&proxy, bed.run(["--image", &probe(), "forever"]), 130);
    proxy.wait_for("/json");
    three_signals(&running);
    ended_by_the_third(&bed, &proxy, running);
}

/// Runs `args` with a removal that hangs.
fn removal(args: &[&str]) {
    let (bed, proxy) = place();
    let label = bed.label();
    proxy.hold(&["DELETE "]);
    let labelled = [&args[..1], &["--label", &label], &args[1..]].concat();
    let running = before(&proxy, bed.cube(labelled), 130);
    proxy.wait_for("DELETE ");
    three_signals(&running);
    ended_by_the_third(&bed, &proxy, running);
}

#[test]
fn a_removal_that_hangs_after_the_task_s_end() {
    removal(&["run", "--attach", "--image", &probe(), "exit=3"]);
}

#[test]
fn a_removal_that_hangs_after_the_command_s_end() {
    removal(&["with", "--image", &probe(), "forever", "--", "true"]);
}

#[test]
fn a_stop_that_hangs() {
    let (bed, proxy) = place();
    let args = ["--attach", "--stop-timeout", "50", "--image", &probe(), "out=up", "forever"];
    let mut running = before(&proxy, bed.run(args), 130);
    running.wait_for_stdout("up\n");
    proxy.hold(&END);
    running.signal(Signal::INT);
    proxy.wait_for("/stop");
    running.signal(Signal::INT);
    proxy.wait_for("/kill?signal=SIGKILL");
    running.signal(Signal::INT);
    left_to_the_guard(&bed, &proxy, running);
}

#[test]
fn a_stop_at_the_end_of_with_that_hangs() {
    let (bed, proxy) = place();
    let (label, image) = (bed.label(), probe());
    let args = ["with", "--stop-timeout", "50", "--label", &label, "--image", &image, "forever"];
    let command = ["--", "sh", "-c", "echo up; read line"];
    let mut running = before(&proxy, bed.cube(args.iter().chain(&command)).open_stdin(), 130);
    running.wait_for_stdout("up\n");
    proxy.hold(&END);
    running.close_stdin();
    proxy.wait_for("/stop");
    three_signals(&running);
    // `read` found the end of its input.
    ended_by_the_third(&bed, &proxy, running);
}

#[test]
fn a_signal_that_the_engine_does_not_deliver() {
    let (bed, proxy) = place();
    let mut running = before(&proxy, bed.run(["--attach", "--image", &probe(), "out=up", "forever"]), 130);
    running.wait_for_stdout("up\n");
    proxy.hold(&END);
    running.signal(Signal::USR1);
    proxy.wait_for("/kill?signal=SIGUSR1");
    running.signal(Signal::INT);
    running.wait_for_stderr("stopping");
    three_signals(&running);
    left_to_the_guard(&bed, &proxy, running);
}

#[test]
fn a_question_about_the_end_is_dropped_at_the_second_signal() {
    let (bed, proxy) = place();
    let args = ["--attach", "--image", &probe(), "out=up", "await=/bed/end", "exit=3"];
    let folder = format!("--volume={}:/bed", bed.path("").display());
    let mut running = before(&proxy, bed.run([folder.as_str()].iter().chain(&args)), 3);
    running.wait_for_stdout("up\n");
    proxy.hold(&["/json"]);
    let asked = proxy.seen().len();
    bed.file("end", "");
    let deadline = Instant::now() + GONE;
    while !proxy.seen()[asked..].iter().any(|request| request.contains("/json")) {
        assert!(Instant::now() < deadline, "nobody asked how it ended");
        std::thread::yield_now();
    }
    running.signal(Signal::INT);
    running.signal(Signal::TERM);
    let object = object(running);
    assert_eq!((&object["container_id"], &object["exit_code"]), (&Value::Null, &3.into()), "{object}");
    bed.assert_empty();
}

#[test]
fn a_replacement_before_the_start_that_hangs() {
    let (bed, proxy) = place();
    proxy.hold(&["/json"]);
    let run = bed.run(["--replace", "--name", bed.name(), "--image", &probe(), "forever"]);
    let running = before(&proxy, run, 130);
    proxy.wait_for("/json");
    running.signal(Signal::INT);
    assert_eq!(object(running)["error"]["kind"], "interrupted");
    bed.assert_empty();
}

#[test]
fn attach_ends_at_the_signal_after_those_for_the_task() {
    let (bed, proxy) = place();
    let task = bed.start(["--image", &probe(), "forever"]);
    let attach = bed.cube(["attach", &task.id]).env("DOCKER_HOST", proxy.host()).minding_hangup();
    let mut running = attach.ends_somehow().spawn();
    proxy.wait_for("/attach");
    running.wait_until_handling(Signal::USR1);
    proxy.hold(&["/kill"]);
    three_signals(&running);
    proxy.wait_for("/kill");
    let deadline = Instant::now() + GONE;
    // The order in which cube reads them is unknown; the next one ends it in any case.
    while running.is_running() {
        assert!(Instant::now() < deadline, "it does not end");
        running.signal(Signal::INT);
        std::thread::yield_now();
    }
    // The last signal that it read ended it.
    assert!([129, 130, 143].contains(&running.finish().status));
    assert_eq!(task.inspect()["State"]["Running"], true);
}
