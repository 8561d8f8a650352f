//! SIGINT and SIGTERM: the task is stopped and removed, and the exit code says which it was.

use std::time::Duration;

use rustix::process::Signal;

use crate::testbed::{Bed, probe};

#[test]
fn an_attached_task_is_stopped_and_removed() {
    let bed = Bed::new();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let args = ["--attach", "--image", &probe(), "say-signals", "out=up", "forever"];
        let mut running = bed.run(args).ends(code).spawn();
        running.wait_for_stdout("up\n");
        running.signal(signal);
        // The task's last words arrive too: it is stopped by its stop signal.
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
fn a_task_that_ignores_the_signal_goes_after_its_grace() {
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
    // Before its handler stands the signal ends it as well; only the code is then the system's.
    wait.wait_until_handling(Signal::TERM);
    wait.signal(Signal::TERM);
    wait.finish();
    assert_eq!(task.inspect()["State"]["Running"], true);
}
