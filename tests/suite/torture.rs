//! A part of `tests/torture`, in which every system call of cube's commands fails once.

use std::process::Command;

use crate::testbed::{Engine, cube::binary, need};

/// Only every n-th point is visited; `CUBE_TEST_TORTURE` sets another number, 1 for all points.
const EVERY: &str = "150";

#[test]
fn a_failing_system_call_gives_an_error_and_leaves_nothing() {
    need::settle();
    need::engine();
    need::program("strace");
    need::program("python3");
    let every = std::env::var("CUBE_TEST_TORTURE").unwrap_or(EVERY.to_owned());
    let mut walk = Command::new("python3");
    walk.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/torture")).arg("--cube").arg(binary());
    walk.env("DOCKER_HOST", Engine::under_test().host());
    let output = walk.args(["--jobs", "4", "--every", &every]).output().unwrap();
    let (report, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{report}");
    assert!(output.status.success(), "{report}\n{errors}");
}
