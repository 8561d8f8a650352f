//! Tasks with a terminal: with a pseudo-terminal and a real shell, and without a terminal.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::testbed::scripted::{Reply, Scripted};
use crate::testbed::{Bed, Cube, cube, shell};

/// Runs a session of `terminal.py` and returns its output; checks that the task is removed afterwards.
fn session(name: &str) -> String {
    let bed = Bed::new();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/terminal.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(cube::binary()).arg(bed.label()).arg(shell()).arg(name);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let deadline = Instant::now() + Duration::from_secs(30);
    while !bed.containers().is_empty() {
        assert!(Instant::now() < deadline, "the task is still there");
        // No event says when the guard has removed it.
        std::thread::sleep(Duration::from_millis(20));
    }
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The user's view of a session, word for word: a new size, Ctrl-C, an exit code, SIGKILL of cube.
#[test]
fn a_session_looks_as_it_was_recorded() {
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/terminal.txt");
    let seen = session("recorded");
    if std::env::var_os("CUBE_TEST_RECORD").is_some() {
        std::fs::write(kept, &seen).unwrap();
    }
    assert_eq!(seen, std::fs::read_to_string(kept).unwrap());
}

#[test]
fn a_shell_has_the_terminal_its_size_and_its_keys() {
    session("session");
}

#[test]
fn a_wait_on_a_terminal_is_one_line_that_changes_and_disappears() {
    session("waiting");
}

#[test]
fn the_terminal_is_as_before_when_cube_is_killed() {
    session("killed");
}

#[test]
fn the_terminal_is_as_before_when_cube_is_ended_by_a_signal() {
    session("signalled");
}

#[test]
fn a_detached_task_lives_on_and_can_be_attached_again() {
    session("detached");
}

#[test]
fn files_of_a_detached_task_are_copied_out_at_its_end() {
    session("copied");
}

#[test]
fn without_a_terminal_all_output_comes_and_the_input_has_an_end() {
    let bed = Bed::new();
    let image = shell();
    let output =
        bed.run(["-it", &image, "sh", "-c", "echo one; sleep 0.2; printf two; exit 3"]).exits(3).output();
    assert_eq!(output.text(), "one\r\ntwo");
    let output = bed.run(["-it", &image, "sh"]).stdin("echo $((40+2))\nexit 4\n").exits(4).output();
    assert!(output.text().contains("42"), "{}", output.text());
    assert!(bed.run(["-it", &image, "cat"]).stdin("half a line").text().contains("half a line"));
}

#[test]
fn invalid_detach_keys_are_refused() {
    for verb in [["run", "x"], ["attach", "x"]] {
        let words = [verb[0], "--detach-keys", "ctrl-pp", verb[1]];
        let code = if verb[0] == "run" { 125 } else { 2 };
        Cube::new(words).fails(code).stderr_has("ctrl-p,ctrl-q").output();
    }
}

#[test]
fn attach_gives_the_output_from_now_on_and_the_exit_code() {
    let bed = Bed::new();
    let script = "trap 'echo bye; exit 6' TERM; echo up; while :; do sleep 0.05; done";
    let task = bed.start(["-d", "--wait-for", "log=up", shell().as_str(), "sh", "-c", script]);
    let joined = bed.cube(["attach", &task.id]).exits(6).spawn();
    joined.wait_until_handling(rustix::process::Signal::USR2);
    joined.signal(rustix::process::Signal::TERM);
    assert_eq!(joined.finish().text(), "bye\n");
    assert!(task.exists());
    bed.cube(["attach", &task.id]).fails(1).stderr_has("does not run").output();
}

/// The engine closes the connection, and the task runs on: without a message it would look like a quiet task.
#[test]
fn an_attach_whose_connection_broke_says_so_and_waits_on() {
    const ID: &str = "4a7d1ed414474e4033ac29ccb8653d9b2f6a8bd0f8f4f1d2c6a54c2ee0c59d11";
    let container = json!({"Id": ID, "Image": ID, "State": {"Status": "running", "Running": true, "Pid": 1},
        "Config": {"Labels": {"cube.task.id": "6e1c8a52-3b1c-4ac3-9d3a-0f6f7d1f2a11"}}});
    let upgraded = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
    let frame = b"\x01\0\0\0\0\0\0\x06hello\n";
    let begun = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let engine = Scripted::new()
        .always(&format!("GET /containers/{ID}/json"), Reply::json(200, container.to_string()))
        .always("GET /images/*", Reply::json(200, json!({"Id": ID, "Config": {}}).to_string()))
        .on(&format!("POST /containers/{ID}/attach*"), Reply::Cut([&upgraded[..], frame].concat()))
        .on(&format!("POST /containers/{ID}/wait*"), Reply::Stall(begun.to_vec()));
    let mut joined = engine.cube(["attach", "--sig-proxy=false", ID]).exits(143).any_stderr().spawn();
    joined.wait_for_stdout("hello\n");
    joined.wait_for_stderr(&format!("`cube attach {ID}` joins it again"));
    joined.signal(rustix::process::Signal::TERM);
    joined.finish();
}
