//! `-o json` and `-o env`: output for scripts.

use std::process::Command;

use serde_json::{Value, json};

use crate::testbed::{Bed, probe, probe_with};

#[test]
fn json_is_one_object_with_every_field() {
    let bed = Bed::new();
    let image = probe_with(&["EXPOSE 5432"]);
    let object = bed.run(["-o", "json", "--image", &image, "--name", bed.name()]).json();
    let id = object["container_id"].as_str().unwrap().to_owned();
    let seen = bed.engine().container(&id);
    let stopped = bed.cube(["-o", "json", "stop", &id]).json();
    let fields: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    let all = [
        "action",
        "result",
        "container_id",
        "error",
        "task_id",
        "name",
        "image",
        "state",
        "ports",
        "exit_code",
        "oom_killed",
        "timed_out",
        "created_at",
        "started_at",
        "finished_at",
        "phases",
    ];
    assert_eq!(fields, all);
    assert_eq!((&object["action"], &object["result"]), (&json!("start"), &json!("success")));
    assert_eq!((&object["error"], &object["state"]), (&Value::Null, &json!("Running")));
    // podman adds the registry to the name.
    let said = object["image"].as_str().unwrap();
    assert_eq!(
        (&object["name"], said.trim_start_matches("docker.io/")),
        (&json!(bed.name()), image.as_str())
    );
    assert_eq!(object["task_id"], seen["Config"]["Labels"]["cube.task.id"]);
    let port: u16 =
        seen["NetworkSettings"]["Ports"]["5432/tcp"][0]["HostPort"].as_str().unwrap().parse().unwrap();
    assert_eq!(object["ports"]["5432/tcp"][0]["port"], port, "{object}");
    assert_eq!((&stopped["action"], &stopped["result"]), (&json!("stop"), &json!("success")));
    bed.assert_empty();
}

#[test]
fn attached_the_object_is_the_last_line_of_stderr() {
    let bed = Bed::new();
    let run = bed.run(["-o", "json", "--attach", "--image", &probe(), "out=mine", "err=also", "exit=3"]);
    let output = run.ends(3).output();
    assert_eq!(output.text(), "mine\n");
    assert!(output.stderr.starts_with("also\n"), "{}", output.stderr);
    let object: Value = serde_json::from_str(output.stderr.lines().last().unwrap()).unwrap();
    assert_eq!((&object["exit_code"], &object["state"]), (&json!(3), &json!("Failed")), "{object}");
}

#[test]
fn the_result_file_keeps_stderr_clean() {
    let bed = Bed::new();
    let path = bed.path("result.json");
    let file = path.to_str().unwrap();
    let args = ["--attach", "--result-file", file, "--image", &probe(), "out=mine"];
    assert_eq!(bed.run(args).text(), "mine\n");
    let object: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!((&object["exit_code"], &object["result"]), (&json!(0), &json!("success")), "{object}");
}

/// The value of `name` after `eval`, by this shell.
fn evaluated(shell: &str, lines: &str, name: &str) -> String {
    let script = format!("eval \"$1\"; printf %s \"${{{name}-unset}}\"");
    let output = Command::new(shell).args(["-euc", &script, "sh", lines]).output().unwrap();
    assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn env_is_lines_for_a_shell() {
    let bed = Bed::new();
    let image = probe_with(&["EXPOSE 5432", "EXPOSE 8080", "EXPOSE 53/udp"]);
    let lines = bed.run(["-o", "env", "--image", &image, "--name", bed.name()]).text();
    let id = bed.containers().remove(0);
    let seen = bed.engine().container(&id)["NetworkSettings"]["Ports"].clone();
    bed.cube(["stop", &id]).output();
    let host_port = |port: &str| seen[port][0]["HostPort"].as_str().unwrap().to_owned();
    for shell in ["sh", "dash", "bash"] {
        let get = |name: &str| evaluated(shell, &lines, name);
        assert_eq!((get("CUBE_CONTAINER_ID"), get("CUBE_NAME")), (id.clone(), bed.name().to_owned()));
        assert_eq!(get("CUBE_HOST"), "127.0.0.1");
        assert_eq!((get("CUBE_PORT"), get("CUBE_PORT_5432")), (host_port("5432/tcp"), host_port("5432/tcp")));
        assert_eq!(get("CUBE_PORT_8080"), host_port("8080/tcp"));
    }
}

#[test]
fn quiet_prints_nothing_but_the_result() {
    let bed = Bed::new();
    let task = bed.start(["-q", "--image", &probe()]);
    assert!(task.exists());
}

#[test]
fn a_failure_as_env_prints_nothing() {
    let bed = Bed::new();
    bed.run(["-o", "env", "--image", &probe(), "--entrypoint", "/no/such"]).fails(127).output();
    bed.assert_empty();
}

#[test]
fn several_that_are_stopped_are_one_object() {
    let bed = Bed::new();
    let tasks = [(); 2].map(|()| bed.start(["--image", &probe()]));
    let ids = tasks.each_ref().map(|task| task.id.as_str());
    let object = bed.cube(["-o", "json", "stop", "-t", "0", ids[0], ids[1]]).json();
    assert_eq!((&object["result"], &object["removed"]), (&"success".into(), &ids.to_vec().into()));
}

#[test]
fn a_result_file_is_made_before_the_task() {
    let bed = Bed::new();
    let watch = bed.engine().watch();
    let label = bed.label();
    let args = [
        "--label",
        &label,
        "--image",
        &probe(),
        "--attach",
        "--result-file",
        "/no/such/folder/r.json",
        "out=ran",
    ];
    bed.cube(["run"].iter().chain(&args)).fails(125).stderr_has("/no/such/folder/r.json").output();
    assert!(watch.containers_with(&label).is_empty());
}
