//! The reason why a task failed: real failures of each kind by different programs, and failures without a reason.

use std::net::TcpListener;

use serde_json::Value;

use crate::testbed::{Bed, cube::binary, engine::docker_at, probe, shell, tools};

/// The result of a task in the foreground that fails.
fn failed(bed: &Bed, args: &[&str]) -> (Value, String) {
    let label = bed.label();
    let args = ["-o", "json", "run", "--attach", "--label", &label].into_iter().chain(args.iter().copied());
    let stderr = bed.cube(args.collect::<Vec<_>>()).ends_somehow().output().stderr;
    let last = stderr.lines().last().unwrap_or_default();
    let result = serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {stderr}"));
    (result, stderr)
}

/// Checks that the task has a cause of this kind, whose message contains the word, and that it is shown once, last.
fn has_cause(bed: &Bed, kind: &str, word: &str, args: &[&str]) {
    let (result, stderr) = failed(bed, args);
    let cause = &result["cause"];
    assert_eq!(cause["kind"], kind, "{args:?}: {stderr}");
    let (message, remedy) = (cause["message"].as_str().unwrap(), cause["remedy"].as_str().unwrap());
    assert!(message.contains(word) && !remedy.is_empty(), "{word}: {cause}");
    let lines: Vec<&str> = stderr.lines().rev().skip(1).take(2).collect();
    assert!(lines[0].contains(remedy) && lines[1].contains(message), "{stderr}");
    assert_eq!(stderr.matches("reason: ").count(), 1, "{stderr}");
}

/// The same for tasks of several programs.
fn all_have(kind: &str, word: &str, tasks: &[&[&str]]) {
    let bed = Bed::new();
    for args in tasks {
        has_cause(&bed, kind, word, args);
    }
    bed.assert_empty();
}

#[test]
fn out_of_memory() {
    let fill = "x=$(cat /dev/zero | tr '\\0' x | head -c 200m); echo ${#x}";
    all_have(
        "out_of_memory",
        "16 MiB",
        &[
            &["--memory", "16m", "--image", &probe(), "memory=64"],
            &["--memory", "16m", "--image", &shell(), "sh", "-c", fill],
            &[
                "--memory",
                "16m",
                "--image",
                &tools(),
                "perl",
                "-e",
                "my $x = 'x' x (200 << 20); print length $x",
            ],
        ],
    );
}

/// An engine may fail to notice it if the container ends at once.
#[test]
fn too_much_memory_is_in_the_kernel_s_log() {
    if std::fs::File::open("/dev/kmsg").is_err() {
        // Not for this user.
        return;
    }
    let bed = Bed::new();
    let small = ["--network", "none", "--memory", "16m", "--image", &probe()];
    let [full, other] =
        [&["memory=64"][..], &["exit=3"]].map(|words| bed.start(small.iter().chain(words).copied()));
    assert_eq!((full.ended(), other.ended()), (137, 3));
    let docker = docker_at(bed.engine().host());
    assert!(docker.has_reached_memory_limit(&full.id) && !docker.has_reached_memory_limit(&other.id));
}

