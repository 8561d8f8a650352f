//! The record of a run: log file, evidence, usage, CI marks.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::testbed::{Bed, cube::binary, probe, shell};

/// The JSON on the last line of standard error.
fn last_object(stderr: &str) -> Value {
    serde_json::from_str(stderr.lines().last().unwrap()).unwrap_or_else(|error| panic!("{error}: {stderr}"))
}

#[test]
fn the_log_file_has_all_of_both_streams_while_they_are_shown() {
    let bed = Bed::new();
    let file = bed.path("log");
    let args = ["--attach", "--log-file", file.to_str().unwrap(), "--image", &probe()];
    let output = bed.run([&args[..], &["lines=20000x100", "err=last", "exit=3"]].concat()).ends(3).output();
    let log = fs::read(&file).unwrap();
    // There is no order between two streams: the line of the one may be anywhere among those of the other.
    let at = log.windows(5).position(|part| part == b"last\n").expect("the line of standard error");
    assert_eq!([&log[..at], &log[at + 5..]].concat(), output.stdout);
    let missing = ["--attach", "--log-file", "/no/such/folder/log", "--image", &probe()];
    bed.run(missing).fails(125).stderr_has("/no/such/folder/log").output();
    bed.run(["--log-file", file.to_str().unwrap(), "--image", &probe()])
        .fails(125)
        .stderr_has("--log-file")
        .output();
    bed.assert_empty();
}

#[test]
fn a_log_file_on_a_full_disk_fails_a_successful_task() {
    let bed = Bed::new();
    let args = ["--attach", "--log-file", "/dev/full", "--image", &probe(), "out=x"];
    bed.run(args).ends(125).stderr_has("/dev/full").output();
    bed.assert_empty();
}

