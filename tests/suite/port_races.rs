//! A host port that the engine chose and another process took before it was bound.

use serde_json::json;

use crate::testbed::Bed;
use crate::testbed::scripted::{Reply, Scripted};

const FIRST: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const SECOND: &str = "2222222222222222222222222222222222222222222222222222222222222222";

/// The answers of engine 20.10, from either of its two components that bind ports.
const TAKEN: [&str; 2] = [
    "driver failed programming external connectivity on endpoint web (7a): Error starting userland proxy: listen tcp4 0.0.0.0:49153: bind: address already in use",
    "driver failed programming external connectivity on endpoint web (7a): Bind for 0.0.0.0:49153 failed: port is already allocated",
];

fn created(id: &str) -> Reply {
    Reply::json(201, json!({"Id": id, "Warnings": []}).to_string())
}

/// One more container, whose start is answered like this.
fn and(engine: Scripted, id: &str, start: Reply) -> Scripted {
    let engine = engine.on("POST /containers/create*", created(id));
    engine.on(&format!("POST /containers/{id}/start"), start)
}

#[test]
fn a_port_that_the_engine_chose_is_chosen_again_with_one_container() {
    let bed = Bed::new();
    for (number, words) in TAKEN.iter().enumerate() {
        let engine = and(Scripted::new(), FIRST, Reply::error(500, words))
            .on(&format!("DELETE /containers/{FIRST}?*v=*"), Reply::empty(204));
        let engine = and(engine, SECOND, Reply::empty(204));
        let cidfile = bed.path(&number.to_string()).into_os_string().into_string().unwrap();
        let args = ["run", "--cidfile", &cidfile, "--image", "x", "-p", "80"];
        assert_eq!(engine.cube(args).text(), format!("{SECOND}\n"));
        assert_eq!(std::fs::read_to_string(&cidfile).unwrap(), SECOND);
        assert_eq!(engine.count("DELETE "), 1);
    }
}

#[test]
fn a_container_that_the_engine_removed_after_a_failed_start_is_made_again() {
    let gone = Reply::error(404, &format!("No such container: {FIRST}"));
    let engine = and(Scripted::new(), FIRST, Reply::error(500, TAKEN[0]))
        .on(&format!("DELETE /containers/{FIRST}?*v=*"), gone);
    let engine = and(engine, SECOND, Reply::empty(204));
    assert_eq!(engine.cube(["run", "-d", "--rm", "-P", "x"]).text(), format!("{SECOND}\n"));
}

#[test]
fn it_is_chosen_again_three_times_and_then_the_error_is_reported() {
    let mut engine = Scripted::new();
    for _ in 0..4 {
        engine = and(engine, FIRST, Reply::error(500, TAKEN[0]))
            .on(&format!("DELETE /containers/{FIRST}?*v=*"), Reply::empty(204));
    }
    let engine = engine.always("GET /containers/*", Reply::error(404, "No such container"));
    engine.cube(["run", "--image", "x", "-p", "80"]).fails(125).stderr_has("address already in use").output();
}

#[test]
fn a_port_that_the_caller_chose_is_not_tried_again() {
    for port in ["8080:80", "8080-8090:80"] {
        let engine = and(Scripted::new(), FIRST, Reply::error(500, TAKEN[1]))
            .on(&format!("DELETE /containers/{FIRST}?*v=*"), Reply::empty(204))
            .always("GET /containers/*", Reply::error(404, "No such container"));
        let args = ["run", "--image", "x", "-p", "81", "-p", port];
        engine.cube(args).fails(125).stderr_has("already allocated").output();
    }
}
