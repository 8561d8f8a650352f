//! `container_id` in the JSON: the id exactly if the container still exists.

use serde_json::Value;

use crate::testbed::proxy::Proxy;
use crate::testbed::{Bed, Cube, probe};

/// The one JSON object, on either stream.
fn object(cube: Cube, code: i32) -> Value {
    let output = cube.env("CUBE_OUTPUT", "json").ends(code).output();
    let text = output.text();
    let line = text.lines().chain(output.stderr.lines()).rfind(|line| line.starts_with("{\"action\""));
    serde_json::from_str(line.unwrap_or_else(|| panic!("no JSON in {text}{}", output.stderr))).unwrap()
}

/// Checks that the object names the one container that exists, and removes it.
fn names_what_is_left(bed: &Bed, object: &Value) {
    let left = bed.containers();
    assert_eq!(left.len(), 1, "{object}");
    assert_eq!(object["container_id"], left[0], "{object}");
    bed.cube(["stop", "-t", "0", &left[0]]).any_stderr().output();
    bed.assert_empty();
}

#[test]
fn a_container_that_the_engine_does_not_remove_is_named() {
    let bed = Bed::new();
    let (image, label) = (probe(), bed.label());
    let proxy = Proxy::before(bed.engine(), None);
    proxy.refuse("DELETE ");
    let cases: [(&[&str], i32); 5] = [
        (&["run", "--attach", "--image", &image, "exit=3"], 3),
        (&["run", "--attach", "--timeout", "1s", "--stop-timeout", "1", "--image", &image, "forever"], 124),
        (&["run", "--image", &image, "--entrypoint", "/no/such"], 127),
        (&["run", "--wait-for", "log=x", "--image", &image, "exit=3"], 125),
        (&["with", "--image", &image, "forever", "--", "true"], 0),
    ];
    for (args, code) in cases {
        let args = args[..1].iter().copied().chain(["--label", &label]).chain(args[1..].iter().copied());
        let cube = bed.cube(args.collect::<Vec<_>>()).env("DOCKER_HOST", proxy.host());
        names_what_is_left(&bed, &object(cube, code));
    }
    let task = bed.start(["--image", &image, "exit=0"]);
    let stop = bed.cube(["stop", &task.id]).env("DOCKER_HOST", proxy.host());
    names_what_is_left(&bed, &object(stop, 1));
}

#[test]
fn a_kept_container_is_named_however_it_ended() {
    let bed = Bed::new();
    let usual = ["--attach", "--keep", "--stop-timeout", "1", "--timeout", "1s"];
    let run = bed.run(usual.into_iter().chain(["--image", &probe(), "forever"]));
    let object = object(run, 124);
    assert_eq!(object["error"]["kind"], "timed_out", "{object}");
    names_what_is_left(&bed, &object);
}

#[test]
fn a_container_on_an_engine_that_is_gone_is_named() {
    let bed = Bed::new();
    let proxy = Proxy::before(bed.engine(), None);
    let (label, image) = (bed.label(), probe());
    let args =
        ["with", "--label", &label, "--image", &image, "forever", "--", "sh", "-c", "echo up; read line"];
    let cube = bed.cube(["-o", "json"].iter().chain(&args)).env("DOCKER_HOST", proxy.host());
    let mut running = cube.ends(1).open_stdin().spawn();
    running.wait_for_stdout("up\n");
    let id = bed.containers().remove(0);
    proxy.go();
    running.close_stdin();
    let output = running.finish();
    let object: Value = serde_json::from_str(output.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(object["container_id"], id, "{object}");
    proxy.come_back();
    // Removed by the guard, or already gone.
    bed.cube(["rm", "-f", &id]).any_stderr().output();
}