#[test]
fn with_shows_the_task_s_last_lines_when_the_command_fails() {
    let bed = Bed::new();
    let (label, image, file) = (bed.label(), probe(), bed.path("log"));
    let usual = ["with", "--label", &label, "--image", &image, "--log-file", file.to_str().unwrap()];
    let task = ["--wait-for", "log=ready", "out=the map is missing", "out=ready", "forever", "--"];
    let with = |flags: &[&str], command: &[&str]| {
        bed.cube([&usual[..1], flags, &usual[1..], &task, command].concat())
    };
    let failed = with(&[], &["false"]).ends(1).output().stderr;
    assert!(failed.contains("the last lines of") && failed.contains("the map is missing"), "{failed}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "the map is missing\nready\n");
    with(&[], &["true"]).output();
    with(&["--logs", "never"], &["false"]).exits(1).output();
    assert!(with(&["--logs", "always"], &["true"]).ends(0).output().stderr.contains("the map is missing"));
    bed.assert_empty();
}

#[test]
fn the_log_file_grows_with_the_output() {
    let bed = Bed::new();
    let file = bed.path("log");
    let args =
        ["--attach", "--log-file", file.to_str().unwrap(), "--image", &probe(), "out=first", "forever"];
    let mut running = bed.run(args).ends(143).spawn();
    running.wait_for_stdout("first\n");
    let deadline = Instant::now() + Duration::from_secs(30);
    while fs::read_to_string(&file).unwrap() != "first\n" {
        assert!(Instant::now() < deadline, "it does not come while the task runs");
        std::thread::yield_now();
    }
    running.signal(Signal::TERM);
    running.finish();
    bed.assert_empty();
}

#[test]
fn with_shows_fifty_lines_of_a_task_that_died() {
    let bed = Bed::new();
    let (label, image, gone) = (
        bed.label(),
        shell(),
        r#"until [ "$("$0" inspect "$CUBE_CONTAINER_ID" | grep -c '"Running": false')" = 1 ]; do :; done"#,
    );
    let task = [
        "sh",
        "-c",
        "for i in $(seq 80); do echo \"line $i\"; done; exit 3",
        "--",
        "sh",
        "-c",
        gone,
        binary().to_str().unwrap(),
    ]
    .map(str::to_owned);
    let flags = ["with", "--label", &label, "--image", &image].map(str::to_owned);
    let stderr = bed.cube(flags.into_iter().chain(task)).ends(0).output().stderr;
    let lines: Vec<&str> =
        stderr.lines().skip_while(|line| !line.starts_with("the last lines of")).skip(1).collect();
    assert!(lines.len() == 50 && lines[0] == "line 31" && lines[49] == "line 80", "{stderr}");
    bed.assert_empty();
}

#[test]
fn with_keep_leaves_the_task_stopped() {
    let bed = Bed::new();
    let (label, image) = (bed.label(), probe());
    let args =
        ["-o", "json", "with", "--keep", "--label", &label, "--image", &image, "forever", "--", "true"];
    let object = last_object(&bed.cube(args).ends(0).output().stderr);
    let id = object["container_id"].as_str().unwrap();
    assert_eq!(bed.engine().container(id)["State"]["Running"], false);
    bed.cube(["stop", id]).output();
    bed.assert_empty();
}

#[test]
fn evidence_is_complete_and_contains_no_value_of_the_environment() {
    let bed = Bed::new();
    let (image, folder) = (shell(), bed.path("evidence"));
    let flag = format!("--evidence={}", folder.display());
    let script = "echo token $TOKEN; echo cannot go on >&2; exit 7";
    let args = [
        "--attach",
        &flag,
        "--env",
        "TOKEN=s3cret-value",
        "--env",
        "A=b",
        "--image",
        &image,
        "sh",
        "-c",
        script,
    ];
    bed.run(args).ends(7).output();
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let json = |name: &str| serde_json::from_str::<Value>(&read(name)).unwrap();
    let log = read("task.log");
    assert!(log.contains("token ***\n") && log.contains("cannot go on\n"), "{log}");
    assert_eq!(
        (&json("result.json")["exit_code"], &json("inspect.json")["State"]["ExitCode"]),
        (&7.into(), &7.into())
    );
    let env = json("inspect.json")["Config"]["Env"].to_string();
    assert!(env.contains("A=***") && env.contains("TOKEN=***"), "{env}");
    assert_eq!(json("health.json"), Value::Null);
    for file in fs::read_dir(&folder).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains("s3cret"), "{text}");
    }
    fs::remove_dir_all(&folder).unwrap();
    let checked = ["--health-cmd=echo fine", "--health-interval=100ms", "--wait-for=healthy"];
    let rest = ["--image", &image, "sh", "-c", "sleep 2; exit 7"];
    bed.run([&["--attach", &flag][..], &checked, &rest].concat()).ends(7).output();
    assert!(
        bed.engine().is_podman() || json("health.json")["Log"][0]["Output"] == "fine\n",
        "{}",
        read("health.json")
    );
    fs::remove_dir_all(&folder).unwrap();
    bed.run(["--attach", &flag, "--image", &image, "true"]).output();
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "a success leaves no evidence");
    bed.run(["--attach", &format!("{flag},on=always"), "--image", &image, "true"]).output();
    assert!(json("result.json")["result"] == "success" && read("task.log").is_empty());
    bed.run(["--attach", &flag, "--image", &image, "sh", "-c", "exit 4"]).ends(4).output();
    let result = json("result.json");
    assert!(result["state"] == "Failed" && result["started_at"].is_string(), "{result}");
    bed.run([&flag, "--image", &image, "--entrypoint", "/no/such"]).ends(127).output();
    assert_eq!(json("result.json")["cause"]["kind"], "not_found");
    bed.assert_empty();
}

#[test]
fn no_message_quotes_a_value_of_the_environment() {
    let bed = Bed::new();
    let script = "echo ERROR: no login with $PASSWORD; exec sleep 1000";
    let run = bed.run([
        "-o",
        "json",
        "-e",
        "PASSWORD=hunter2x",
        "--wait-for=log=never",
        "--fail-on=log=ERROR",
        "--image",
        &shell(),
        "sh",
        "-c",
        script,
    ]);
    let result = run.ends(125).any_stderr().json();
    assert!(result["error"]["message"].as_str().unwrap().ends_with("no login with $PASSWORD"), "{result}");
    assert!(!result.to_string().contains("hunter2x"), "{result}");
    assert!(result["started_at"].is_string() && result["name"].is_string(), "{result}");
}

#[test]
fn evidence_is_kept_if_only_the_command_of_with_fails() {
    let bed = Bed::new();
    let (label, evidence) = (bed.label(), bed.path("evidence").display().to_string());
    let with =
        ["with", "--label", &label, "--evidence", &evidence, "--image", &probe(), "out=hello", "forever"];
    bed.cube(with.into_iter().chain(["--wait-for=log=hello", "--", "false"])).ends(1).output();
    assert_eq!(std::fs::read_to_string(bed.path("evidence/task.log")).unwrap(), "hello\n");
}

