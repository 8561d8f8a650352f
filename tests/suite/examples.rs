//! The library's example programs, as `cargo test` built them.

use std::process::Command;

use crate::testbed::{image::postgres, need, shell};

fn example(name: &str) -> Command {
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().unwrap().parent().unwrap().join("examples").join(name);
    assert!(program.exists(), "{name} is not built: `cargo test` without --test builds it");
    Command::new(program)
}

#[test]
fn capture_prints_what_a_task_wrote() {
    let output = example("capture").args([&shell(), "echo", "captured"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("captured"), "{output:?}");
}

#[test]
fn ready_waits_for_a_task_and_removes_it() {
    need::engine();
    let folder = tempfile::tempdir().unwrap();
    let task = folder.path().join("task.json");
    let config = serde_json::json!({"image": shell(), "command": ["sh", "-c", "echo up; sleep 60"]});
    std::fs::write(&task, config.to_string()).unwrap();
    let output = example("ready").arg(&task).arg("log=up").output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn lifecycle_takes_a_database_from_pending_to_gone() {
    need::engine();
    let image = postgres();
    let output = example("lifecycle").arg(&image).output().unwrap();
    let short = example("database").arg(&image).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    let shown = ["Pending", "Scheduled", "Running", "5432/tcp", "Stop Success"];
    assert!(shown.iter().all(|line| text.contains(line)), "{text}");
    let log = String::from_utf8_lossy(&short.stdout);
    assert!(short.status.success() && log.starts_with("127.0.0.1:"), "{short:?}");
    assert!(log.contains("database system is ready to accept connections"), "{log}");
}