#[test]
fn out_of_memory_in_with() {
    let bed = Bed::new();
    let (label, image, cube) = (bed.label(), probe(), binary());
    let usual = ["-o", "json", "with", "--label", &label, "--memory", "16m", "--image", &image, "memory=64"];
    let command = ["--", "sh", "-c", r#""$0" wait "$CUBE_CONTAINER_ID""#, cube.to_str().unwrap()];
    let stderr = bed.cube(usual.iter().chain(&command)).ends(137).output().stderr;
    let result: Value = serde_json::from_str(stderr.lines().last().unwrap()).unwrap();
    assert_eq!(result["cause"]["kind"], "out_of_memory", "{stderr}");
    assert!(stderr.contains("\nreason: ") && stderr.contains("16 MiB"), "{stderr}");
    bed.assert_empty();
}

#[test]
fn killed() {
    let bed = Bed::new();
    for (image, command, signal) in [
        (probe(), &["out=up", "forever"][..], "KILL"),
        (shell(), &["sh", "-c", "echo up; sleep 600 & wait"], "KILL"),
    ] {
        // podman's events do not name the signal, and a shell's exit code may be that of its command.
        if bed.engine().is_podman() && command[0] == "sh" {
            continue;
        }
        let label = bed.label();
        let args = ["-o", "json", "run", "--attach", "--label", &label, "--image", &image];
        let mut running = bed.cube([&args, command].concat()).ends(137).spawn();
        running.wait_for_stdout("up\n");
        let id = bed.containers().remove(0);
        bed.engine().send("POST", &format!("/containers/{id}/kill?signal={signal}"), &[], b"");
        let stderr = running.finish().stderr;
        let result: Value = serde_json::from_str(stderr.lines().last().unwrap()).unwrap();
        assert_eq!(result["cause"]["kind"], "killed", "{stderr}");
        assert!(result["cause"]["message"].as_str().unwrap().contains("SIGKILL"), "{stderr}");
    }
    bed.assert_empty();
}

#[test]
fn crashed() {
    all_have(
        "crashed",
        "SIG",
        &[
            &["--init", "--image", &probe(), "die=11"],
            &["--init", "--image", &probe(), "die=6"],
            &["--image", &tools(), "perl", "-e", "unpack 'p', pack 'L!', 1"],
            &["--image", &shell(), "sh", "-c", "sh -c 'kill -SEGV $$'; exit $?"],
        ],
    );
}

#[test]
fn wrong_architecture() {
    let image = tools();
    all_have(
        "wrong_architecture",
        "/arm",
        &[&["--image", &image, "/arm"], &["--image", &image, "bash", "-c", "/arm"]],
    );
}

#[test]
fn no_interpreter() {
    let image = tools();
    all_have(
        "no_interpreter",
        "/",
        &[&["--image", &image, "/script"], &["--image", &image, "bash", "-c", "/script"]],
    );
}

#[test]
fn missing_library() {
    let image = tools();
    all_have(
        "missing_library",
        "lib",
        &[
            &["--image", &image, "/needs-library"],
            &["--image", &image, "bash", "-c", "/needs-library"],
            &["--image", &image, "/needs-another"],
            &["--image", &image, "perl", "-e", "exec '/needs-another'"],
        ],
    );
}

#[test]
fn not_executable() {
    all_have(
        "not_executable",
        "/not-executable",
        &[
            &["--entrypoint", "/not-executable", "--image", &probe()],
            &["--image", &shell(), "sh", "-c", "/not-executable"],
            &["--image", &tools(), "bash", "-c", "/not-executable"],
        ],
    );
}

#[test]
fn not_found() {
    all_have(
        "not_found",
        "no-such-tool",
        &[
            &["--entrypoint", "no-such-tool", "--image", &probe()],
            &["--image", &shell(), "/bin/no-such-tool"],
            &["--image", &shell(), "sh", "-c", "no-such-tool"],
            &["--image", &tools(), "bash", "-c", "no-such-tool --help"],
        ],
    );
}

#[test]
fn a_flag_after_the_image_is_explained() {
    let bed = Bed::new();
    let label = bed.label();
    bed.cube(["run", "--label", &label, &shell(), "--memory", "1g"])
        .ends(127)
        .stderr_has("reason: --memory stands after the image")
        .stderr_has("remedy: write cube's flags before the image: cube run --memory … IMAGE")
        .output();
    bed.assert_empty();
}

#[test]
fn permission() {
    let open = "open(my $file, '>', '/etc/x') or die qq(/etc/x: $!)";
    all_have(
        "permission",
        "/etc/x",
        &[
            &["--user", "1000", "--image", &probe(), "write=/etc/x:5"],
            &["--user", "1000", "--image", &shell(), "sh", "-c", "echo x >/etc/x"],
            &["--user", "1000", "--image", &shell(), "mkdir", "/etc/x"],
            &["--user", "1000", "--image", &tools(), "perl", "-e", open],
        ],
    );
}

#[test]
fn read_only() {
    let bed = Bed::new();
    let mount = format!("{}:/fixed:ro", bed.path("").display());
    for args in [
        &["-v", &mount, "--image", &probe(), "write=/fixed/x:5"][..],
        &["-v", &mount, "--image", &shell(), "touch", "/fixed/x"],
        &["-v", &mount, "--image", &tools(), "bash", "-c", "echo x >/fixed/x"],
    ] {
        has_cause(&bed, "read_only", "/fixed/x", args);
    }
}

#[test]
fn disk_full() {
    all_have(
        "disk_full",
        "/scratch/x",
        &[
            &["--tmpfs", "/scratch:size=64k", "--image", &probe(), "write=/scratch/x:200000"],
            &[
                "--tmpfs",
                "/scratch:size=64k",
                "--image",
                &shell(),
                "dd",
                "if=/dev/zero",
                "of=/scratch/x",
                "bs=200k",
                "count=1",
            ],
        ],
    );
}

#[test]
fn port_in_use() {
    let bed = Bed::new();
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    has_cause(&bed, "port_in_use", &port, &["-p", &format!("{port}:80"), "--image", &probe()]);
    let two = ["--image", &probe(), "listen=0.0.0.0:80", "listen=0.0.0.0:80"];
    has_cause(&bed, "port_in_use", "port", &two);
    let nc = "nc -l -p 80 & until netstat -ltn | grep -q :80; do :; done; nc -l -p 80";
    has_cause(&bed, "port_in_use", "port", &["--image", &shell(), "sh", "-c", nc]);
}

#[test]
fn missing_variable() {
    all_have(
        "missing_variable",
        "API_TOKEN",
        &[
            &["--image", &shell(), "sh", "-uc", "echo $API_TOKEN"],
            &["--image", &shell(), "sh", "-c", ": ${API_TOKEN:?}"],
            &["--image", &tools(), "bash", "-uc", "echo $API_TOKEN"],
            &["--image", &tools(), "perl", "-e", "$ENV{API_TOKEN} or die qq(API_TOKEN is not set\\n)"],
        ],
    );
}

#[test]
fn name_resolution() {
    all_have(
        "name_resolution",
        "no-such-host",
        &[
            &["--image", &shell(), "wget", "-q", "http://no-such-host/"],
            &["--image", &shell(), "nc", "no-such-host", "80"],
            &["--image", &tools(), "bash", "-c", "exec 3<>/dev/tcp/no-such-host/80"],
        ],
    );
}

#[test]
fn unhealthy_and_timed_out() {
    let bed = Bed::new();
    for check in ["echo no answer; exit 1", "test -e /ready"] {
        let health = ["--health-cmd", check, "--health-interval", "1s", "--health-retries", "1"];
        let task = ["--wait-for", "healthy", "--image", &shell(), "sleep", "600"];
        has_cause(&bed, "unhealthy", "exited with 1", &[&health[..], &task].concat());
    }
    let limited = ["--timeout", "2s", "--image", &probe(), "out=step 2", "forever"];
    has_cause(&bed, "timed_out", "the task's last line is \"step 2\"", &limited);
    let wait = ["--wait-for", "port=80", "--wait-timeout", "5s"];
    has_cause(&bed, "timed_out", "no output", &[&wait[..], &["--image", &shell(), "sleep", "600"]].concat());
    bed.assert_empty();
}

/// Failures without a known cause: whatever the program prints, only its exit code is known.
const OTHERS: &[&[&str]] = &[
    &["sh", "-c", "exit 1"],
    &["sh", "-c", "exit 126"],
    &["sh", "-c", "exit 127"],
    &["sh", "-c", "exit 137"],
    &["sh", "-c", "exit 139"],
    &["sh", "-c", "exit 143"],
    &["sh", "-c", "exit 255"],
    &["false"],
    &["test", "1", "=", "2"],
    &["grep", "x", "/etc/passwd-"],
    &["cat", "/no/such/file"],
    &["ls", "/no/such/folder"],
    &["sh", "-c", "if"],
    &["sh", "-c", "echo 'Error: not found' >&2; exit 4"],
    &["sh", "-c", "echo 'GET /health: 404 not found' >&2; exit 127"],
    &["sh", "-c", "echo 'git@example.com: Permission denied (publickey).' >&2; exit 128"],
    &["sh", "-c", "echo 'FATAL: password authentication failed for user' >&2; exit 2"],
    &["sh", "-c", "echo 'ERROR: permission denied for table users' >&2; exit 1"],
    &["sh", "-c", "echo 'ENOSPC: System limit for number of file watchers reached' >&2; exit 1"],
    &["sh", "-c", "nope; echo 'went on'; echo a; echo b; echo '2 tests failed' >&2; exit 1"],
    &["sh", "-c", "touch /proc/x; echo step 2; echo step 3; echo step 4; exit 5"],
    &["sh", "-c", "echo 'memory: 3 of 4 used'; echo 'out of luck'; exit 1"],
    &["sh", "-c", "echo 'Segmentation of the market failed'; exit 1"],
    &["sh", "-c", "echo 'could not connect to server: Connection refused' >&2; exit 1"],
    &["sh", "-c", "echo 'assertion failed: timed out waiting for the row' >&2; exit 1"],
    &["sh", "-c", "echo 'the option is not set' >&2; exit 1"],
    &["nc", "-w", "1", "127.0.0.1", "1"],
    &["wget", "-q", "http://127.0.0.1:1/"],
    &["tar", "-xf", "/etc/passwd"],
    &["expr", "1", "/", "0"],
    &["sh", "-c", "kill -TERM 99999"],
    &["mount", "-t", "nope", "none", "/data"],
];

#[test]
fn another_failure_has_no_cause() {
    let bed = Bed::new();
    let image = shell();
    for command in OTHERS {
        let (result, stderr) = failed(&bed, &[&["--image", &image], *command].concat());
        assert_ne!(result["exit_code"], 0, "{command:?}: {stderr}");
        assert!(result["cause"].is_null() && !stderr.contains("reason: "), "{command:?}: {stderr}");
    }
    let others =
        [(tools(), &["perl", "-e", "die qq(no more\\n)"][..]), (tools(), &["perl", "-e", "use nope;"])];
    for (image, command) in others {
        let (result, stderr) = failed(&bed, &[&["--image", &image], command].concat());
        assert!(result["cause"].is_null(), "{command:?}: {stderr}");
    }
    bed.assert_empty();
}

#[test]
fn a_signal_to_cube_and_a_success_have_no_cause() {
    let bed = Bed::new();
    let (result, _) = failed(&bed, &["--memory", "16m", "--image", &probe(), "exit=0"]);
    assert!(result["cause"].is_null() && result["exit_code"] == 0, "{result}");
    let mut running =
        bed.run(["-o", "json", "--attach", "--image", &probe(), "out=up", "forever"]).ends(143).spawn();
    running.wait_for_stdout("up\n");
    running.signal(rustix::process::Signal::TERM);
    let stderr = running.finish().stderr;
    let result: Value = serde_json::from_str(stderr.lines().last().unwrap()).unwrap();
    assert_eq!((&result["result"], &result["error"]["kind"]), (&"failure".into(), &"interrupted".into()));
    assert!(result["exit_code"] == 143 && result["container_id"].is_null(), "{result}");
    assert!(!stderr.contains("reason: ") && !stderr.contains("cube: interrupted"), "{stderr}");
}

#[test]
fn a_task_that_cube_ends_after_a_failed_wait_has_no_cause() {
    let (bed, image) = (Bed::new(), probe());
    let (result, stderr) = failed(&bed, &["--wait-for", "http=80", "--image", &image, "forever"]);
    assert_eq!(result["error"]["kind"], "not_published", "{stderr}");
    assert!(result["cause"].is_null() && !stderr.contains("reason: "), "{stderr}");
    let folder = tempfile::tempdir().unwrap();
    let copy = format!("--copy-out=/probe:{}", folder.path().join("probe").display());
    let waits = ["--wait-for", "port=80", "--fail-on", "log=bad", &copy, "--image"];
    let (result, stderr) = failed(&bed, &[&waits[..], &[&image, "out=bad", "forever"]].concat());
    assert_eq!(result["error"]["kind"], "fail_on", "{stderr}");
    assert!(result["cause"].is_null() && !stderr.contains("reason: "), "{stderr}");
    bed.assert_empty();
}

#[test]
fn no_message_contains_a_value_of_the_environment() {
    let bed = Bed::new();
    let task =
        ["--env", "SECRET_HOST=hidden-host", "--image", &shell(), "sh", "-c", "wget -q http://$SECRET_HOST/"];
    let (result, _) = failed(&bed, &task);
    let message = result["cause"]["message"].as_str().unwrap();
    assert!(message.contains("$SECRET_HOST") && !message.contains("hidden-host"), "{message}");
}
