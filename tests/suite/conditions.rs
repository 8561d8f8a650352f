//! Several conditions together: `--wait-any`, `--fail-on`, and both for several tasks in `cube wait`.

use crate::testbed::{Bed, probe, shell};

#[test]
fn one_of_the_conditions_is_enough() {
    let bed = Bed::new();
    let never = ["--wait-any", "--wait-for", "log=never", "--wait-for", "port=80", "--wait-for"];
    let image = probe();
    let task = ["log=up", "--image", &image, "out=up", "forever"];
    let task = bed.start(never.into_iter().chain(task));
    // The end of the task may be the condition that is enough.
    let all = ["wait", "--for", "log=never", "--for", "exit", "--wait-any", &task.id];
    let mut waiting = bed.cube(all).any_stderr().spawn();
    waiting.wait_for_stderr("waiting for log=never; or its end");
    bed.engine().send("POST", &format!("/containers/{}/kill?signal=TERM", task.id), &[], &[]);
    waiting.finish();
}

#[test]
fn a_condition_that_becomes_impossible_drops_out() {
    let bed = Bed::new();
    let image = probe();
    let any = ["--wait-any", "--wait-for", "healthy", "--wait-for", "http=80/", "--wait-for"];
    let task =
        bed.start(any.into_iter().chain(["log=up", "--image", &image, "sleep=0.5", "out=up", "forever"]));
    bed.cube(["stop", &task.id]).text();
    let task = bed.start(["--image", &image, "forever"]);
    let any = ["wait", "--timeout", "5s", "--wait-any", "--for", "healthy", "--for", "http=80/", "--for"];
    bed.cube(any.into_iter().chain(["port=80/udp", &*task.id]))
        .ends(124)
        .stderr_has("healthy: the task has no health check")
        .stderr_has("http=80/: port 80/tcp is not published")
        .stderr_has("port 80/udp: nothing listens on 80/udp")
        .output();
    bed.run(["--wait-any", "--wait-for", "healthy", "--wait-for", "http=80/", "--image", &image, "forever"])
        .ends(125)
        .stderr_has("no condition can hold any more: healthy: the task has no health check")
        .stderr_has("http=80/: port 80/tcp is not published")
        .output();
    // All of them must hold: the first that cannot ends the wait.
    bed.run(["--wait-for", "log=never", "--wait-for", "http=80/", "--image", &image, "forever"])
        .ends(125)
        .stderr_has("not published")
        .output();
    drop(task);
    bed.assert_empty();
}

#[test]
fn a_task_that_dies_meets_no_condition() {
    let bed = Bed::new();
    let any = ["--wait-any", "--wait-for", "log=never", "--wait-for", "port=80", "--image"];
    bed.run(any.into_iter().chain([&*probe(), "exit=3"])).ends(125).stderr_has("exited with code 3").output();
    let any = ["--wait-any", "--wait-for", "log=last", "--wait-for", "port=80", "--image"];
    bed.start(any.into_iter().chain([&*probe(), "out=last words", "exit=3"]));
}

#[test]
fn a_line_ends_the_wait_as_failed() {
    let bed = Bed::new();
    let waiting = ["--wait-for", "port=80", "--fail-on", "log=ready", "--fail-on", "log=FATAL: .*gone"];
    for stream in ["out", "err"] {
        let line = format!("{stream}=12:00 FATAL: \"data\" is gone");
        let task = ["--image", &probe(), "out=first", &line, "forever"];
        bed.run(waiting.into_iter().chain(task))
            .ends(125)
            .stderr_has("is not ready: failure reported\n  caused by: its output matches log=FATAL: .*gone: 12:00 FATAL: \"data\" is gone\n")
            .output();
    }
    let task = ["--image", &probe(), "out=FATAL: it is gone", "forever"];
    let object = bed.run(["-o", "json"].into_iter().chain(waiting).chain(task)).ends(125).json();
    assert_eq!(
        (&object["error"]["kind"], &object["container_id"]),
        (&"fail_on".into(), &().into()),
        "{object}"
    );
    let with =
        ["with", "--label", &bed.label(), "--fail-on", "log=bad", "--wait-for", "log=never", "--image"];
    bed.cube(with.into_iter().chain([&*probe(), "out=too bad", "forever", "--", "false"]))
        .ends(125)
        .stderr_has("its output matches log=bad: too bad")
        .output();
    bed.assert_empty();
}

