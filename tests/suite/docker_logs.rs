//! `cube logs` compared with `docker logs`: the same lines for the same flags.

use std::process::{Command, Stdio};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use crate::testbed::cube::scratch;
use crate::testbed::{Bed, Engine, Task, probe};

/// Both streams that `docker logs ARGS TASK` prints.
fn by_docker(task: &Task, args: &[&str]) -> (String, String) {
    let mut docker = Command::new("docker");
    docker.arg("logs").args(args).arg(&task.id).env("DOCKER_HOST", Engine::under_test().host());
    let output = docker.env("HOME", scratch()).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "docker logs {args:?}: {stderr}");
    (stdout, stderr)
}

/// Checks that cube prints the same, following or not.
fn agree(bed: &Bed, task: &Task, args: &[&str]) {
    let wanted = by_docker(task, args);
    for follow in [&[][..], &["-f"]] {
        let words = [&["logs"][..], follow, args, &[task.id.as_str()]].concat();
        let output = bed.cube(words).any_stderr().output();
        assert_eq!((output.text(), output.stderr), wanted, "logs {follow:?} {args:?}");
    }
}

/// A task of six lines on two streams that has ended, the last line without its newline.
fn talked(bed: &Bed) -> Task<'_> {
    let actions = [
        "out=one",
        "sleep=0.02",
        "err=two",
        "sleep=1.1",
        "out=three",
        "sleep=0.02",
        "out=four",
        "err=five",
        "out-raw=six",
    ];
    let task = bed.start(["--image", &probe()].iter().chain(&actions));
    task.ended();
    task
}

/// When the line was written, by the engine's clock.
fn time_of(task: &Task, line: &str) -> DateTime<Utc> {
    let (stdout, stderr) = by_docker(task, &["-t"]);
    let all = format!("{stdout}\n{stderr}");
    let found =
        all.lines().find_map(|text| text.strip_suffix(line)).unwrap_or_else(|| panic!("no {line} in {all}"));
    found.trim().parse().unwrap()
}

#[test]
fn the_last_lines_are_the_same() {
    let bed = Bed::new();
    let task = talked(&bed);
    for tail in ["0", "1", "2", "5", "6", "7", "1000000", "all", "-1"] {
        agree(&bed, &task, &["--tail", tail]);
        agree(&bed, &task, &["-t", "-n", tail]);
    }
    // podman refuses it.
    if !bed.engine().is_podman() {
        agree(&bed, &task, &["--tail", ""]);
    }
    // For Docker this means all lines.
    bed.cube(["logs", "--tail", "many", &task.id]).fails(2).stderr_has("no whole number").output();
}

#[test]
fn a_time_cuts_at_the_same_line() {
    let bed = Bed::new();
    let task = talked(&bed);
    let three = time_of(&task, "three");
    let step = TimeDelta::nanoseconds(1);
    let zone = chrono::FixedOffset::east_opt(2 * 3600).unwrap();
    // No age of a few seconds, because the two commands read the clock at different times.
    let mut times = ["0", "1h", "2006-01-02"].map(str::to_owned).to_vec();
    times.push((three - TimeDelta::hours(1)).format("%Y-%m-%dT%H:%M").to_string());
    for time in [three - step, three, three + step] {
        times.push(time.to_rfc3339_opts(SecondsFormat::Nanos, true));
        times.push(time.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Nanos, false));
        times.push(format!("{}.{:09}", time.timestamp(), time.timestamp_subsec_nanos()));
    }
    times.push(three.timestamp().to_string());
    times.push((three.timestamp() + 1).to_string());
    for time in &times {
        agree(&bed, &task, &["--since", time]);
        agree(&bed, &task, &["--until", time]);
        agree(&bed, &task, &["--since", time, "--tail", "2"]);
        agree(&bed, &task, &["-t", "--until", time, "--tail", "1"]);
    }
    let (from, to) = (times[3].as_str(), times.last().unwrap().as_str());
    agree(&bed, &task, &["--since", from, "--until", to]);
    agree(&bed, &task, &["--since", to, "--until", from]);
}

#[test]
fn a_growing_log_is_cut_at_the_same_line() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe(), "out=one", "sleep=0.02", "out=two", "forever"]);
    let mut whole = bed.cube(["logs", "-f", &task.id]).ends(130).spawn();
    whole.wait_for_stdout("two\n");
    let two = time_of(&task, "two").to_rfc3339_opts(SecondsFormat::Nanos, true);
    for (args, wanted) in
        [(&["-n", "1"][..], "two\n"), (&["--since", &two], "two\n"), (&["-n", "all"], "one\ntwo\n")]
    {
        // podman cuts at whole seconds, or after the time.
        if args[0] == "--since" && bed.engine().is_podman() {
            continue;
        }
        assert_eq!(by_docker(&task, args).0, wanted);
        let words = [&["logs", "-f"][..], args, &[task.id.as_str()]].concat();
        let mut follow = bed.cube(words).ends(130).within(Duration::from_secs(30)).spawn();
        follow.wait_for_stdout("two\n");
        follow.wait_until_handling(rustix::process::Signal::INT);
        follow.signal(rustix::process::Signal::INT);
        assert_eq!(follow.finish().text(), wanted, "logs -f {args:?}");
    }
    whole.signal(rustix::process::Signal::INT);
    whole.finish();
}
