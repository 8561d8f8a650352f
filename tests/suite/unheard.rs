//! A stop wastes no grace on a task that cannot receive the signal, and never shortens the grace of one that can.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::testbed::{Bed, Task, shell};

/// Less than the engine's grace of 10 s, but longer than everything else takes.
const SOON: Duration = Duration::from_secs(9);

/// A task whose program has started and sleeps.
fn asleep<'a>(bed: &'a Bed, args: &[&str]) -> Task<'a> {
    let task = bed.start(args);
    task.wait_until_asleep();
    task
}

/// `cube stop -o json` of a task: its result, and how long it took.
fn stop(bed: &Bed, task: &Task) -> (Value, Duration) {
    let output = bed.cube(["stop", "-o", "json", &task.id]).any_stderr().output();
    (output.json(), output.took)
}

#[test]
fn a_task_that_cannot_receive_its_signal_is_killed_without_a_grace() {
    let bed = Bed::new();
    let image = shell();
    let usual = ["--image", &image, "sleep", "1000"];
    let (result, took) = stop(&bed, &asleep(&bed, &usual));
    assert_eq!((&result["unheard"], &result["exit_code"]), (&"SIGTERM".into(), &137.into()), "{result}");
    assert!(took < SOON, "{took:?}");
    let other = asleep(&bed, &[["--stop-signal", "USR1"].as_slice(), &usual].concat());
    assert_eq!(stop(&bed, &other).0["unheard"], "SIGUSR1");
    let said = asleep(&bed, &usual);
    bed.cube(["stop", &said.id]).stderr_has("does not handle SIGTERM").stderr_has("--init").text();
    let silent = asleep(&bed, &usual);
    bed.cube(["stop", "-q", &silent.id]).text();
}

#[test]
fn a_task_that_handles_its_signal_ends_by_itself() {
    let bed = Bed::new();
    let image = shell();
    let trap = "trap 'exit 7' TERM; echo up; while :; do sleep 0.1; done";
    let flags = ["--wait-for", "log=up", "--image", &image, "sh", "-c", trap];
    let (result, _) = stop(&bed, &bed.start(flags));
    assert_eq!((&result["unheard"], &result["exit_code"]), (&Value::Null, &7.into()), "{result}");
    let init = bed.start(["--init", "--image", &image, "sleep", "1000"]);
    let (result, took) = stop(&bed, &init);
    assert_eq!((&result["unheard"], &result["exit_code"]), (&Value::Null, &143.into()), "{result}");
    assert!(took < SOON, "{took:?}");
}

#[test]
fn a_late_handler_gets_the_signal_again() {
    let bed = Bed::new();
    let image = shell();
    let script = "echo up; sleep 1; trap 'exit 7' TERM; while :; do sleep 0.1; done";
    let task = bed.start(["--wait-for", "log=up", "--image", &image, "sh", "-c", script]);
    let (result, took) = stop(&bed, &task);
    assert_eq!((&result["unheard"], &result["exit_code"]), (&Value::Null, &7.into()), "{result}");
    assert!(took < SOON, "{took:?}");
}

#[test]
fn work_that_ends_within_the_grace_is_not_lost() {
    let bed = Bed::new();
    let image = shell();
    let volume = format!("{}:/out", bed.path("").display());
    let script = "echo up; sleep 4; echo saved >/out/work";
    let flags = ["--wait-for", "log=up", "-v", &volume, "--image", &image, "sh", "-c", script];
    let task = bed.start(flags);
    bed.cube(["stop", &task.id]).any_stderr().text();
    assert_eq!(std::fs::read_to_string(bed.path("work")).unwrap(), "saved\n");
    // At the end of `with` there is no grace for it.
    let with = ["with", "--label", &bed.label(), "--image", &image, "sh", "-c", "sleep 1000; :", "--", "cat"];
    let mut with = bed.cube(with).open_stdin().stderr_has("--init").spawn();
    bed.wait_for_start();
    let under = bed.task(&bed.containers().remove(0));
    under.wait_until_asleep();
    let begun = Instant::now();
    with.close_stdin();
    with.finish();
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

#[test]
fn an_explicit_grace_is_kept() {
    let bed = Bed::new();
    let image = shell();
    let own = bed.start(["--stop-timeout", "3", "--image", &image, "sleep", "1000"]);
    let (result, took) = stop(&bed, &own);
    assert_eq!(result["unheard"], Value::Null, "{result}");
    assert!(took >= Duration::from_secs(3), "{took:?}");
    let given = bed.start(["--image", &image, "sleep", "1000"]);
    let output = bed.cube(["stop", "-t", "2", "-o", "json", &given.id]).any_stderr().output();
    assert_eq!(output.json()["unheard"], Value::Null);
    assert!(output.took >= Duration::from_secs(2), "{:?}", output.took);
}

#[test]
fn a_time_limit_in_the_foreground_wastes_no_grace_either() {
    let bed = Bed::new();
    let image = shell();
    let run = ["--attach", "--timeout", "3s", "--image", &image, "sleep", "1000"];
    let output = bed.run(run).ends(124).stderr_has("does not handle SIGTERM").output();
    assert!(output.took < SOON + Duration::from_secs(3), "{:?}", output.took);
    bed.assert_empty();
}

#[test]
fn a_process_that_is_not_process_1_receives_every_signal() {
    let bed = Bed::new();
    let image = shell();
    let (result, took) = stop(&bed, &bed.start(["--pid", "host", "--image", &image, "sleep", "1000"]));
    assert_eq!((&result["unheard"], &result["exit_code"]), (&Value::Null, &143.into()), "{result}");
    assert!(took < SOON, "{took:?}");
}

#[test]
fn a_paused_task_is_stopped_too() {
    let bed = Bed::new();
    let task = bed.start(["--image", &shell(), "sleep", "1000"]);
    bed.engine().post(&format!("/containers/{}/pause", task.id), &Value::Null);
    stop(&bed, &task);
    bed.assert_empty();
}