/// The line is written before the condition holds, so it counts, whatever the condition; and it is a better reason than
/// the end that follows.
#[test]
fn a_line_from_the_start_counts_even_if_a_condition_held_soon() {
    let bed = Bed::new();
    let fails = |condition: &'static str| ["--fail-on", "log=FATAL", "--wait-for", condition, "--image"];
    for (condition, then) in [("port=80", "listen=0.0.0.0:80"), ("log=up", "out=up"), ("port=80", "exit=3")] {
        bed.run(fails(condition).into_iter().chain([&*probe(), "out=FATAL", then, "forever"]))
            .ends(125)
            .stderr_has("its output matches log=FATAL: FATAL")
            .output();
    }
    // The log of a task that its engine removes at its end can no longer be read.
    let gone =
        ["-d", "--rm", "--wait-for", "port=80", "--fail-on", "log=FATAL", &probe(), "out=FATAL", "exit=3"];
    bed.run(gone).ends(125).stderr_has("its output matches log=FATAL: FATAL").output();
    bed.start(fails("port=80").into_iter().chain([&*probe(), "out=fatal", "listen=0.0.0.0:80", "forever"]));
    let again = "test -e /a && { nc -l -p 80; exit; }; touch /a; sleep 0.3; exit 5";
    let restarted = ["--restart", "on-failure:3"].into_iter().chain(fails("port=80"));
    bed.start(restarted.chain([&*shell(), "sh", "-c", again]));
}

#[test]
fn much_output_is_read_once_in_constant_memory() {
    let bed = Bed::new();
    let waiting = ["--fail-on", "log=FATAL", "--wait-for", "log=never", "--image"];
    let output = bed
        .run(waiting.into_iter().chain([&*probe(), "lines=2000x16000", "out=FATAL", "forever"]))
        .ends(125)
        .stderr_has("its output matches log=FATAL: FATAL")
        .output();
    assert!(output.peak_kib < 64 << 10, "{} KiB", output.peak_kib);
}

#[test]
fn a_file_is_waited_for_until_it_is_there() {
    let bed = Bed::new();
    let makes = |path: &str| format!("sleep 0.5; touch {path}; exec sleep 100");
    let image = shell();
    for (path, more) in [("/there", None), ("/run/there", Some("--tmpfs=/run"))] {
        let (condition, script) = (format!("file={path}"), makes(path));
        let waits = ["--wait-for", &condition, "--stop-signal", "KILL"].into_iter().chain(more);
        let task = bed.start(waits.chain(["--image", &image, "sh", "-c", &script]));
        bed.cube(["exec", &task.id, "test", "-e", path]).text();
        bed.cube(["wait", "--for", &condition, &task.id]).any_stderr().text();
    }
    // One that a task left before it ended counts.
    bed.start(["--wait-for", "file=/left", "--image", &image, "touch", "/left"]);
    bed.run(["--wait-for", "file=/never", "--wait-timeout", "5", "--image", &image, "sleep", "100"])
        .ends(124)
        .stderr_has("file=/never: it does not exist yet")
        .output();
}

#[test]
fn an_invalid_pattern_is_refused_before_any_pull() {
    let bed = Bed::new();
    for (args, reason) in [
        (&["--wait-for", "running", "--fail-on", "log=("][..], "invalid sign of failure \"log=(\""),
        (&["--wait-for", "running", "--fail-on", "FATAL"], "write --fail-on log=REGEX"),
        (&["--fail-on", "log=x"], "--fail-on ends a wait, but nothing is waited for"),
        (&["--wait-any"], "--wait-any chooses among conditions, but nothing is waited for"),
    ] {
        bed.run(args.iter().copied().chain(["--image", "no.such.registry.invalid/a"]))
            .fails(125)
            .stderr_has(reason)
            .output();
    }
    bed.cube(["wait", "--fail-on", "log=(", "x"]).fails(2).output();
    bed.cube(["wait", "--wait-any", "x"]).fails(2).output();
}

#[test]
fn a_task_file_may_contain_it_too() {
    let bed = Bed::new();
    let file = bed.file(
        "task.json",
        &format!(
            r#"{{"image": "{}", "command": ["out=FATAL", "forever"], "wait_for": ["port=80", "log=never"],
                "wait_any": true, "fail_on": ["log=FATAL"]}}"#,
            probe()
        ),
    );
    bed.run(["--file", &file]).ends(125).stderr_has("its output matches log=FATAL: FATAL").output();
}

#[test]
fn several_tasks_are_waited_for_in_the_order_given() {
    let bed = Bed::new();
    let slow = bed.start(["--image", &probe(), "sleep=0.5", "out=up", "exit=3"]);
    let bad = bed.start(["--image", &probe(), "out=bad", "forever"]);
    let good = bed.start(["--image", &probe(), "out=up", "exit=4"]);
    let waited = bed.cube(["wait", &slow.id, &good.id]).exits(3).any_stderr().output();
    assert_eq!(waited.text(), "3\n4\n");
    // The first task never ends: a sign of failure in the second ends the wait at once.
    let endless = bed.start(["--image", &probe(), "forever"]);
    bed.cube(["wait", "--fail-on", "log=bad", &endless.id, &bad.id])
        .fails(1)
        .stderr_has("its output matches log=bad: bad")
        .output();
    bed.cube(["wait", "--for", "log=up", "--for", "log=bad", "--wait-any", &slow.id, &bad.id])
        .any_stderr()
        .output();
    let object = bed.cube(["-o", "json", "wait", "--fail-on", "log=bad", &bad.id]).ends(1).json();
    assert_eq!(object["error"]["kind"], "fail_on", "{object}");
    assert_eq!(object["container_id"], *bad.id, "{object}");
}
