//! `cube run --attach`: a task in the foreground.

use crate::testbed::pattern::Lines;
use crate::testbed::{Bed, probe, probe_with, shell};

#[test]
fn stdout_stderr_and_exit_code_are_the_task_s() {
    let bed = Bed::new();
    let script = "echo out; echo err >&2; exit 3";
    let output = bed.run(["--attach", "--image", &shell(), "sh", "-c", script]).ends(3).output();
    assert_eq!((output.text().as_str(), output.stderr.as_str()), ("out\n", "err\n"));
    bed.assert_empty();
}

#[test]
fn a_is_attach() {
    let bed = Bed::new();
    assert_eq!(bed.run(["-a", "--image", &probe(), "out=hello"]).text(), "hello\n");
    bed.assert_empty();
}

#[test]
fn its_anonymous_volumes_are_removed_with_it() {
    let bed = Bed::new();
    let image = probe_with(&["VOLUME /data"]);
    let mut running = bed.run(["--attach", "-i", "--image", &image, "out=up", "cat"]).open_stdin();
    running = running.within(std::time::Duration::from_secs(30));
    let mut running = running.spawn();
    running.wait_for_stdout("up\n");
    let id = bed.containers().remove(0);
    let volume = bed.engine().container(&id)["Mounts"][0]["Name"].as_str().unwrap().to_owned();
    assert!(bed.engine().has(&format!("/volumes/{volume}")));
    running.close_stdin();
    running.finish();
    assert!(!bed.engine().has(&format!("/volumes/{volume}")));
    bed.assert_empty();
}

#[test]
fn keep_keeps_it() {
    let bed = Bed::new();
    bed.run(["--attach", "--keep", "--image", &probe(), "out=hello", "exit=4"]).exits(4).output();
    let id = bed.containers().remove(0);
    assert_eq!(bed.engine().container(&id)["State"]["ExitCode"], 4);
    assert_eq!(bed.cube(["stop", &id]).text(), format!("{id}\n"));
}

#[test]
fn standard_input_reaches_the_task() {
    let bed = Bed::new();
    let run = bed.run(["--attach", "-i", "--image", &probe(), "cat"]);
    assert_eq!(run.stdin("one\ntwo").text(), "one\ntwo");
    bed.assert_empty();
}

#[test]
fn standard_input_is_spoken_line_by_line() {
    let bed = Bed::new();
    let mut running = bed.run(["--attach", "-i", "--image", &probe(), "cat"]).open_stdin().spawn();
    running.write_stdin("first\n");
    running.wait_for_stdout("first\n");
    running.write_stdin("second\n");
    running.wait_for_stdout("second\n");
    running.close_stdin();
    assert_eq!(running.finish().text(), "first\nsecond\n");
}

#[test]
fn without_interactive_the_task_s_input_is_empty() {
    let bed = Bed::new();
    let run = bed.run(["--attach", "--image", &probe(), "cat", "out=end"]);
    assert_eq!(run.stdin("not for the task").text(), "end\n");
}

#[test]
fn a_task_that_a_signal_ends_gives_128_and_its_number() {
    let bed = Bed::new();
    bed.run(["--attach", "--init", "--image", &probe(), "die=6"]).ends(134).output();
    bed.assert_empty();
}

#[test]
fn a_task_may_end_with_cube_s_own_codes() {
    let bed = Bed::new();
    for code in [1, 2, 124, 125, 126, 127, 255] {
        let exit = format!("exit={code}");
        bed.run(["--attach", "--image", &probe(), "out=mine", &exit]).ends(code).output();
    }
    bed.assert_empty();
}

#[test]
fn output_is_there_while_the_task_runs() {
    let bed = Bed::new();
    let run = bed.run(["--attach", "-i", "--image", &probe(), "out-raw=no newline", "err=e", "cat"]);
    let mut running = run.open_stdin().stderr_has("e\n").spawn();
    running.wait_for_stdout("no newline");
    running.wait_for_stderr("e\n");
    running.close_stdin();
    running.finish();
}

#[test]
fn output_before_it_is_ready_arrives_whole() {
    let bed = Bed::new();
    let wait = ["--attach", "--image", &probe(), "--wait-for", "port=80", "--wait-timeout", "60s"];
    let wanted: Vec<u8> = Lines::new(100, 64).flatten().collect();
    let died = bed.run(wait.iter().chain(&["lines=100x64", "sleep=0.2", "exit=3"])).ends(125).output();
    assert!(died.stdout == wanted, "{died:?}");
    let order = |stderr: &str, state: &str| {
        let error = stderr.find("\ncube: ").expect("an error");
        error < stderr.find(state).expect("the state")
    };
    assert!(order(&died.stderr, "\nstate: Failed, exit code: 3\n"), "{}", died.stderr);
    let late = ["--wait-timeout", "8s", "lines=100x64", "say-signals", "forever"];
    let late = bed.run(wait.iter().chain(&late)).ends(124).output();
    assert!(late.stdout == wanted, "{late:?}");
    assert!(order(&late.stderr, "\nstate: Running, exit code: none\n"), "{}", late.stderr);
    bed.assert_empty();
}