#[test]
fn usage_is_the_kernel_s_own_figure() {
    let bed = Bed::new();
    // After its work the task itself reads the kernel's counters, with version 1 or 2 of control groups.
    let script = "dd if=/dev/zero of=/tmp/x bs=1M count=20 2>/dev/null; x=0; while [ $x -lt 200000 ]; do x=$((x+1)); done;
        cat /sys/fs/cgroup/memory/memory.max_usage_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.peak";
    let args =
        ["-o", "json", "--attach", "--usage", "--memory", "512m", "--image", &shell(), "sh", "-c", script];
    let measured = || {
        let output = bed.run(args).ends(0).output();
        (last_object(&output.stderr), output)
    };
    // On a busy machine, the end may be missed.
    let exact = || Some(measured()).filter(|(object, _)| object["usage"]["exact"] == true);
    let (object, output) = (0..5).find_map(|_| exact()).unwrap_or_else(measured);
    let (usage, kernel) = (&object["usage"], output.text().trim().parse::<u64>().unwrap());
    let peak = usage["memory_peak_bytes"].as_u64().unwrap();
    assert!(peak >= kernel && peak < kernel + (2 << 20), "{peak} {kernel}");
    assert!(usage["exact"] == true && usage["memory_limit_bytes"] == 512 << 20, "{usage}");
    assert!(usage["cpu_seconds"].as_f64().unwrap() > 0.01, "{usage}");
    assert!(output.stderr.contains("usage: ") && output.stderr.contains("of 512 MiB"), "{}", output.stderr);
    let phases = &object["phases"];
    for phase in ["create", "start", "run", "remove"] {
        assert!(phases[phase].is_u64(), "{phase}: {phases}");
    }
    assert!(phases["pull"].is_null() && phases["ready"].is_null(), "{phases}");
}

#[test]
fn a_task_near_its_limit_is_reported() {
    // It runs long enough to be sampled: on a busy machine its end may be missed.
    let bed = Bed::new();
    let args = ["--attach", "--usage", "--memory", "64m", "--image", &probe(), "memory=60", "sleep=2"];
    let stderr = bed.run(args).ends(0).output().stderr;
    assert!(stderr.contains("% of its memory limit of 64 MiB"), "{stderr}");
}

#[test]
fn a_task_s_last_lines_cannot_send_commands_to_the_runner() {
    let bed = Bed::new();
    let args = ["--wait-for", "port=80", "--image", &probe(), "out=::error::mine", "exit=3"];
    let stderr = bed.run(args).env("GITHUB_ACTIONS", "true").ends(125).output().stderr;
    let lines: Vec<&str> = stderr.lines().collect();
    let at = |start: &str| {
        lines.iter().position(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}: {stderr}"))
    };
    let stopped = at("::stop-commands::");
    let word = lines[stopped].strip_prefix("::stop-commands::").unwrap();
    let resumed = at(&format!("::{word}::"));
    assert!(
        at("::group::") < stopped && stopped < at("::error::mine") && at("::error::mine") < resumed,
        "{stderr}"
    );
    assert!(resumed < at("::endgroup::"), "{stderr}");
    assert_eq!(stderr.matches("::error title=").count(), 1, "{stderr}");
    let gitlab = bed.run(args).env("GITLAB_CI", "true").ends(125).output().stderr;
    assert!(gitlab.contains("section_start:") && gitlab.contains("section_end:"), "{gitlab}");
    let plain = ["--attach", "--image", &probe(), "exit=3"];
    let stderr = bed.run(plain).env("GITHUB_ACTIONS", "true").ends(3).output().stderr;
    assert_eq!(stderr.matches("::error title=").count(), 1, "{stderr}");
    assert!(stderr.contains("ended with exit code 3"), "{stderr}");
    let off =
        bed.run([&["--ci", "off"], &args[..]].concat()).env("GITLAB_CI", "true").ends(125).output().stderr;
    assert!(!off.contains("section_") && off.contains("::error::mine"), "{off}");
    let label = bed.label();
    let with = ["with", "--label", &label, "--image", &probe(), "forever", "--", "false"];
    let host = bed.cube(with).env("GITHUB_ACTIONS", "true").ends(1).output().stderr;
    assert!(!host.contains("::error"), "the command's own failure: {host}");
    bed.assert_empty();
}
