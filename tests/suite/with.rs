//! `cube with`: the task runs exactly as long as the command.

use crate::testbed::{Bed, probe};

#[test]
fn the_command_finds_the_task_and_cube_exits_with_its_code() {
    let bed = Bed::new();
    let label = bed.label();
    let script = r#"test -n "$CUBE_CONTAINER_ID" && echo "$CUBE_HOST:$CUBE_PORT_80" && exit 9"#;
    let image = probe();
    let args = ["with", "--label", &label, "--image", &image, "--expose", "80", "--wait-for", "port=80"];
    let rest = ["listen=0.0.0.0:80", "forever", "--", "sh", "-c", script];
    let output = bed.cube(args.into_iter().chain(rest)).exits(9).any_stderr().output();
    assert!(output.text().starts_with("127.0.0.1:"), "{}", output.text());
    bed.assert_empty();
}

#[test]
fn a_task_that_dies_is_reported_and_fail_fast_ends_the_command() {
    let bed = Bed::new();
    let (label, image) = (bed.label(), probe());
    let args = ["with", "--fail-fast", "--label", &label, "--image", &image, "exit=4", "--", "sleep", "60"];
    bed.cube(args).ends(143).stderr_has("exit code 4").output();
    bed.assert_empty();
}

#[test]
fn a_command_that_fails_because_the_task_died_is_told_so() {
    let bed = Bed::new();
    // It sees the end of the process itself, before the engine tells.
    let script = r#"echo up; read -r pid; kill -KILL "$pid" || exit 9
        while grep -q "$CUBE_CONTAINER_ID" "/proc/$pid/cgroup" 2>/dev/null; do :; done; exit 3"#;
    let (label, image) = (bed.label(), probe());
    let args = ["with", "--label", &label, "--image", &image, "forever", "--", "sh", "-c"];
    let with = bed.cube(args.into_iter().chain([script])).open_stdin().ends(3);
    let mut running = with.stderr_has("ended with exit code 137 before the command did").spawn();
    running.wait_for_stdout("up\n");
    let [task] = bed.containers().try_into().unwrap();
    running.write_stdin(&format!("{}\n", bed.engine().container(&task)["State"]["Pid"]));
    running.finish();
    bed.assert_empty();
}

#[test]
fn a_missing_command_leaves_no_task() {
    let bed = Bed::new();
    let (label, image) = (bed.label(), probe());
    bed.cube(["with", "--label", &label, "--image", &image, "forever", "--", "/no/such"]).fails(127).output();
    bed.assert_empty();
}

#[test]
fn a_task_that_is_to_stay_is_started_by_run() {
    let bed = Bed::new();
    let (label, image) = (bed.label(), probe());
    let with = bed.cube(["with", "-d", "--label", &label, &image, "forever", "--", "true"]);
    with.fails(125).stderr_has("--detach").stderr_has("cube run --detach").output();
    bed.cube(["with", "-d=false", "--label", &label, &image, "forever", "--", "true"]).output();
    bed.assert_empty();
}

#[test]
fn a_command_that_is_not_installed_is_reported_before_anything_is_made() {
    let bed = Bed::new();
    let (watch, label, image) = (bed.engine().watch(), bed.label(), probe());
    let with = bed.cube(["with", "--label", &label, &image, "forever", "--", "no-such-program"]);
    with.fails(127).stderr_has("cannot run no-such-program on this machine").output();
    assert!(watch.containers_with(&label).is_empty());
}

#[test]
fn a_command_for_another_machine_is_not_blamed_on_the_task() {
    let bed = Bed::new();
    let (label, image) = (bed.label(), probe());
    let command = bed.program("command", "\u{7f}ELF").display().to_string();
    let with = bed.cube(["with", "--label", &label, "--image", &image, "forever", "--", &command]);
    let output = with.fails(126).stderr_has("on this machine: command not executable").output();
    assert!(!output.stderr.contains("reason:"), "{}", output.stderr);
    bed.assert_empty();
}
