//! Refusals of engines: the error's kind and hint depend on the request and the shape of the answer, never on a word of
//! the user.

use serde_json::{Value, json};

use crate::testbed::scripted::{Reply, Scripted};
use crate::testbed::{Bed, probe, shell};

const ID: &str = "0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b";

/// The error of a `run` in the foreground that fails with `code`.
fn error_of(bed: &Bed, args: &[&str], code: i32) -> Value {
    let all = ["-o", "json", "--attach", "--network", "none"].iter().chain(args);
    let output = bed.run(all).ends(code).any_stderr().output();
    let last = output.stderr.lines().last().unwrap_or_default();
    let object: Value =
        serde_json::from_str(last).unwrap_or_else(|_| panic!("no JSON at the end of {}", output.stderr));
    object["error"].clone()
}

#[test]
fn a_missing_command_is_reported_whatever_its_name() {
    let bed = Bed::new();
    let names = [
        "quota",
        "/bin/check-quota.sh",
        "no such image",
        "storage-opt",
        "a\"b",
        "permission denied",
        "netavark",
    ];
    for name in names {
        let error = error_of(&bed, &["--entrypoint", name, "--image", &probe()], 127);
        assert_eq!(error["kind"], "command_not_found", "{error}");
        assert!(!error["hint"].as_str().unwrap().contains("--disk"), "{error}");
    }
    bed.assert_empty();
}

#[test]
fn a_missing_command_of_exec_is_reported_whatever_its_name() {
    let bed = Bed::new();
    let task = bed.start(["--image", &shell(), "sleep", "600"]);
    for name in ["no such image", "quota", "toomanyrequests"] {
        bed.cube(["exec", &task.id, name]).fails(127).stderr_has(name).output();
    }
}

#[test]
fn faults_around_a_command_are_not_faults_of_the_command() {
    let bed = Bed::new();
    let image = probe();
    let cases: [(&[&str], &str, &str); 5] = [
        (&["--network", "quota-net"], "network_not_found", "docker network ls"),
        (&["--network", "container:no-such-task"], "task_not_found", "docker ps -a"),
        (&["--user", "quota"], "invalid_input", "--user"),
        (&["-v", "/etc/hostname:/etc"], "bad_mount", "--volume"),
        (&["-p", "9.9.9.9::80"], "invalid_input", "--bind"),
    ];
    for (flags, kind, hint) in cases {
        let args: Vec<&str> = flags.iter().copied().chain(["--image", &image]).collect();
        let object = bed.run(["-o", "json"].into_iter().chain(args)).ends(125).json();
        let error = &object["error"];
        assert_eq!(error["kind"], kind, "{error}");
        let said = error["hint"].as_str().unwrap();
        assert!(said.contains(hint) && !said.contains("journalctl"), "{error}");
    }
    bed.assert_empty();
}

