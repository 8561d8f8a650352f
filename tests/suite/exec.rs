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
    let nobody = bed.cube(["exec", "--user", "nobody-of-that-name", &task.id, "true"]);
    if bed.engine().is_podman() {
        // The output is the engine's error instead of the command's output.
        nobody.ends(126).output();
    } else {
        assert_eq!(nobody.fails(126).stderr_has("--user").output().text(), "");
    }
}

#[test]
fn its_environment_comes_from_files_and_flags() {
    let bed = Bed::new();
    let task = bed.start(["--image", &shell(), "sleep", "600"]);
    let file = bed.file("env", "# comment\nA=file\nB=file\n");
    let args = ["exec", "--env-file", &file, "-e", "B=flag", &task.id, "sh", "-c", "echo $A $B"];
    assert_eq!(bed.cube(args).text(), "file flag\n");
    bed.cube(["exec", "--env-file", "/no/such", &task.id, "true"]).fails(1).stderr_has("env file").output();
}

#[test]
fn it_is_privileged_if_asked() {
    let bed = Bed::new();
    let task = bed.start(["--image", &shell(), "sleep", "600"]);
    let script = "grep CapEff /proc/self/status";
    let plain = bed.cube(["exec", &task.id, "sh", "-c", script]).text();
    let args = ["exec", "--privileged", &task.id, "sh", "-c", script];
    let privileged = bed.cube(args).ends_somehow().any_stderr().output();
    // An engine that is itself confined does not have every capability to give.
    let refused = privileged.stderr.contains("unable to apply caps") && privileged.status == 126;
    assert!(refused || privileged.text() != plain, "{}", privileged.stderr);
}
