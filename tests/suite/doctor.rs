//! `cube doctor`: the engine, and which promises hold on it.

use serde_json::Value;

use crate::testbed::{Cube, Engine, need};

/// The table's line for one promise.
fn holds(checks: &Value, name: &str) -> Value {
    let found = checks.as_array().unwrap().iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {checks}"))["holds"].clone()
}

#[test]
fn names_the_engine_and_what_led_to_it() {
    need::engine();
    let text = Cube::new(["doctor"]).text();
    let engine = text.lines().find(|line| line.starts_with("engine ")).unwrap();
    assert!(engine.contains("yes") && engine.contains("API 1."), "{engine}");
    let host = Engine::under_test().host();
    let text = Cube::new(["--host", &host, "doctor"]).text();
    assert!(text.contains(&format!("{host}, from --host")), "{text}");
    let last = text.lines().last().unwrap();
    assert!(last.contains("credentials") && last.contains("private registries"), "{text}");
}

#[test]
fn json_is_one_object_with_every_promise() {
    need::engine();
    let object = Cube::new(["-o", "json", "doctor"]).json();
    assert_eq!((object["action"].as_str(), object["result"].as_str()), (Some("doctor"), Some("success")));
    for name in ["engine", "disk", "logs", "port", "usage", "stop", "guard", "swarm", "credentials"] {
        holds(&object["checks"], name);
    }
    assert_eq!(holds(&object["checks"], "guard"), Value::Bool(true));
    assert_eq!(holds(&object["checks"], "credentials"), Value::Bool(false));
}

#[test]
fn a_required_promise_that_does_not_hold_is_a_failure() {
    need::engine();
    Cube::new(["doctor", "--require", "engine", "--require", "guard"]).text();
    let said = Cube::new(["doctor", "--require", "credentials"])
        .ends(1)
        .stderr_has("credentials does not hold")
        .output();
    assert!(String::from_utf8_lossy(&said.stdout).contains("PROMISE"), "{said:?}");
    let object = Cube::new(["-o", "json", "doctor", "--require", "credentials"]).ends(1).json();
    assert_eq!(object["error"]["kind"], "unsupported");
}

#[test]
fn if_no_engine_answers_the_command_that_starts_one_is_named() {
    let mistaken = Cube::new(["doctor"]).env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    mistaken.fails(1).stderr_has("correct the address (from DOCKER_HOST)").output();
    let usual = Cube::new(["--host", "unix:///nowhere/docker.sock", "doctor"]);
    let said = usual.env("XDG_RUNTIME_DIR", "/nowhere").fails(1).any_stderr().output();
    let ways = [
        "systemctl start",
        "service docker start",
        "systemctl --user start",
        "system service",
        "apt-get install",
    ];
    assert!(ways.iter().any(|way| said.stderr.contains(way)), "{}", said.stderr);
}

#[test]
fn registries_with_credentials_are_named_without_the_credentials() {
    need::engine();
    let folder = tempfile::tempdir().unwrap();
    let config = r#"{"auths":{"registry.example.com":{"auth":"bWU6czNjcmV0"}},"credsStore":"secretservice"}"#;
    std::fs::write(folder.path().join("config.json"), config).unwrap();
    let text = Cube::new(["doctor"]).env("DOCKER_CONFIG", folder.path()).text();
    let line = text.lines().find(|line| line.starts_with("credentials ")).unwrap();
    assert!(line.contains("registry.example.com") && line.contains("store secretservice"), "{line}");
    assert!(!text.contains("bWU6czNjcmV0") && !text.contains("s3cret"), "{text}");
}
