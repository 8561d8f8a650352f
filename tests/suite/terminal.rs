//! Tasks with a terminal: on a pseudo-terminal with a real shell, and where there is none.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::testbed::{Bed, Cube, cube, shell};

/// A session of `terminal.py`, and what it prints; afterwards the task goes, whoever removes it.
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
        // Nothing tells when the guard has removed it.
        std::thread::sleep(Duration::from_millis(20));
    }
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A size, Ctrl-C, an exit code, SIGKILL of cube: what a user sees, word for word.
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
fn the_terminal_is_as_before_when_cube_is_killed() {
    session("killed");
}

#[test]
fn the_terminal_is_as_before_when_cube_is_ended_by_a_signal() {
    session("signalled");
}

#[test]
fn a_task_that_was_let_go_of_lives_on_and_can_be_joined() {
    session("detached");
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
fn keys_that_no_terminal_sends_are_refused() {
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
