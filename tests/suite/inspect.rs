//! `cube inspect`: the engine's own JSON.

use serde_json::Value;

use crate::testbed::{Bed, probe};

#[test]
fn is_the_engine_s_own_array() {
    let bed = Bed::new();
    let (one, two) = (bed.start(["--image", &probe()]), bed.start(["--image", &probe()]));
    let array = bed.cube(["inspect", &one.id, &two.id]).json();
    assert_eq!(array, Value::Array(vec![one.inspect(), two.inspect()]));
}

#[test]
fn shows_running_then_exited() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe(), "out=up", "forever"]);
    let status = || bed.cube(["inspect", &task.id]).json()[0]["State"]["Status"].clone();
    assert_eq!(status(), "running");
    bed.engine().send("POST", &format!("/containers/{}/kill", task.id), &[], &[]);
    task.ended();
    assert_eq!(status(), "exited");
}

#[test]
fn a_missing_task_does_not_hide_the_others() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe()]);
    let missing = format!("{}-missing", bed.name());
    let output = bed.cube(["inspect", &missing, &task.id]).ends(1).stderr_has(&missing).output();
    // As `docker inspect` does.
    assert_eq!(output.json()[0]["Id"], task.id.as_str());
}
