//! The display of a wait and of its end: first the reason, then the state of the task, then its last lines.

use crate::testbed::{Bed, probe, shell};

/// The listener starts late enough that the wait prints a second line.
#[test]
fn a_wait_in_a_log_prints_a_line_at_the_start_every_ten_seconds_and_at_the_end() {
    let bed = Bed::new();
    let task = ["--image", &probe(), "sleep=11.5", "listen=0.0.0.0:80", "forever"];
    let output = bed.run(["--wait-for", "port=80"].into_iter().chain(task)).any_stderr().output();
    bed.task(output.text().trim_end());
    let lines: Vec<&str> = output.stderr.lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[0], "waiting for port 80/tcp");
    let second = "waiting for port 80/tcp: nothing listens on 80/tcp; listening: no tcp port (10 s)";
    assert_eq!(lines[1], second);
    assert!(lines[2].starts_with("ready after 1") && lines[2].ends_with(" s"), "{lines:?}");
}

#[test]
fn a_quiet_wait_says_nothing() {
    let bed = Bed::new();
    let task = bed
        .run(["-q", "--wait-for", "log=up", "--image", &probe(), "out=up", "forever"])
        .any_stderr()
        .output();
    assert_eq!(task.stderr, "");
    let task = bed.task(task.text().trim_end());
    let quiet = bed.cube(["-q", "wait", "--for", "log=up", &task.id]).any_stderr().output();
    assert_eq!(quiet.stderr, "");
    let shown = bed.cube(["wait", "--for", "log=up", &task.id]).any_stderr().output();
    let (first, then) = shown.stderr.split_once('\n').unwrap();
    assert!(first.starts_with("waiting for log=up") && then.starts_with("ready after "), "{}", shown.stderr);
}

#[test]
fn the_reason_comes_first_and_the_last_lines_last() {
    let bed = Bed::new();
    let image = probe();
    let died = ["--wait-for", "port=80", "--image", &image, "out=one", "out=two", "exit=3"];
    let wanted = [
        "waiting for port 80/tcp",
        "is not ready: task died\n  caused by: the task exited with code 3 before it was ready\n  hint: ",
        "\nstate: Failed, exit code: 3\nthe last lines of ",
        ":\none\ntwo\n",
    ];
    let in_order = |stderr: &str| {
        let ends =
            wanted.iter().try_fold(0, |from, text| Some(from + stderr[from..].find(text)? + text.len()));
        assert_eq!(ends, Some(stderr.len()), "{stderr}");
    };
    in_order(&bed.run(died).fails(125).output().stderr);
    let with = ["with", "--label", &bed.label()];
    in_order(&bed.cube(with.into_iter().chain(died).chain(["--", "true"])).fails(125).output().stderr);
    let task = bed.start(["--image", &image, "out=one", "out=two", "forever"]);
    let late =
        bed.cube(["wait", "--for", "log=never", "--timeout", "5s", &task.id]).fails(124).output().stderr;
    let error = late
        .find("caused by: the task was not ready within 5s: log=never: no line matched so far\n")
        .unwrap();
    let state = late.find("\nstate: Running, exit code: none\nthe last lines of ").unwrap();
    assert!(error < state && late.ends_with(":\none\ntwo\n"), "{late}");
}

/// The task's output is never interrupted by a line of cube, even if both go to one file.
#[test]
fn no_message_interrupts_a_line_of_the_task() {
    let bed = Bed::new();
    let script = "printf a >&2; sleep 11; echo b >&2; echo up >&2";
    let waiting = ["--attach", "--wait-for", "log=up", "--image", &shell(), "sh", "-c", script];
    let output = bed.run(waiting).any_stderr().output();
    assert!(output.stderr.contains("ab\nup\n"), "{}", output.stderr);
}
