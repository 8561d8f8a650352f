//! Interrupted copies: a file that changes while it is read, an engine that hangs, an engine that restarts.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::copies::{assert_no_draft, sum, wait_for_copy};
use crate::testbed::image::shell_on;
use crate::testbed::private::Private;
use crate::testbed::proxy::Proxy;
use crate::testbed::{Bed, Engine, cube::Running, shell};

/// Large enough that the copy takes some time.
const LARGE: u32 = 60_000_000;
/// The size of the file that is truncated while it is read.
const CUT: u64 = 2_000_000_000;
/// How long the rest of the work may take after the engine goes on or comes back.
const DONE: Duration = Duration::from_mins(2);

/// A sparse file, and a `--volume` that mounts it as `/bind/file`.
fn endless(bed: &Bed) -> (PathBuf, String) {
    let folder = bed.path("bind");
    fs::create_dir(&folder).unwrap();
    let file = folder.join("file");
    fs::File::create(&file).unwrap().set_len(CUT).unwrap();
    (file, format!("--volume={}:/bind", folder.display()))
}

/// Truncates the file as soon as a part of it is beside the target.
fn cut_while_read(file: &Path, target: &Path) {
    assert!(wait_for_copy(target), "the copy is there already");
    fs::File::options().write(true).open(file).unwrap().set_len(1000).unwrap();
}

#[test]
fn a_file_truncated_during_the_copy_is_not_kept() {
    let bed = Bed::new();
    let (file, volume) = endless(&bed);
    let task = bed.start(["--network=none", &volume, "--image", &shell(), "sleep", "1000"]);
    let target = bed.path("copy");
    let from = format!("{}:/bind/file", task.id);
    let copy = bed.cube(["cp", &from, target.to_str().unwrap()]).fails(1).stderr_has("came torn").spawn();
    cut_while_read(&file, &target);
    copy.finish();
    assert_no_draft(&target);
    assert!(!target.exists());
}

#[test]
fn a_torn_result_fails_only_a_success() {
    for (script, code, words) in [("true", 125, "cube: cannot"), ("exit 3", 3, "warning: cannot copy out")] {
        let bed = Bed::new();
        let (file, volume) = endless(&bed);
        let target = bed.path("copy");
        let flag = format!("--copy-out=/bind/file:{}", target.display());
        let image = shell();
        let args = ["--attach", "--network=none", &volume, &flag, "--image", &image, "sh", "-c", script];
        let run = bed.run(args).ends(code).stderr_has(words).stderr_has("came torn").spawn();
        cut_while_read(&file, &target);
        run.finish();
        assert_no_draft(&target);
        assert!(!target.exists());
        bed.assert_empty();
    }
}

/// A run on a separate engine whose result is being copied out at this moment, and the target.
fn copying(bed: &Bed, flags: &[&str], code: i32) -> (Running, PathBuf) {
    let target = bed.path("results");
    let image = shell_on(bed.engine());
    let script =
        format!("mkdir /out && head -c {LARGE} /dev/urandom >/out/big && md5sum </out/big >/out/sum; exit 3");
    let flag = format!("--copy-out=/out:{}", target.display());
    let usual = ["--attach", "--network=none", &flag];
    let rest = ["--image", &image, "sh", "-c", &script];
    let run = bed.run(usual.iter().chain(flags).chain(&rest).copied().collect::<Vec<_>>());
    let running = run.within(DONE).ends(code).spawn();
    assert!(wait_for_copy(&target), "the copy is there already");
    (running, target)
}

fn assert_whole(target: &Path) {
    assert_no_draft(target);
    assert_eq!(sum(&target.join("big")), fs::read_to_string(target.join("sum")).unwrap());
}

fn wait_until_gone(bed: &Bed) {
    let deadline = Instant::now() + DONE;
    while !bed.containers().is_empty() {
        assert!(Instant::now() < deadline, "a container is left");
        // Polls: the guard reports nothing when it is done.
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn an_engine_that_restarts_during_the_copy_is_asked_again() {
    let mut private = Private::start(false);
    for way in [Private::stop, Private::kill] {
        let bed = Bed::on(private.engine());
        let (running, target) = copying(&bed, &[], 3);
        way(&mut private);
        private.come_back();
        running.finish();
        assert_whole(&target);
        // If the engine ends, the removal may fail too; then the guard does it.
        wait_until_gone(&bed);
    }
}

#[test]
fn an_engine_that_hangs_during_the_copy_is_asked_again() {
    let private = Private::start(false);
    let bed = Bed::on(private.engine());
    let proxy = Proxy::before(bed.engine(), None);
    let (running, target) = copying(&bed, &["--host", &proxy.host(), "--engine-timeout=5s"], 3);
    let asked = proxy.seen().len();
    let hanging = private.suspend();
    // It gave the copy up and requests it once more.
    let deadline = Instant::now() + DONE;
    while proxy.seen().len() == asked {
        assert!(Instant::now() < deadline, "it does not give up");
        std::thread::yield_now();
    }
    drop(hanging);
    running.finish();
    assert_whole(&target);
    bed.assert_empty();
}

#[test]
fn the_guard_makes_the_copy_that_a_hanging_engine_delayed() {
    let private = Private::start(false);
    let bed = Bed::on(private.engine());
    let (mut running, target) = copying(&bed, &["--engine-timeout=5s"], 3);
    let hanging = private.suspend();
    running.signal(Signal::INT);
    running.wait_for_stderr("another signal leaves it to the background");
    running.signal(Signal::INT);
    running.finish();
    assert!(!target.exists());
    drop(hanging);
    wait_until_gone(&bed);
    assert_whole(&target);
}

/// The beginning of a tar archive with one file of this size.
fn archive_head(size: u64) -> Vec<u8> {
    let mut header = vec![0; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, "file");
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{size:011o}"));
    put(136, "00000000000");
    put(148, "        ");
    put(156, "0");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

#[test]
fn an_engine_that_hangs_or_dies_during_a_copy_in_leaves_nothing() {
    let mut private = Private::start(false);
    let engine: &'static Engine = private.engine();
    let image = shell_on(engine);
    for hangs in [true, false] {
        let bed = Bed::on(engine);
        let flags = ["--attach", "--network=none", "--copy-in=-:/in", "--engine-timeout=5s"];
        let run = bed.run(flags.iter().chain(&["--image", &image, "true"])).open_stdin();
        let run = run.within(DONE).ends(125).stderr_has("cannot copy -:/in into the container");
        let mut running = run.spawn();
        let begun = [archive_head(u64::from(LARGE)), vec![1; 4_000_000]].concat();
        assert!(running.try_write_stdin(&begun));
        let hanging = hangs.then(|| private.suspend());
        if !hangs {
            private.kill();
        }
        while running.try_write_stdin(&begun) {}
        running.finish();
        drop(hanging);
        if !hangs {
            private.come_back();
        }
        wait_until_gone(&bed);
    }
}

#[test]
fn a_container_that_another_removes_meanwhile_ends_the_copy() {
    let bed = Bed::new();
    let (engine, label) = (bed.engine(), bed.label());
    let proxy = Proxy::before(engine, None);
    // Before the first question about a path in it.
    proxy.before_request("/archive", move || {
        for id in engine.labelled(&label) {
            engine.send("DELETE", &format!("/containers/{id}?force=1"), &[], &[]);
        }
    });
    let copy = format!("{}:/some/new/place", bed.file("file", "content"));
    let run = bed.run(["--attach", "--copy-in", &copy, "--image", &shell(), "true"]);
    run.env("DOCKER_HOST", proxy.host()).fails(125).stderr_has("the container was removed").output();
    bed.assert_empty();
}
