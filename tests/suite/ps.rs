//! `cube ps`: cube's own tasks.

use std::time::UNIX_EPOCH;

use serde_json::{Value, json};

use crate::testbed::scripted::{Reply, Scripted};
use crate::testbed::window::Window;
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

/// An engine with one task, which has long names.
fn long_words() -> Scripted {
    let id = "4a7d1ed414474e4033ac29ccb8653d9b2f6a8bd0f8f4f1d2c6a54c2ee0c59d11";
    let image = json!({"Id": id, "Config": {"Labels": null}}).to_string();
    // An age in whole hours always has the same width.
    let created = UNIX_EPOCH.elapsed().unwrap().as_secs() - 2 * 3600;
    let task = json!({
        "Id": id, "Names": ["/database-of-the-nightly-tests"], "ImageID": id,
        "Image": "registry.example.com/department/team/postgres:13.4-alpine",
        "State": "running", "Status": "Up 2 hours (healthy)", "Created": created,
        "Labels": {"cube.task.id": "6e1c8a52-3b1c-4ac3-9d3a-0f6f7d1f2a11"},
        "Ports": [{"IP": "0.0.0.0", "PrivatePort": 5432, "PublicPort": 32768, "Type": "tcp"}],
    });
    Scripted::new()
        .on("GET /containers/json", Reply::json(200, json!([task]).to_string()))
        .always("GET /images/*/json", Reply::json(200, image))
}

#[test]
fn the_table_fits_its_terminal_and_ids_stay_whole() {
    let shown = |columns| {
        let engine = long_words();
        let (code, screen) = Window::open(engine.cube(["ps"]), columns, 24).finish();
        assert_eq!((code, screen.lines().count()), (0, 2), "{screen}");
        assert!(screen.lines().all(|line| line.chars().count() <= columns.into()), "{screen}");
        assert!(screen.contains("\n4a7d1ed41447  "), "{screen}");
        screen
    };
    let (narrow, middle, wide) = (shown(40), shown(80), shown(200));
    assert!(narrow.starts_with("CONTAINER ID  NAME") && !narrow.contains("IMAGE"), "{narrow}");
    assert!(narrow.contains("  database-of…  Up 2 ho"), "{narrow}");
    assert!(middle.contains("  …") && middle.contains("3.4-alpine  Up 2"), "{middle}");
    assert!(wide.contains("registry.example.com/department/team/postgres:13.4-alpine"), "{wide}");
    assert!(!wide.contains('…') && wide.contains("0.0.0.0:32768->5432/tcp"), "{wide}");
}

#[test]
fn a_table_for_a_program_is_not_cut() {
    let text = long_words().cube(["ps"]).text();
    assert!(text.contains("registry.example.com/department/team/postgres:13.4-alpine"), "{text}");
    assert!(text.contains("database-of-the-nightly-tests") && !text.contains('…'), "{text}");
}
