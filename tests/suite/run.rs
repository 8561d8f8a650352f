//! `cube run`: a task in the background.

use serde_json::json;

use crate::testbed::bed::is_id;
use crate::testbed::{Bed, Cube, probe, probe_with, shell};

#[test]
fn prints_the_full_id_and_nothing_else() {
    let bed = Bed::new();
    let output = bed.run(["--image", &probe()]).output();
    let text = output.text();
    assert!(is_id(text.trim_end_matches('\n')) && text.len() == 65, "{text:?}");
    assert_eq!(bed.containers(), [text.trim_end()]);
    bed.cube(["stop", text.trim_end()]).output();
}

#[test]
fn a_task_runs_until_it_is_stopped() {
    let bed = Bed::new();
    let task = bed.start(["--image", &shell(), "sleep", "1000"]);
    assert_eq!(task.inspect()["State"]["Status"], "running");
    assert_eq!(task.inspect()["Args"], json!(["1000"]));
}

#[test]
fn the_command_starts_at_the_first_word_that_is_not_a_flag() {
    let bed = Bed::new();
    let plain = bed.start(["--image", &probe(), "out=--name", "forever", "--attach"]);
    assert_eq!(plain.inspect()["Config"]["Cmd"], json!(["out=--name", "forever", "--attach"]));
    let dashes = bed.start(["--image", &shell(), "--", "sleep", "1000"]);
    assert_eq!(dashes.inspect()["Config"]["Cmd"], json!(["sleep", "1000"]));
}

#[test]
fn without_a_command_the_image_s_own_runs() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe_with(&["CMD [\"out=from the image\", \"forever\"]"])]);
    assert_eq!(task.inspect()["Config"]["Cmd"], json!(["out=from the image", "forever"]));
}

#[test]
fn the_container_carries_the_task_s_uuid() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe()]);
    let id = task.inspect()["Config"]["Labels"]["cube.task.id"].as_str().unwrap().to_owned();
    let parts: Vec<usize> = id.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12], "{id}");
}

#[test]
fn any_flag_of_docker_s_reaches_the_engine() {
    let bed = Bed::new();
    let name = bed.name();
    let task = bed.start([
        "--image",
        &probe(),
        "--name",
        name,
        "-l",
        "a=b=c",
        "-l",
        "empty",
        "-w",
        "/data",
        "-u",
        "1000:1000",
        "--hostname",
        "box",
        "--add-host",
        "db:10.1.2.3",
        "--shm-size",
        "32m",
        "--stop-signal",
        "SIGUSR1",
        "--stop-timeout",
        "7",
        "--init",
        "--tmpfs",
        "/scratch:size=1m",
        "-v",
        "/etc/hostname:/data/h:ro",
        "--log-driver",
        "json-file",
        "--entrypoint",
        "/probe",
        "forever",
    ]);
    let seen = task.inspect();
    let (config, host) = (&seen["Config"], &seen["HostConfig"]);
    assert_eq!(seen["Name"], format!("/{name}"));
    assert_eq!((&config["Labels"]["a"], &config["Labels"]["empty"]), (&json!("b=c"), &json!("")));
    assert_eq!((&config["WorkingDir"], &config["User"]), (&json!("/data"), &json!("1000:1000")));
    assert_eq!((&config["Hostname"], &host["ExtraHosts"]), (&json!("box"), &json!(["db:10.1.2.3"])));
    assert_eq!(host["ShmSize"], 32 * 1024 * 1024);
    let (signal, tmpfs) = (&config["StopSignal"], host["Tmpfs"]["/scratch"].as_str().unwrap());
    if bed.engine().is_podman() {
        // It prints the number, and adds its own options.
        assert!(signal == "10" && tmpfs.starts_with("size=1m,"), "{signal} {tmpfs}");
    } else {
        assert_eq!((signal, tmpfs), (&json!("SIGUSR1"), "size=1m"));
    }
    assert_eq!(config["StopTimeout"], 7);
    assert_eq!(host["Init"], true);
    assert_eq!(seen["Mounts"][0]["Source"], "/etc/hostname");
    assert_eq!(host["LogConfig"]["Type"], "json-file");
    assert_eq!(config["Entrypoint"], json!(["/probe"]));
}

#[test]
fn a_health_check_is_the_engine_s_own() {
    let bed = Bed::new();
    let task = bed.start([
        "--image",
        &shell(),
        "--health-cmd",
        "test -e /tmp/ok",
        "--health-interval",
        "1s",
        "--health-timeout",
        "2s",
        "--health-retries",
        "4",
        "--health-start-period",
        "1m30s",
        "sleep",
        "1000",
    ]);
    let health = &task.inspect()["Config"]["Healthcheck"];
    assert_eq!(health["Test"], json!(["CMD-SHELL", "test -e /tmp/ok"]));
    assert_eq!((&health["Interval"], &health["Timeout"]), (&json!(1_000_000_000), &json!(2_000_000_000)));
    assert_eq!((&health["Retries"], &health["StartPeriod"]), (&json!(4), &json!(90_000_000_000u64)));
    let none = bed.start(["--image", &probe(), "--health-cmd", ""]);
    assert_eq!(none.inspect()["Config"]["Healthcheck"], json!(null));
}

#[test]
fn a_network_can_be_chosen() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe(), "--network", "none"]);
    assert_eq!(task.inspect()["HostConfig"]["NetworkMode"], "none");
}

#[test]
fn the_id_is_written_to_the_cidfile() {
    let bed = Bed::new();
    let path = bed.path("cid");
    let task = bed.start(["--image", &probe(), "--cidfile", path.to_str().unwrap()]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), task.id);
}

#[test]
fn a_failed_start_leaves_no_cidfile() {
    let bed = Bed::new();
    let path = bed.path("cid");
    let args = ["--image", &probe(), "--cidfile", path.to_str().unwrap(), "--entrypoint", "/no/such"];
    bed.run(args).fails(127).output();
    assert!(!path.exists());
}

#[test]
fn a_cidfile_without_a_folder_is_refused_before_any_request() {
    let args = ["run", "--image", "x", "--cidfile", "/no/such/cid"];
    Cube::new(args).env("DOCKER_HOST", "unix:///no/engine").fails(125).stderr_has("/no/such/cid").output();
}

#[test]
fn an_existing_cidfile_stops_the_run() {
    let bed = Bed::new();
    let path = bed.file("cid", "");
    bed.run(["--image", &probe(), "--cidfile", &path]).fails(125).stderr_has(&path).output();
    bed.assert_empty();
}

#[test]
fn replace_removes_the_task_of_the_same_name() {
    let bed = Bed::new();
    let old = bed.start(["--image", &probe(), "--name", bed.name()]);
    let new = bed.start(["--image", &probe(), "--name", bed.name(), "--replace"]);
    assert!(!old.exists());
    assert_eq!(new.inspect()["Name"], format!("/{}", bed.name()));
}

#[test]
fn replace_without_a_task_of_that_name_runs_normally() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe(), "--name", bed.name(), "--replace"]);
    assert!(task.exists());
}

#[test]
fn replace_leaves_a_container_that_is_not_cube_s() {
    let bed = Bed::new();
    let foreign = bed.foreign(bed.name(), json!({"Image": probe()}));
    let args = ["--image", &probe(), "--name", bed.name(), "--replace"];
    bed.run(args).fails(125).stderr_has(bed.name()).output();
    assert!(foreign.exists());
    assert_eq!(bed.containers(), [foreign.id.as_str()]);
}