#[test]
fn podman_s_texts_are_understood_like_docker_s() {
    let cases = [
        (
            "crun: setrlimit `RLIMIT_NOFILE`: Operation not permitted: OCI permission denied",
            125,
            "invalid_input",
        ),
        (
            "crun: executable file `quota` not found in $PATH: No such file or directory: OCI runtime attempted to invoke a command that was not found",
            127,
            "command_not_found",
        ),
        ("crun: open executable: Permission denied: OCI permission denied", 126, "command_not_executable"),
        ("something that nobody has said before", 125, "engine"),
    ];
    for (text, code, kind) in cases {
        let body = json!({"cause": "x", "message": text, "response": 500}).to_string();
        let length = body.len();
        let refused = format!(
            "HTTP/1.1 500 .\r\nServer: Libpod/5.4.2 (linux)\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let engine = Scripted::new()
            .on("POST /containers/create*", Reply::json(201, format!(r#"{{"Id":"{ID}","Warnings":[]}}"#)))
            .on("POST /containers/*/start", Reply::Raw(refused.into()))
            .always("GET /containers/*", Reply::json(200, "[]"))
            .on("DELETE /containers/*", Reply::empty(204));
        let object = engine.cube(["-o", "json", "run", "--image", "x"]).ends(code).json();
        assert_eq!(object["error"]["kind"], kind, "{object}");
        assert!(!object["error"]["hint"].as_str().unwrap().contains("unit docker"), "{object}");
    }
}

#[test]
fn an_image_that_is_there_for_another_platform_is_pulled() {
    let other = "image with reference x was found but does not match the specified platform: wanted linux/arm64, actual: linux/amd64";
    let engine = Scripted::new()
        .always("GET /_ping", Reply::json(200, "{}"))
        .on("POST /containers/create?*platform=linux*arm64*", Reply::error(404, other))
        .on(
            "POST /images/create?*platform=linux*arm64*",
            Reply::chunks(&[b"{\"status\":\"Digest: sha256:00\"}\r\n"]),
        )
        .on("POST /containers/create*", Reply::json(201, format!(r#"{{"Id":"{ID}","Warnings":[]}}"#)))
        .on("POST /containers/*/start", Reply::empty(204));
    engine.cube(["run", "--image", "x"]).env("DOCKER_DEFAULT_PLATFORM", "linux/arm64").any_stderr().output();
    let engine = Scripted::new()
        .always("GET /_ping", Reply::json(200, "{}"))
        .on("POST /containers/create*", Reply::error(404, other));
    let args = ["-o", "json", "run", "--pull", "never", "--platform", "linux/arm64", "--image", "x"];
    let object = engine.cube(args).ends(125).json();
    assert_eq!(object["error"]["kind"], "image_not_found", "{object}");
    assert!(object["error"]["hint"].as_str().unwrap().contains("cube pull --platform"), "{object}");
}

#[test]
fn a_pull_that_cannot_succeed_is_not_tried_again() {
    let texts = [
        "Get \"https://r/v2/\": x509: certificate signed by unknown authority",
        "Get \"https://r:5000/v2/\": http: server gave HTTP response to HTTPS client",
        "failed to register layer: disk quota exceeded",
    ];
    for text in texts {
        let line = json!({"errorDetail": {"message": text}, "error": text}).to_string() + "\r\n";
        let engine = Scripted::new()
            .on("POST /containers/create*", Reply::error(404, "No such image: x:latest"))
            .on("POST /images/create*", Reply::chunks(&[line.as_bytes()]));
        engine.cube(["run", "--image", "x"]).ends(125).any_stderr().output();
    }
}

#[test]
fn a_log_option_is_refused_by_the_driver_that_it_is_meant_for() {
    let bed = Bed::new();
    if bed.engine().is_podman() {
        return; // It takes any.
    }
    let error = error_of(&bed, &["--log-opt", "nosuch=1", "--image", &shell(), "true"], 125);
    assert!(error["message"].as_str().unwrap().contains("'nosuch' for json-file log driver"), "{error}");
    let without_any = error_of(&bed, &["--log-driver", "none", "--log-opt", "a", "--image", &shell()], 125);
    assert!(
        without_any["message"].as_str().unwrap().contains("driver none takes no options"),
        "{without_any}"
    );
    let task = bed.start(["--log-opt", "max-size=9m", "--image", &shell(), "sleep", "600"]);
    let config = &task.inspect()["HostConfig"]["LogConfig"];
    assert_eq!(config, &json!({"Type": "local", "Config": {"max-size": "9m"}}));
}

#[test]
fn all_ports_cannot_be_published_in_the_network_of_another_container() {
    let bed = Bed::new();
    let task = bed.start(["--image", &shell(), "sleep", "600"]);
    let network = format!("container:{}", task.id);
    let args = ["run", "--rm", "-P", "--network", &network, &shell(), "true"];
    bed.cube(args).fails(125).stderr_has("--publish-all").output();
    bed.run(["--attach", "--network", &network, "--image", &shell(), "true"]).output();
}
