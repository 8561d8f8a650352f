//! `--restart`, with tasks that die.

use crate::testbed::{Bed, probe};

#[test]
fn on_failure_tries_as_often_as_asked() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe(), "--restart", "on-failure:2", "out=try", "exit=3"]);
    task.wait_until(|seen| seen["RestartCount"] == 2 && seen["State"]["Status"] == "exited");
    bed.cube(["wait", &task.id]).exits(3).output();
    assert_eq!(bed.cube(["logs", &task.id]).text(), "try\ntry\ntry\n");
}

#[test]
fn on_failure_leaves_a_success_alone() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe(), "--restart", "on-failure", "exit=0"]);
    bed.cube(["wait", &task.id]).output();
    assert_eq!(task.inspect()["RestartCount"], 0);
}

#[test]
fn always_and_unless_stopped_restart_it_until_it_is_stopped() {
    let bed = Bed::new();
    for policy in ["always", "unless-stopped"] {
        let task = bed.start(["--image", &probe(), "--restart", policy, "out=again", "sleep=0.1", "exit=0"]);
        task.wait_until(|seen| seen["RestartCount"].as_u64() >= Some(2));
        bed.cube(["stop", &task.id]).output();
        assert!(!task.exists(), "{policy}");
    }
}

#[test]
fn the_policy_is_the_engine_s() {
    let bed = Bed::new();
    let policies = [("no", "no", 0), ("always", "always", 0), ("on-failure:5", "on-failure", 5)];
    for (flag, name, count) in policies {
        let task = bed.start(["--image", &probe(), "--restart", flag]);
        let policy = task.inspect()["HostConfig"]["RestartPolicy"].clone();
        assert_eq!((&policy["Name"], &policy["MaximumRetryCount"]), (&name.into(), &count.into()));
    }
}

#[test]
fn the_foreground_announces_that_restarts_are_followed() {
    let bed = Bed::new();
    let args = ["--attach", "--restart", "on-failure:1", "--image", &probe(), "out=try", "exit=3"];
    let run = bed.run(args).exits(3).stderr_has("followed through its restarts: its last exit counts");
    assert_eq!(run.text(), "try\ntry\n");
}

#[test]
fn the_engine_is_not_asked_without_pause_until_a_task_comes_again() {
    let bed = Bed::new();
    let args = ["--attach", "--restart", "on-failure:5", "--image", &probe(), "out=try", "exit=3"];
    let output = bed.run(args).env("CUBE_VERBOSE", "2").exits(3).any_stderr().output();
    assert_eq!(output.stdout, "try\n".repeat(6).into_bytes());
    // Docker pauses for 3.1 s in all, podman not at all.
    let looks = output.stderr.matches("/logs").count();
    let fewest = if bed.engine().is_podman() { 1 } else { 5 };
    assert!((fewest..40).contains(&looks), "{looks} requests for the log");
}
