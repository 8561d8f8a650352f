//! A clock that is set while cube runs, a year on or back: no time limit runs out, nothing is lost or comes twice.
//! Only the task's own times, by the engine's clock, count in days.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use chrono::{TimeDelta, Utc};
use tempfile::TempDir;

use crate::testbed::cube::Running;
use crate::testbed::proxy::Proxy;
use crate::testbed::{Bed, Cube, need, probe, shell};

/// A year on and a year back, in seconds.
const JUMPS: [i64; 2] = [31_536_000, -31_536_000];

/// `clock FILE COMMAND...`, see `tests/probe/clock.c`.
fn program() -> String {
    static PROGRAM: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = PROGRAM.get_or_init(|| {
        need::program("cc");
        let folder = TempDir::with_prefix("cube-test-").unwrap();
        let path = folder.path().join("clock");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/probe/clock.c");
        let status = Command::new("cc").arg("-O1").arg("-o").arg(&path).arg(source).status().unwrap();
        assert!(status.success());
        (folder, path)
    });
    path.display().to_string()
}

/// The clock of one cube.
#[derive(Clone)]
struct Clock(PathBuf);

impl Clock {
    fn new(bed: &Bed) -> Self {
        let file = bed.path("clock");
        fs::write(&file, "0").unwrap();
        Self(file)
    }

    fn set(&self, seconds: i64) {
        fs::write(&self.0, seconds.to_string()).unwrap();
    }

    fn around(&self, cube: Cube) -> Cube {
        cube.by_shell(&format!(r#"exec {} {} "$@""#, program(), self.0.display()))
    }
}

#[test]
fn the_clock_of_a_static_program_can_be_set() {
    let bed = Bed::new();
    let clock = Clock::new(&bed);
    let shown = || {
        let mut command = Command::new(program());
        command.arg(&clock.0).args(["busybox", "date", "+%s"]);
        String::from_utf8(command.output().unwrap().stdout).unwrap().trim().parse::<i64>().unwrap()
    };
    let now = shown();
    for jump in JUMPS {
        clock.set(jump);
        let off = shown() - now - jump;
        assert!((0..600).contains(&off), "{off}");
    }
}

/// Sets the clock, lets the task go on, and expects all of its output and its code.
fn goes_on(mut running: Running, clock: &Clock, jump: i64) {
    running.wait_for_stdout("up\n");
    clock.set(jump);
    running.write_stdin("on\n");
    assert_eq!(running.finish().text(), "up\non\n", "{jump}");
}

#[test]
fn a_task_in_the_foreground_goes_on() {
    let bed = Bed::new();
    for jump in JUMPS {
        let clock = Clock::new(&bed);
        let script = "echo up; read line; echo $line; exit 3";
        let args = ["--attach", "-i", "--timeout", "1h", "--image", &shell(), "sh", "-c", script];
        goes_on(clock.around(bed.run(args)).open_stdin().exits(3).spawn(), &clock, jump);
        bed.assert_empty();
    }
}

#[test]
fn the_command_of_with_goes_on() {
    let bed = Bed::new();
    let label = bed.label();
    for jump in JUMPS {
        let clock = Clock::new(&bed);
        let script = "echo up; read line; echo $line; exit 3";
        let with =
            ["with", "--label", &label, "--ttl", "1h", "--timeout", "1h", "--image", &probe(), "forever"];
        let words = with.iter().copied().chain(["--", "sh", "-c", script]);
        goes_on(clock.around(bed.cube(words)).open_stdin().exits(3).spawn(), &clock, jump);
        bed.assert_empty();
    }
}

#[test]
fn a_wait_and_a_log_that_is_followed_go_on() {
    let bed = Bed::new();
    for jump in JUMPS {
        let script = "echo up; read line </go; echo on; exit 3";
        let task = bed.start(["--image", &shell(), "sh", "-c", &format!("mkfifo /go; {script}")]);
        let clock = Clock::new(&bed);
        let proxy = Proxy::before(bed.engine(), None);
        let set = clock.clone();
        // From then on it waits, by a clock that is another.
        proxy.before_request("/wait", move || set.set(jump));
        let until = (Utc::now() + TimeDelta::hours(1)).to_rfc3339();
        let follows = clock.around(bed.cube(["logs", "-f", "--until", &until, &task.id]));
        let mut follows = follows.spawn();
        follows.wait_for_stdout("up\n");
        let waits = bed.cube(["wait", "--timeout", "1h", &task.id]).env("DOCKER_HOST", proxy.host());
        let waits = clock.around(waits).exits(3).spawn();
        proxy.wait_for("/wait");
        // The task may end before the command in it.
        bed.cube(["exec", &task.id, "sh", "-c", "echo >/go"]).ends_somehow().output();
        assert_eq!(
            (waits.finish().text(), follows.finish().text()),
            ("3\n".into(), "up\non\n".into()),
            "{jump}"
        );
        drop(task);
    }
}
