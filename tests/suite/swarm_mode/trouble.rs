//! Failures on a swarm: repeated failures, two stops of the same task, kills at any moment, lost answers.

use std::time::Duration;

use rustix::process::Signal;

use super::{run, swarm};
use crate::load::{count, scattered};
use crate::testbed::cube::{Output, Running};
use crate::testbed::proxy::{Fault, Proxy};
use crate::testbed::swarm::{Swarm, until};

/// The latest time after its start at which cube is killed: by then its task has run for a while.
const LATEST: u64 = 4000;

#[test]
fn a_task_that_fails_again_and_again_is_reported_by_its_last_failure() {
    let swarm = swarm();
    let image = swarm.probe();
    let words =
        ["--restart", "on-failure:2", "--expose", "80", "--wait-for", "port=80", "err=no map", "exit=3"];
    let failed =
        swarm.cube(run(&image, &words)).fails(125).stderr_has("failed with code 3").stderr_has("no map\n");
    failed.output();
    swarm.assert_empty();
    let attached = swarm.cube(run(&image, &["-a", "--restart", "on-failure:2", "out=try", "exit=3"]));
    let attached = attached.exits(3).stderr_has("followed through its restarts");
    assert_eq!(attached.output().text(), "try\ntry\ntry\n");
    swarm.assert_empty();
}

#[test]
fn two_stops_of_one_task_leave_nothing_and_fail_only_if_they_come_late() {
    let swarm = swarm();
    let image = swarm.probe();
    let id = swarm.cube(run(&image, &["--node", "node2", "forever"])).text();
    let stops = [(); 2].map(|()| swarm.cube(["stop", id.trim_end()]).ends_somehow().spawn());
    let outputs = stops.map(Running::finish);
    // On a busy machine the second stop may begin when the task is already gone.
    let is_late = |output: &Output| output.status == 1 && output.stderr.contains("task not found");
    assert!(outputs.iter().any(|output| output.text() == id), "{outputs:?}");
    assert!(outputs.iter().all(|output| output.text() == id || is_late(output)), "{outputs:?}");
    swarm.assert_empty();
}

#[test]
fn a_wait_survives_the_removal_and_reports_the_code() {
    let swarm = swarm();
    let image = swarm.probe();
    let id = swarm.cube(run(&image, &["--node", "node2", "forever"])).text().trim_end().to_owned();
    let wait = swarm.cube(["--verbose", "--verbose", "wait", &id]).exits(143).any_stderr().spawn();
    // The first look finds the task; only what waits for it, and was answered once, knows it when it is gone.
    until("it is waited for", || wait.stderr_so_far().matches("GET /tasks").count() >= 3);
    swarm.cube(["stop", &id]).output();
    assert_eq!(wait.finish().text(), "143\n");
    swarm.assert_empty();
}

#[test]
fn an_expired_task_is_removed_by_the_next_command() {
    let swarm = swarm();
    let image = swarm.probe();
    let short = swarm.cube(run(&image, &["--ttl", "1s", "forever"])).text();
    let long = swarm.cube(run(&image, &["--ttl", "1h", "forever"])).text();
    let shown = |all: &str| swarm.cube(["ps", "--swarm", "-q"]).any_stderr().text() == all;
    until("the one is removed", || shown(&long));
    swarm.cube(["logs", short.trim_end()]).fails(1).stderr_has("no such task").output();
    swarm.cube(["stop", long.trim_end()]).output();
    swarm.assert_empty();
}

#[test]
fn want_of_memory_is_reported_by_the_task_s_own_node() {
    let swarm = swarm();
    let image = swarm.probe();
    let engine = &swarm.node("node1").engine;
    // An engine may miss the kernel's report: then its own answer lacks it too.
    let shown = (0..10).any(|_| {
        let words = ["--node", "node1", "-m", "16m", "memory=200", "exit=0"];
        let id = swarm.cube(run(&image, &words)).text().trim_end().to_owned();
        swarm.cube(["wait", &id]).exits(137).output();
        let container = engine.get("/containers/json?all=1")[0]["Id"].as_str().unwrap().to_owned();
        let noted = engine.container(&container)["State"]["OOMKilled"] == true;
        let result = swarm.cube(["-o", "json", "stop", &id]).json();
        assert_eq!((&result["exit_code"], &result["oom_killed"]), (&137.into(), &noted.into()));
        noted
    });
    assert!(shown, "no engine noted that the memory was too small");
    swarm.assert_empty();
}

/// Each request of a run through `node1` fails once in this way.
fn walk(swarm: &Swarm, image: &str, fault: Fault) -> usize {
    let engine = &swarm.node("node1").engine;
    let command = || run(image, &["-a", "--no-publish-all", "out=up", "exit=3"]);
    let proxy = Proxy::before(engine, None);
    swarm.cube(command()).env("DOCKER_HOST", proxy.host()).exits(3).output();
    let create = proxy.seen().iter().position(|line| line.contains("/services/create")).unwrap();
    // After these requests the task is polled, so the number of further requests varies.
    let points = create + 3;
    for at in 0..points {
        let proxy = Proxy::before(engine, Some((at, fault)));
        let output = swarm.cube(command()).env("DOCKER_HOST", proxy.host()).ends_somehow().output();
        let whole = output.status == 3 && output.text() == "up\n";
        assert!(whole || output.status == 125, "{fault:?} at request {at}: {output:?}");
        assert!(whole || output.stderr.contains("cube: "), "{fault:?} at request {at}: {output:?}");
        swarm.assert_empty();
    }
    points
}

#[test]
fn a_lost_answer_leaves_no_service() {
    let swarm = swarm();
    let image = swarm.probe();
    let faults = [Fault::CutBefore, Fault::CutAnswer, Fault::CutBody, Fault::Refuse];
    let walked: usize = faults.into_iter().map(|fault| walk(&swarm, &image, fault)).sum();
    println!("{walked} fault points walked on a swarm");
}

#[test]
fn no_service_is_left_after_a_kill_at_a_random_moment() {
    let kills = count("CUBE_TEST_SWARM_KILLS", 6);
    let swarm = swarm();
    let image = swarm.probe();
    let engine = &swarm.node("node1").engine;
    let signals = [(Signal::KILL, -9), (Signal::INT, 130), (Signal::TERM, 143)];
    for (number, (signal, status)) in (0..kills).zip(signals.into_iter().cycle()) {
        let mut cube =
            swarm.cube(run(&image, &["-a", "--restart", "always", "forever"])).ends(status).spawn();
        if signal != Signal::KILL {
            cube.wait_until_handling(signal);
        }
        // A sleep and no event, because any moment is right.
        std::thread::sleep(Duration::from_millis(scattered(number) % LATEST));
        cube.signal(signal);
        if signal == Signal::KILL {
            cube.wait_killed();
        } else {
            cube.finish();
        }
        until("no service is left", || engine.get("/services") == serde_json::json!([]));
        swarm.assert_empty();
    }
    println!("{kills} ended by a signal on a swarm");
}
