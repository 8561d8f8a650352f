//! SIGINT and SIGTERM: the task is stopped and removed, and the exit code names the signal.

use std::time::Duration;

use rustix::process::Signal;

use crate::testbed::scripted::{Reply, Scripted};
use crate::testbed::{Bed, probe};

#[test]
fn an_attached_task_is_stopped_and_removed() {
    let bed = Bed::new();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let args = ["--attach", "--image", &probe(), "say-signals", "out=up", "forever"];
        let mut running = bed.run(args).ends(code).spawn();
        running.wait_for_stdout("up\n");
        running.signal(signal);
        // The task's last output arrives too, since its stop signal ends it.
        assert_eq!(running.finish().text(), "up\nsignal 15\n");
        bed.assert_empty();
    }
}

#[test]
fn the_second_signal_kills() {
    let bed = Bed::new();
    let args = ["--attach", "--stop-timeout", "50", "--image", &probe(), "ignore=15", "out=up", "forever"];
    let mut running = bed.run(args).ends(130).spawn();
    running.wait_for_stdout("up\n");
    running.signal(Signal::INT);
    running.wait_for_stderr("\n");
    running.signal(Signal::INT);
    assert!(running.finish().took < Duration::from_secs(20));
    bed.assert_empty();
}

#[test]
fn a_task_that_ignores_the_signal_is_removed_after_its_grace() {
    let bed = Bed::new();
    let args = ["--attach", "--stop-timeout", "1", "--image", &probe(), "ignore=15", "out=up", "forever"];
    let mut running = bed.run(args).ends(143).spawn();
    running.wait_for_stdout("up\n");
    running.signal(Signal::TERM);
    assert!(running.finish().took >= Duration::from_secs(1));
    bed.assert_empty();
}

#[test]
fn ending_the_logs_leaves_the_task() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe(), "out=up", "forever"]);
    let mut logs = bed.cube(["logs", "-f", &task.id]).ends(130).spawn();
    logs.wait_for_stdout("up\n");
    logs.signal(Signal::INT);
    logs.finish();
    assert_eq!(task.inspect()["State"]["Running"], true);
}

#[test]
fn ending_a_wait_leaves_the_task() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe()]);
    let wait = bed.cube(["wait", &task.id]).ends(143).spawn();
    // Before its handler is installed, the signal ends it too; only the code is then the system's.
    wait.wait_until_handling(Signal::TERM);
    wait.signal(Signal::TERM);
    wait.finish();
    assert_eq!(task.inspect()["State"]["Running"], true);
}

#[test]
fn a_closed_terminal_ends_the_task() {
    let bed = Bed::new();
    let run = bed.run(["--attach", "--image", &probe(), "out=up", "forever"]);
    let mut running = run.minding_hangup().ends(129).spawn();
    running.wait_for_stdout("up\n");
    running.signal(Signal::HUP);
    running.finish();
    bed.assert_empty();
}

#[test]
fn a_task_that_is_not_ready_yet_is_removed() {
    let bed = Bed::new();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let args = ["--image", &probe(), "--wait-for", "log=never", "--wait-timeout", "50s", "forever"];
        let running = bed.run(args).ends(code).spawn();
        bed.wait_for_start();
        running.signal(signal);
        let output = running.finish();
        assert!(output.stdout.is_empty() && output.stderr.contains("interrupted"), "{}", output.stderr);
        bed.assert_empty();
        // In the foreground its last output arrives.
        let wait = ["--attach", "--wait-for", "log=never", "--wait-timeout", "50s"];
        let image = probe();
        let task = ["--image", &image, "say-signals", "out=up", "forever"];
        let mut running = bed.run([&wait[..], &task].concat()).ends(code).spawn();
        running.wait_for_stdout("up\n");
        running.signal(signal);
        assert_eq!(running.finish().text(), "up\nsignal 15\n");
        bed.assert_empty();
    }
}

#[test]
fn a_pull_that_stalls_can_be_ended() {
    let stalled = Reply::Stall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".into());
    let missing = Reply::error(404, "No such image: x:latest");
    let run =
        Scripted::new().on("POST /containers/create*", missing).on("POST /images/create*", stalled.clone());
    let pull = Scripted::new().on("POST /images/create*", stalled);
    for (engine, args) in [(run, &["run", "--image", "x"][..]), (pull, &["pull", "x"])] {
        let running = engine.cube([&["-o", "json"], args].concat()).ends(130).spawn();
        engine.wait_for("POST /images/create");
        running.signal(Signal::INT);
        assert_eq!(running.finish().json()["error"]["kind"], "interrupted");
    }
}

#[test]
fn the_command_of_with_gets_the_signal_and_the_task_is_removed() {
    let bed = Bed::new();
    let (label, image) = (bed.label(), probe());
    let script = "trap 'echo heard; exit 7' TERM; echo up; while :; do sleep 0.1; done";
    let args = ["with", "--label", &label, "--image", &image, "forever", "--", "sh", "-c", script];
    let mut running = bed.cube(args).ends(7).spawn();
    running.wait_for_stdout("up\n");
    running.signal(Signal::TERM);
    assert_eq!(running.finish().text(), "up\nheard\n");
    bed.assert_empty();
}

#[test]
fn an_ignored_hangup_stays_ignored_and_other_signals_reach_the_task() {
    let bed = Bed::new();
    let run = bed.run(["--attach", "--image", &probe(), "say-signals", "out=up", "forever"]);
    let mut running = run.ignoring_hangup().exits(138).spawn();
    running.wait_for_stdout("up\n");
    running.signal(Signal::HUP);
    running.signal(Signal::USR1);
    assert_eq!(running.finish().text(), "up\nsignal 10\n");
    bed.assert_empty();
}
