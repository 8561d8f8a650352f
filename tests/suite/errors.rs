//! Wrong input: the right exit code, one error with a hint, an empty stdout, and nothing left.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use serde_json::{Value, json};

use crate::testbed::{Bed, Cube, nobody, probe, probe_with};

/// Checks that a run fails and leaves nothing; then the same with JSON, and returns its error.
fn refused(bed: &Bed, args: &[&str], code: i32, says: &str) -> Value {
    let before = bed.containers();
    bed.run(args).fails(code).stderr_has(says).output();
    assert_eq!(bed.containers(), before, "left on the engine");
    let object = bed.run(["-o", "json"].iter().chain(args)).ends(code).json();
    assert_eq!(bed.containers(), before, "left on the engine");
    assert_eq!((&object["result"], &object["container_id"]), (&json!("failure"), &Value::Null), "{object}");
    assert!(object["error"]["message"].as_str().unwrap().contains(says), "{object}");
    object["error"]["kind"].clone()
}

#[test]
fn a_missing_image() {
    let bed = Bed::new();
    let image = format!("127.0.0.1:1/{}:1", bed.name());
    refused(&bed, &["--image", &image, "--pull-retries", "0"], 125, &image);
    let kind = refused(&bed, &["--image", &image, "--pull", "never"], 125, &image);
    assert_eq!(kind, "image_not_found");
}

#[test]
fn a_memory_limit_that_is_too_low_is_named_as_it_was_written() {
    let bed = Bed::new();
    let object = bed.run(["-o", "json", "--image", &probe(), "--memory", "4k"]).ends(125).json();
    let error = &object["error"];
    assert!(error["message"].as_str().unwrap().contains("\"4k\""), "{error}");
    assert_eq!(error["hint"], "write --memory 6m or more", "{error}");
    bed.assert_empty();
}

