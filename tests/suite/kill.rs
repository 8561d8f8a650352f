//! `kill`, `rm`, filters, and `wait` and `stop` of several.

use crate::testbed::{Bed, Cube, probe, shell};

/// The task's own name, unique on the engine.
fn named<'bed>(bed: &'bed Bed, name: &str, words: &[&str]) -> crate::testbed::Task<'bed> {
    bed.start([&["-d", "--name", name, shell().as_str()], words].concat())
}

#[test]
fn kill_sends_a_signal_and_removes_nothing() {
    let bed = Bed::new();
    let script = "trap 'exit 5' USR1; echo up; while :; do sleep 0.05; done";
    let task = bed.start(["-d", "--wait-for", "log=up", shell().as_str(), "sh", "-c", script]);
    assert_eq!(bed.cube(["kill", "-s", "USR1", &task.id]).text(), format!("{}\n", task.id));
    assert_eq!(task.ended(), 5);
    bed.cube(["kill", &task.id]).fails(1).stderr_has("does not run").output();
    assert!(task.exists());
    let other = bed.start(["-d", probe().as_str()]);
    let object = bed.cube(["kill", "-o", "json", &other.id]).json();
    assert_eq!((&object["action"], &object["result"]), (&"kill".into(), &"success".into()));
    assert_eq!(other.ended(), 137);
}

#[test]
fn rm_removes_and_with_force_ignores_missing_tasks() {
    let bed = Bed::new();
    let (one, other) = (bed.start(["-d", probe().as_str()]), bed.start(["-d", probe().as_str()]));
    assert_eq!(bed.cube(["rm", "-fv", &one.id, "no-such-task"]).text(), format!("{}\n", one.id));
    assert_eq!(bed.cube(["rm", "--force", "no-such-task"]).text(), "");
    bed.cube(["rm", "no-such-task"]).fails(1).stderr_has("no such task").output();
    assert!(!one.exists());
    let object = bed.cube(["rm", "-o", "json", &other.id]).json();
    assert_eq!((&object["action"], &object["container_id"]), (&"remove".into(), &other.id.as_str().into()));
}

#[test]
fn rm_and_kill_refuse_what_is_not_cube_s() {
    let bed = Bed::new();
    let foreign = bed.foreign(bed.name(), serde_json::json!({"Image": probe()}));
    for verb in ["rm", "kill"] {
        bed.cube([verb, &foreign.id]).fails(1).stderr_has("did not start").output();
    }
    bed.cube(["rm", "-f", &foreign.id]).fails(1).stderr_has("did not start").output();
    bed.cube(["kill", "-s", "HUP", &foreign.id]).fails(1).stderr_has("hint: `docker kill`").output();
    assert!(foreign.exists());
}

#[test]
fn stop_may_ignore_what_is_missing() {
    let bed = Bed::new();
    bed.cube(["stop", "no-such-task"]).fails(1).stderr_has("no such task").output();
    assert_eq!(bed.cube(["stop", "--ignore-missing", "no-such-task"]).text(), "");
    let task = bed.start(["-d", probe().as_str()]);
    let text = bed.cube(["stop", "-t", "0", "--ignore-missing", "no-such-task", &task.id]).text();
    assert_eq!(text, format!("{}\n", task.id));
}

#[test]
fn wait_prints_the_code_of_each_in_order() {
    let bed = Bed::new();
    let exits: Vec<_> =
        ["0.3; exit 0", "0.2; exit 4", "0; exit 3"].map(|end| format!("sleep {end}")).into_iter().collect();
    let tasks: Vec<_> =
        exits.iter().map(|script| bed.start(["-d", shell().as_str(), "sh", "-c", script])).collect();
    let ids: Vec<&str> = tasks.iter().map(|task| task.id.as_str()).collect();
    let output = bed.cube([&["wait"], ids.as_slice()].concat()).exits(4).output();
    assert_eq!(output.text(), "0\n4\n3\n");
    let output = bed.cube(["wait", "no-such-task", ids[2]]).ends(1).output();
    assert_eq!(output.text(), "3\n");
    assert!(output.stderr.contains("no such task"), "{}", output.stderr);
}

#[test]
fn ps_filters_as_docker_does() {
    let bed = Bed::new();
    let (up, over) = (format!("{}-up", bed.name()), format!("{}-over", bed.name()));
    let running = named(&bed, &up, &["sleep", "600"]);
    let ended = named(&bed, &over, &["sh", "-c", "exit 3"]);
    ended.ended();
    ended.wait_until_listed_as("exited");
    let label = format!("label={}", bed.label());
    let listed = |filters: &[&str]| {
        let mut words = vec!["ps", "-q", "-f", &label];
        words.extend(filters.iter().flat_map(|filter| ["--filter", filter]));
        bed.cube(words).text()
    };
    let (running, ended) = (format!("{}\n", running.id), format!("{}\n", ended.id));
    assert_eq!(listed(&[]), running);
    assert_eq!(listed(&["status=exited"]), ended);
    // podman's order is only exact to the second.
    let both = listed(&["state=running", "status=exited"]);
    assert!(both == format!("{ended}{running}") || bed.engine().is_podman(), "{both}");
    assert!(both.contains(&ended) && both.contains(&running), "{both}");
    assert_eq!(listed(&[&format!("name={over}"), "status=exited"]), ended);
    assert_eq!(listed(&[&format!("id={}", &running[..12])]), running);
    assert_eq!(listed(&[&format!("image=docker.io/{}", shell())]), running);
    // podman 4 finds a name only in full.
    let short = listed(&[&format!("image={}", shell())]);
    assert!(short == running || bed.engine().is_podman() && short.is_empty(), "{short}");
    assert_eq!(listed(&["ancestor=no-such-image"]), "");
    // podman's filter does not find containers without a health check.
    let unchecked = listed(&["health=none"]);
    assert!(unchecked == running || bed.engine().is_podman() && unchecked.is_empty(), "{unchecked}");
    Cube::new(["ps", "-f", "status=gone"]).fails(2).stderr_has("exited").output();
    Cube::new(["ps", "-f", "colour=red"]).fails(2).stderr_has("ancestor").output();
}

#[test]
fn prune_removes_only_what_its_filters_match() {
    let bed = Bed::new();
    let name = format!("{}-a", bed.name());
    let task = named(&bed, &name, &["true"]);
    task.ended();
    task.wait_until_listed_as("exited");
    let label = format!("label={}", bed.label());
    let pruned = |filters: &[&str]| {
        let mut words = vec!["prune", "--filter", &label];
        words.extend(filters.iter().flat_map(|filter| ["--filter", filter]));
        bed.cube(words).text()
    };
    assert_eq!(pruned(&["until=1h"]), "");
    assert_eq!(pruned(&[&format!("name={}", &name[..name.len() - 1])]), "");
    assert_eq!(pruned(&["label=no-such-label"]), "");
    assert!(task.exists());
    assert_eq!(pruned(&["until=0s", &format!("name={name}")]), format!("{}\n", task.id));
    Cube::new(["prune", "--filter", "status=exited"]).fails(2).stderr_has("until").output();
}
