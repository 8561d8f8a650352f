//! A part of `tests/torture`, in which every system call of cube's commands fails once, and some seconds of `tests/soak`,
//! which uses cube for an hour.

use std::process::Command;

use crate::testbed::{Engine, cube::binary, need};

/// Only every n-th point is visited; `CUBE_TEST_TORTURE` sets another number, 1 for all points.
const EVERY: &str = "250";

#[test]
fn a_failing_system_call_gives_an_error_and_leaves_nothing() {
    need::settle();
    need::engine();
    need::program("strace");
    need::program("python3");
    let every = std::env::var("CUBE_TEST_TORTURE").unwrap_or(EVERY.to_owned());
    is_clean(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/torture"), &["--jobs", "4", "--every", &every]);
}

#[test]
fn nothing_is_left_after_some_seconds_of_use() {
    need::settle();
    need::engine();
    need::program("python3");
    // A guard in doubt would look out for two minutes.
    let args = ["0.1", "--workers", "2", "--without", "killed_cube_at_any_time"];
    is_clean(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/soak"), &args);
}

/// Runs one of the programs in Python, which judges by itself.
fn is_clean(program: &str, args: &[&str]) {
    let mut command = Command::new("python3");
    command.arg(program).arg("--cube").arg(binary()).args(args);
    let output = command.env("DOCKER_HOST", Engine::under_test().host()).output().unwrap();
    let (report, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{report}");
    assert!(output.status.success(), "{report}\n{errors}");
}
