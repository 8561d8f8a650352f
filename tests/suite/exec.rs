//! `cube exec`: a command in a running task.

use crate::testbed::{Bed, probe, shell};

#[test]
fn its_output_and_code_are_the_command_s() {
    let bed = Bed::new();
    let task = bed.start(["--image", &shell(), "sleep", "1000"]);
    let script = "echo out; echo err >&2; exit 5";
    let output = bed.cube(["exec", &task.id, "sh", "-c", script]).ends(5).output();
    assert_eq!((output.text().as_str(), output.stderr.as_str()), ("out\n", "err\n"));
}

#[test]
fn flags_after_the_task_are_the_command_s() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe()]);
    let text = bed.cube(["exec", &task.id, "/probe", "args", "out=-q", "exit=0", "--help", "-o"]).text();
    assert!(text.contains("--help\n-o\n") && text.ends_with("-q\n"), "{text}");
}

#[test]
fn binary_output_arrives_whole() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe()]);
    let output = bed.cube(["exec", &task.id, "/probe", "bytes=300000"]).output();
    let expected: Vec<u8> = crate::testbed::pattern::Noise::new(300_000).flatten().collect();
    assert!(output.stdout == expected);
}

#[test]
fn a_missing_command_is_127() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe()]);
    bed.cube(["exec", &task.id, "/no/such"]).fails(127).stderr_has("/no/such").output();
}

#[test]
fn output_that_begins_like_the_engine_s_refusal_is_the_command_s() {
    let bed = Bed::new();
    let task = bed.start(["--image", &shell(), "sleep", "1000"]);
    let script = "echo OCI runtime exec failed: not really; exit 3";
    let text = bed.cube(["exec", &task.id, "sh", "-c", script]).exits(3).text();
    assert_eq!(text, "OCI runtime exec failed: not really\n");
}

#[test]
fn as_json_the_object_is_the_last_line_of_stderr() {
    let bed = Bed::new();
    let task = bed.start(["--image", &shell(), "sleep", "1000"]);
    let output = bed.cube(["-o", "json", "exec", &task.id, "sh", "-c", "echo out; exit 5"]).ends(5).output();
    assert_eq!(output.text(), "out\n");
    let object: serde_json::Value = serde_json::from_str(&output.stderr).unwrap();
    assert_eq!((&object["action"], &object["exit_code"]), (&"exec".into(), &5.into()), "{object}");
}

#[test]
fn an_ended_task_runs_no_command() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe(), "exit=0"]);
    task.ended();
    bed.cube(["exec", &task.id, "/probe"]).fails(1).output();
    let object = bed.cube(["-o", "json", "exec", &task.id, "/probe"]).ends(1).any_stderr().output();
    assert!(object.stderr.contains("wrong_state") || object.text().contains("wrong_state"));
}

#[test]
fn a_command_with_a_missing_user_or_folder_cannot_be_executed() {
    let bed = Bed::new();
    let task = bed.start(["--image", &shell(), "sleep", "600"]);
    for (flag, value) in
        [("--workdir", "/no/such"), ("--workdir", "/etc/hostname"), ("--workdir", "relative")]
    {
        bed.cube(["exec", flag, value, &task.id, "true"]).fails(126).stderr_has("--workdir").output();
    }
    // The output is the engine's error instead of the command's output.
    bed.cube(["exec", "--user", "nobody-of-that-name", &task.id, "true"]).ends(126).output();
}