#[test]
fn a_value_of_a_wrong_type_in_a_task_file_is_not_shown() {
    let bed = Bed::new();
    let file = bed.path("task.json");
    fs::write(&file, r#"{"image":"x","env":"A=s3cret"}"#).unwrap();
    let output = bed.run(["--file", file.to_str().unwrap()]).fails(125).stderr_has("env").output();
    assert!(!output.stderr.contains("s3cret"), "{}", output.stderr);
}

#[test]
fn a_taken_port() {
    let bed = Bed::new();
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let kind = refused(&bed, &["--image", &probe(), "-p", &format!("{port}:80")], 125, &port);
    assert_eq!(kind, "port_taken");
}

#[test]
fn a_taken_name() {
    let bed = Bed::new();
    let first = bed.start(["--image", &probe(), "--name", bed.name()]);
    let kind = refused(&bed, &["--image", &probe(), "--name", bed.name()], 125, bed.name());
    assert_eq!(kind, "name_taken");
    assert!(first.exists(), "the container that has the name is not this run's");
}

#[test]
fn a_missing_command() {
    let bed = Bed::new();
    let args = ["--image", &probe(), "--entrypoint", "/no/such"];
    assert_eq!(refused(&bed, &args, 127, "/no/such"), "command_not_found");
    bed.run(["--attach"].into_iter().chain(args)).fails(127).stderr_has("/no/such").output();
    bed.assert_empty();
}

#[test]
fn a_command_that_cannot_be_executed_is_126() {
    let bed = Bed::new();
    let args = ["--image", &probe(), "--entrypoint", "/not-executable"];
    assert_eq!(refused(&bed, &args, 126, "/not-executable"), "command_not_executable");
    bed.run(["--attach"].into_iter().chain(args)).fails(126).stderr_has("/not-executable").output();
    bed.assert_empty();
}

#[test]
fn a_failed_start_removes_its_anonymous_volumes() {
    let bed = Bed::new();
    let watch = bed.engine().watch();
    let image = probe_with(&["VOLUME /data"]);
    bed.run(["--image", &image, "--entrypoint", "/no/such"]).fails(127).output();
    bed.assert_empty();
    let made = watch.containers_with(&bed.label());
    assert_eq!(made.len(), 1, "the engine made a container before it failed");
    if bed.engine().is_podman() {
        return; // It has no events of volumes.
    }
    let volumes = watch.volumes_of(&made[0]);
    assert_eq!(volumes.len(), 1, "the container had a volume");
    assert!(!bed.engine().has(&format!("/volumes/{}", volumes[0])));
}

#[test]
fn a_mount_of_nothing() {
    let bed = Bed::new();
    let args = ["--image", &probe(), "-v", "relative/path:/data"];
    refused(&bed, &args, 125, "relative/path");
    let args = ["--image", &probe(), "-v", "/etc/hostname:/data"];
    // A file over a folder: the engine notices at the start only.
    refused(&bed, &args, 125, "");
}

#[test]
fn unusable_values() {
    let bed = Bed::new();
    let image = probe();
    let bad: &[&[&str]] = &[
        &["-m", "a lot"],
        &["-m", "-5m"],
        &["--cpus", "many"],
        &["--cpus", "-1"],
        &["--env-file", "/no/such/file"],
        &["-p", "eighty"],
        &["-p", "80:70000"],
        &["--name", "a b"],
        &["--restart", "sometimes"],
        &["--restart", "always:3"],
        &["--pull", "often"],
        &["--disk", "big"],
        &["--bind", "nowhere"],
        &["--stop-signal", "SIGNONE"],
        &["--health-interval", "soon"],
        &["--shm-size", "x"],
        &["--platform", "a/b/c/d/e"],
        &["--file", "/no/such/task.json"],
    ];
    for flags in bad {
        let args: Vec<&str> = flags.iter().copied().chain(["--image", &image]).collect();
        bed.run(&args).fails(125).stderr_has(flags[1]).output();
    }
    bed.assert_empty();
}

#[test]
fn the_engine_s_own_limits() {
    let bed = Bed::new();
    let kind = refused(&bed, &["--image", &probe(), "-m", "512"], 125, "");
    assert_ne!(kind, Value::Null);
    // podman has no upper limit.
    if !bed.engine().is_podman() {
        refused(&bed, &["--image", &probe(), "--cpus", "10000"], 125, "");
    }
}

#[test]
fn a_wrong_command_line_is_125_for_run_and_2_for_the_rest() {
    Cube::new(["run", "--no-such-flag"]).ends(125).stderr_has("--no-such-flag").output();
    Cube::new(["run"]).ends(125).stderr_has("--image").output();
    Cube::new(["with", "--no-such-flag"]).ends(125).stderr_has("--no-such-flag").output();
    Cube::new(["stop", "--no-such-flag"]).ends(2).stderr_has("--no-such-flag").output();
    Cube::new(["stop"]).ends(2).any_stderr().output();
    for foreground in [&["run", "-a", "--no-such-flag"][..], &["with", "--no-such-flag"]] {
        let output = Cube::new(["-o", "json"].iter().chain(foreground)).fails(125).any_stderr().output();
        assert!(
            output.stderr.lines().last().unwrap().starts_with("{\"action\":\"start\""),
            "{}",
            output.stderr
        );
    }
    Cube::new(["no-such-verb"]).ends(2).stderr_has("no-such-verb").output();
}

#[test]
fn no_engine() {
    let host = "unix:///no/such/engine.sock";
    let ps = Cube::new(["ps"]).env("DOCKER_HOST", host).fails(1).stderr_has("/no/such/engine.sock");
    assert!(ps.output().stdout.is_empty());
    let run = ["-o", "json", "run", "--image", "x"];
    let object = Cube::new(run).env("DOCKER_HOST", host).ends(125).json();
    assert_eq!(object["error"]["kind"], "engine_unreachable");
    Cube::new(["run", "--image", "x"]).env("DOCKER_HOST", host).fails(125).output();
}

#[test]
fn nobody_listens_there() {
    let bed = Bed::new();
    let path = bed.path("dead.sock");
    let _socket = nobody::socket(&path);
    let host = format!("unix://{}", path.display());
    Cube::new(["ps"]).env("DOCKER_HOST", host).fails(1).stderr_has("dead.sock").output();
    let (closed, _port) = nobody::port();
    let host = format!("tcp://{closed}");
    Cube::new(["ps"]).env("DOCKER_HOST", host).fails(1).stderr_has(&closed.to_string()).output();
}

#[test]
fn no_permission() {
    let bed = Bed::new();
    let path = bed.path("closed.sock");
    let _listener = UnixListener::bind(&path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    std::fs::set_permissions(bed.path(""), std::fs::Permissions::from_mode(0o755)).unwrap();
    let host = format!("unix://{}", path.display());
    Cube::new(["ps"]).by_nobody().env("DOCKER_HOST", &host).fails(1).stderr_has("permission").output();
    let object = Cube::new(["-o", "json", "ps"]).by_nobody().env("DOCKER_HOST", &host).ends(1).json();
    assert_eq!(object["error"]["kind"], "permission_denied");
}

#[test]
fn a_missing_task() {
    let bed = Bed::new();
    for verb in ["stop", "logs", "inspect", "wait", "port"] {
        bed.cube([verb, bed.name()]).ends(1).stderr_has(bed.name()).output();
        let object = bed.cube(["-o", "json", verb, bed.name()]).ends(1).json();
        assert_eq!(object["error"]["kind"], "task_not_found", "{verb}: {object}");
    }
    bed.cube(["exec", bed.name(), "true"]).ends(1).stderr_has(bed.name()).output();
}

#[test]
fn a_prefix_that_matches_two() {
    let bed = Bed::new();
    let mut tasks = Vec::new();
    // Two of 17 ids share their first digit.
    let image = probe();
    for _ in 0..17 {
        let id = bed.foreign("", json!({"Image": image}));
        if tasks.iter().any(|other: &crate::testbed::Task| other.id[..1] == id.id[..1]) {
            let prefix = id.id[..1].to_owned();
            bed.cube(["stop", &prefix]).fails(1).stderr_has(&prefix).output();
            assert!(id.exists());
            return;
        }
        tasks.push(id);
    }
    unreachable!("16 digits");
}

#[test]
fn secrets_are_never_shown() {
    let bed = Bed::new();
    let args = [
        "--verbose",
        "--verbose",
        "--image",
        &probe(),
        "-e",
        "TOKEN=s3cr3t-value",
        "--entrypoint",
        "/no/such",
    ];
    let output = bed.run(args).ends(127).output();
    assert!(!output.stderr.contains("s3cr3t-value"), "{}", output.stderr);
    let output = bed.run(["-o", "json"].iter().chain(&args)).ends(127).output();
    assert!(!output.text().contains("s3cr3t-value") && !output.stderr.contains("s3cr3t-value"));
}

#[test]
fn an_endless_file_is_refused_in_bounded_memory() {
    let bed = Bed::new();
    for flag in ["--env-file", "--file"] {
        let run = bed.run([flag, "/dev/zero", "--image", &probe()]).memory_kib(400 << 10);
        run.fails(125).stderr_has("/dev/zero").output();
    }
    bed.assert_empty();
}
