//! The size of the binary, its dependencies, and its build time.

use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use crate::programs;

/// Size of the binary and of the one before it, number of crates and, for the record, seconds to build it from nothing.
pub fn costs(record: bool, before: Option<&str>) -> Value {
    let bytes = |path: &str| std::fs::metadata(path).unwrap().len();
    json!({"binary_bytes": bytes(programs::cube()), "binary_bytes_before": before.map(bytes),
        "crates": crates(), "build_seconds": record.then(build_seconds)})
}

/// The same in words.
pub fn sentence(costs: &Value) -> String {
    let number = |name: &str| costs[name].as_f64();
    let build = number("build_seconds").map(|seconds| format!(", {seconds:.0} s to build from nothing"));
    let megabytes = number("binary_bytes").unwrap() / 1e6;
    let before = number("binary_bytes_before").map(|bytes| format!(" (before {:.2} MB)", bytes / 1e6));
    let (before, build) = (before.unwrap_or_default(), build.unwrap_or_default());
    format!("binary {megabytes:.2} MB{before}, {} crates beside cube{build}", costs["crates"])
}

fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo
}

fn crates() -> usize {
    let options = ["tree", "--locked", "--offline", "--edges=normal", "--prefix=none", "--format={p}"];
    let output = cargo().args(options).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let named: std::collections::BTreeSet<_> =
        text.lines().map(|line| line.trim_end_matches(" (*)")).filter(|line| !line.is_empty()).collect();
    named.len() - 1
}

fn build_seconds() -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let options = ["build", "--release", "--locked", "--offline", "--quiet", "--target-dir"];
    assert!(cargo().args(options).arg(folder.path()).status().unwrap().success());
    begun.elapsed().as_secs_f64()
}
