//! `healthy` holds when the check passes, not only when the engine runs it.

use std::time::Duration;

use crate::testbed::{Bed, probe_with, shell};

/// An interval longer than a test may take: the engine's own first check comes after it.
const NEVER: &str = "10m";

#[test]
fn a_passing_check_is_noticed_long_before_the_engine_s_interval() {
    let bed = Bed::new();
    let check = "--health-cmd=test -e /up";
    let image = shell();
    let script = "sleep 1; touch /up; sleep 1000";
    let task = ["--health-interval", NEVER, check, "--image", &image, "sh", "-c", script];
    bed.start(["--wait-for", "healthy"].into_iter().chain(task));
    let later = bed.start(task);
    bed.cube(["wait", "--for", "healthy", &later.id]).any_stderr().output();
}

#[test]
fn the_check_is_run_as_the_engine_would_run_it() {
    let bed = Bed::new();
    let image = shell();
    let check = r#"test "$(id -u):$PWD:$WORD" = 1000:/tmp:from-the-task"#;
    bed.start([
        "--wait-for",
        "healthy",
        "--health-interval",
        NEVER,
        "--health-cmd",
        check,
        "--user",
        "1000",
        "--workdir",
        "/tmp",
        "--env",
        "WORD=from-the-task",
        "--image",
        &image,
        "sleep",
        "1000",
    ]);
    let instruction = r#"HEALTHCHECK --interval=10m CMD ["/probe", "exists=/tmp"]"#;
    bed.start(["--wait-for", "healthy", "--image", &probe_with(&[instruction])]);
}

#[test]
fn a_check_that_hangs_is_run_once_and_left_to_the_engine() {
    let bed = Bed::new();
    let image = shell();
    // The check writes to the task's own output, which the test can read later.
    let check = "echo a run >/proc/1/fd/1; sleep 1000";
    let run = bed.run([
        "--wait-for",
        "healthy",
        "--wait-timeout",
        "4s",
        "--health-interval",
        NEVER,
        "--health-timeout",
        "1s",
        "--health-cmd",
        check,
        "--image",
        &image,
        "sleep",
        "1000",
    ]);
    let said = run.within(Duration::from_mins(1)).ends(124).output().stderr;
    assert_eq!(said.matches("a run\n").count(), 1, "{said}");
}

#[test]
fn a_check_that_cannot_be_run_is_left_to_the_engine() {
    let bed = Bed::new();
    let instruction = "HEALTHCHECK --interval=200ms --retries=2 CMD nothing";
    bed.run(["--wait-for", "healthy", "--image", &probe_with(&[instruction])])
        .ends(125)
        .stderr_has("unhealthy")
        .output();
}
