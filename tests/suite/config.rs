//! `--file` and `--dry-run`: a whole task as JSON.

use serde_json::Value;

use crate::testbed::{Bed, probe};

/// What `cube run ARGS --dry-run -o json` prints.
fn plan(bed: &Bed, args: &[&str]) -> Value {
    let json = ["-o", "json", "--dry-run"];
    let config = bed.run(json.iter().chain(args)).json();
    bed.assert_empty();
    config
}

#[test]
fn dry_run_prints_the_config_and_creates_nothing() {
    let bed = Bed::new();
    let config = plan(&bed, &["--image", "x:1", "--name", "web", "-m", "64m", "cmd", "arg"]);
    assert_eq!((&config["image"], &config["name"]), (&"x:1".into(), &"web".into()), "{config}");
    assert_eq!(config["memory"], 64 << 20, "{config}");
}

#[test]
fn dry_run_shows_no_values_of_variables() {
    let bed = Bed::new();
    let output = bed.run(["-o", "json", "--dry-run", "--image", "x", "-e", "TOKEN=s3cr3t-value"]).output();
    assert!(output.text().contains("TOKEN") && !output.text().contains("s3cr3t-value"), "{}", output.text());
}

#[test]
fn the_output_of_a_dry_run_can_be_run() {
    let bed = Bed::new();
    let config = plan(&bed, &["--image", &probe(), "-m", "64m", "out=from the file", "exit=3"]);
    let file = bed.file("task.json", &config.to_string());
    assert_eq!(bed.run(["--attach", "--file", &file]).exits(3).text(), "from the file\n");
}

#[test]
fn flags_win_over_the_file() {
    let bed = Bed::new();
    let args = ["--image", &probe(), "-m", "64m", "-w", "/tmp", "forever"];
    let file = bed.file("task.json", &plan(&bed, &args).to_string());
    let task = bed.start(["--file", &file, "-m", "32m", "--name", bed.name()]);
    let seen = task.inspect();
    assert_eq!(
        (&seen["HostConfig"]["Memory"], &seen["Config"]["WorkingDir"]),
        (&(32 << 20).into(), &"/tmp".into())
    );
}

#[test]
fn a_file_with_an_unknown_field_is_refused() {
    let bed = Bed::new();
    let file = bed.file("task.json", r#"{"image":"x","imagee":"y"}"#);
    bed.run(["--file", &file]).fails(125).stderr_has("imagee").output();
}

#[test]
fn a_file_without_an_image_takes_the_flag_s() {
    let bed = Bed::new();
    let file = bed.file("task.json", r#"{"command": ["out=named"]}"#);
    bed.cube(["run", "--file", &file, "--dry-run"]).fails(125).stderr_has("missing field `image`").output();
    assert_eq!(bed.run(["--attach", "--file", &file, "--image", &probe()]).text(), "named\n");
}

#[test]
fn numbers_are_read_as_docker_reads_them() {
    let bed = Bed::new();
    let limits =
        ["--cpu-shares=0x200", "-c", "1_024", "--pids-limit", "010", "--stop-timeout=0b11", "--image", "x"];
    let config = plan(&bed, &limits);
    assert_eq!((&config["cpu_shares"], &config["pids_limit"]), (&1024.into(), &8.into()), "{config}");
    assert!(config.to_string().contains("\"stop_timeout\":3"), "{config}");
    bed.run(["--dry-run", "--pids-limit=08", "--image", "x"])
        .fails(125)
        .stderr_has("invalid value '08' for '--pids-limit <N>': not a whole number")
        .output();
}
