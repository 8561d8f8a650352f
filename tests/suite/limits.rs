//! Environment, memory, CPU and disk of a task.

use std::time::Duration;

use crate::testbed::image::probe_on;
use crate::testbed::quota::Quota;
use crate::testbed::{Bed, probe};

#[test]
fn environment_comes_from_the_image_the_files_and_the_flags() {
    let bed = Bed::new();
    let file = bed.file("env", "# comment\nA=file\nB=\"quoted\"\n  C=x y \nFROM_CALLER\nMISSING\n");
    let image = crate::testbed::probe_with(&["ENV A=image D=image E=image"]);
    let args = ["--attach", "--image", &image, "--env-file", &file, "-e", "D=flag", "--env", "EMPTY="];
    let run = bed.run(args.into_iter().chain(["-e", "E", "-e", "HERE", "env"]));
    let text = run.env("FROM_CALLER", "called").env("HERE", "here").text();
    for line in ["A=file", "B=\"quoted\"", "C=x y ", "D=flag", "EMPTY=", "FROM_CALLER=called", "HERE=here"] {
        assert!(text.lines().any(|seen| seen == line), "{line} in {text}");
    }
    // `-e E` without a value in the caller's environment removes the image's.
    assert!(!text.contains("MISSING") && !text.contains("E=image"), "{text}");
}

#[test]
fn memory_and_cpus_are_the_engine_s_limits() {
    let bed = Bed::new();
    for (memory, cpus, bytes, nanos) in [
        ("64m", "0.5", 64 << 20, 500_000_000),
        ("33554432", "1", 32 << 20, 1_000_000_000),
        ("0.5G", "1/4", 512 << 20, 250_000_000),
    ] {
        let task = bed.start(["--image", &probe(), "-m", memory, "--cpus", cpus]);
        let host = task.inspect()["HostConfig"].clone();
        assert_eq!((host["Memory"].as_i64(), host["NanoCpus"].as_i64()), (Some(bytes), Some(nanos)));
    }
}

#[test]
fn zero_is_no_limit() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe(), "-m", "0", "--cpus", "0"]);
    let host = task.inspect()["HostConfig"].clone();
    assert_eq!((host["Memory"].as_i64(), host["NanoCpus"].as_i64()), (Some(0), Some(0)));
}

#[test]
fn cpu_is_cpus() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe(), "--cpu", "0.5"]);
    assert_eq!(task.inspect()["HostConfig"]["NanoCpus"], 500_000_000);
}

#[test]
fn too_much_memory_kills_the_task() {
    let bed = Bed::new();
    // Engine 20.10 misses one of six reports of the kernel: then its own answer lacks it too.
    let shown = (0..10).any(|_| {
        let task = bed.start(["-m", "16m", "--image", &probe(), "memory=200", "exit=0"]);
        assert_eq!(task.ended(), 137);
        let noted = task.inspect()["State"]["OOMKilled"] == true;
        let waited = bed.cube(["-o", "json", "wait", &task.id]).ends(137).json();
        assert_eq!(waited["exit_code"], 137, "{waited}");
        assert!(!noted || waited["oom_killed"] == true, "{waited}");
        noted
    });
    assert!(shown, "the engine never reported that memory was lacking");
}

#[test]
fn disk_is_enforced_where_the_engine_can() {
    let quota = Quota::take();
    let bed = Bed::on(quota.engine());
    let image = probe_on(bed.engine(), &[]);
    let usual = ["--attach", "--network", "none", "--image", &image, "--disk", "20m"];
    let run = |bytes: &str| {
        let write = format!("write=/data/file:{bytes}");
        bed.run(usual.iter().map(|word| (*word).to_owned()).chain([write])).within(Duration::from_mins(2))
    };
    run("5000000").output();
    quota.settle();
    run("40000000").ends(1).stderr_has("uota").output();
    bed.assert_empty();
}

#[test]
fn disk_is_refused_clearly_where_the_engine_cannot() {
    let bed = Bed::new();
    let args = ["--image", &probe(), "--disk", "20m"];
    bed.run(args).fails(125).stderr_has("storage driver").stderr_has("btrfs").output();
    let object = bed.run(["-o", "json"].into_iter().chain(args)).ends(125).json();
    assert_eq!(object["error"]["kind"], "unsupported", "{object}");
    bed.assert_empty();
}

#[test]
fn proxies_of_the_client_s_settings_reach_the_task() {
    let bed = Bed::new();
    let settings = r#"{"proxies": {"default": {"httpProxy": "http://proxy:3128", "noProxy": "localhost"}}}"#;
    let folder = bed.file("config.json", settings).replace("/config.json", "");
    let run = bed.run(["--attach", "--image", &probe(), "-e", "no_proxy=mine", "env"]);
    let text = run.env("DOCKER_CONFIG", folder).text();
    for line in [
        "HTTP_PROXY=http://proxy:3128",
        "http_proxy=http://proxy:3128",
        "NO_PROXY=localhost",
        "no_proxy=mine",
    ] {
        assert!(text.lines().any(|seen| seen == line), "{line} in {text}");
    }
}
