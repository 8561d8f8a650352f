//! Tests of the test bed itself, without cube.

use serde_json::{Value, json};

use crate::testbed::quota::Quota;
use crate::testbed::registry::Registry;
use crate::testbed::{Bed, Task, image, probe, probe_with, shell};

/// Starts a container by the engine's API, without cube.
fn started(bed: &Bed, config: Value) -> Task<'_> {
    let task = bed.foreign(bed.name(), config);
    bed.engine().post(&format!("/containers/{}/start", task.id), &Value::Null);
    task
}

fn logs(bed: &Bed, task: &Task) -> Vec<u8> {
    let path = format!("/containers/{}/logs?stdout=1&stderr=1", task.id);
    bed.engine().send("GET", &path, &[], &[]).body
}

#[test]
fn the_probe_does_what_its_arguments_say() {
    let bed = Bed::new();
    let task = started(&bed, json!({"Image": probe(), "Cmd": ["out=one", "exit=7"]}));
    assert_eq!(task.ended(), 7);
    assert_eq!(logs(&bed, &task), b"\x01\0\0\0\0\0\0\x04one\n");
}

#[test]
fn the_shell_runs() {
    let bed = Bed::new();
    let task = started(&bed, json!({"Image": shell(), "Cmd": ["sh", "-c", "echo $((40+2)); exit 3"]}));
    assert_eq!(task.ended(), 3);
    assert_eq!(&logs(&bed, &task)[8..], b"42\n");
}

#[test]
fn instructions_are_in_the_image() {
    let image = probe_with(&[
        "EXPOSE 80",
        "VOLUME /data",
        "ENV A=b",
        "HEALTHCHECK CMD [\"/probe\", \"exists=/tmp/ok\"]",
    ]);
    let config = Bed::new().engine().get(&format!("/images/{image}/json"))["Config"].clone();
    assert_eq!(config["ExposedPorts"], json!({"80/tcp": {}}));
    assert_eq!(config["Volumes"], json!({"/data": {}}));
    assert_eq!(config["Healthcheck"]["Test"], json!(["CMD", "/probe", "exists=/tmp/ok"]));
    assert_eq!(config["Entrypoint"], json!(["/probe"]));
}

#[test]
fn a_pushed_image_is_only_in_the_registry() {
    let bed = Bed::new();
    for registry in [Registry::open(), Registry::private()] {
        let image = registry.publish(&bed, "1");
        assert!(!image.pulled() && image.digest.starts_with("sha256:"));
    }
}

#[test]
fn the_private_registry_wants_a_password() {
    let bed = Bed::new();
    let image = Registry::private().publish(&bed, "1");
    let path = format!("/images/create?fromImage={}", image.reference);
    let answer = bed.engine().send("POST", &path, &[], &[]);
    let why = String::from_utf8_lossy(&answer.body);
    if bed.engine().is_podman() {
        assert!(why.contains("authentication required") || why.contains("unauthorized"), "{why}");
    } else {
        assert!(answer.status == 500 && why.contains("no basic auth"), "{why}");
    }
    assert!(!bed.engine().has(&format!("/images/{}/json", image.reference)));
}

#[test]
fn the_second_engine_limits_the_disk() {
    let quota = Quota::take();
    let bed = Bed::on(quota.engine());
    let image = image::probe_on(bed.engine(), &[]);
    let host = json!({"NetworkMode": "none", "StorageOpt": {"size": "20m"}});
    let task = started(&bed, json!({"Image": image, "Cmd": ["write=/data/x:40000000"], "HostConfig": host}));
    assert_eq!(task.ended(), 1);
    assert!(String::from_utf8_lossy(&logs(&bed, &task)).contains("uota"));
}

#[test]
fn a_leftover_container_fails_the_test() {
    let left = std::panic::catch_unwind(|| {
        let bed = Bed::new();
        let config = json!({"Image": probe(), "Labels": {"cube-test.bed": bed.name()}});
        bed.engine().post("/containers/create", &config);
    });
    let words = left.unwrap_err().downcast::<String>().unwrap();
    assert!(words.contains("the test left the containers"), "{words}");
}
