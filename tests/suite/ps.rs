//! `cube ps`: cube's own tasks.

use serde_json::{Value, json};

use crate::testbed::{Bed, probe};

/// The lines or words of `cube ps ARGS`; other tests' tasks are among them.
fn ids(bed: &Bed, args: &[&str]) -> Vec<String> {
    let text = bed.cube(["ps", "-q"].iter().chain(args)).text();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn shows_what_runs_and_with_a_all() {
    let bed = Bed::new();
    let running = bed.start(["--image", &probe()]);
    let ended = bed.start(["--image", &probe(), "exit=0"]);
    ended.ended();
    ended.wait_until_listed_as("exited");
    let has = |ids: &[String], id: &str| ids.iter().any(|line| id.starts_with(line.as_str()));
    let (some, all) = (ids(&bed, &[]), ids(&bed, &["-a"]));
    assert!(has(&some, &running.id) && !has(&some, &ended.id), "{some:?}");
    assert!(has(&all, &running.id) && has(&all, &ended.id), "{all:?}");
}

#[test]
fn never_shows_what_is_not_cube_s() {
    let bed = Bed::new();
    let foreign = bed.foreign(bed.name(), json!({"Image": probe()}));
    let all = bed.cube(["ps", "-a"]).text();
    assert!(!all.contains(bed.name()) && !all.contains(&foreign.id[..12]), "{all}");
}

#[test]
fn the_table_has_a_heading_and_a_line_a_task() {
    let bed = Bed::new();
    let _task = bed.start(["--image", &probe(), "--name", bed.name()]);
    let text = bed.cube(["ps"]).text();
    assert!(text.lines().next().unwrap().contains("NAME"), "{text}");
    let line = text.lines().find(|line| line.contains(bed.name()));
    assert!(line.is_some_and(|line| line.contains("cube-test/probe")), "{text}");
}

#[test]
fn json_is_an_array() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe(), "--name", bed.name()]);
    let array = bed.cube(["-o", "json", "ps"]).json();
    let ours = |item: &&Value| item["container_id"] == task.id.as_str();
    let item = array.as_array().unwrap().iter().find(ours).unwrap();
    assert_eq!((&item["name"], &item["state"]), (&json!(bed.name()), &json!("Running")));
    assert!(item["task_id"].is_string() && item["image"].is_string(), "{item}");
}
