//! An engine that is gone within copies of each kind, for a moment or for longer than they wait for it.
//! `CUBE_TEST_OUTAGE` is for how many seconds: 40 is too long for `--copy-out`, 200 also for the guard.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::copies::{assert_no_draft, drafts, sum, wait_for_copy};
use crate::load::count;
use crate::testbed::image::shell_on;
use crate::testbed::private::Private;
use crate::testbed::{Bed, Cube, cube::Running};

/// Large enough to be met while it is copied.
const LARGE: u32 = 20_000_000;
/// How long `--copy-out` waits for an engine that has gone.
const COPY_OUT_WAITS: Duration = Duration::from_secs(30);
/// How long a guard does, a copy of its own included.
const GUARD_WAITS: Duration = Duration::from_secs(150);
/// By when all that is left to do is done, once the engine is back.
const DONE: Duration = Duration::from_mins(2);

/// Where a result goes, and the run that copies it, which stands still within the copy.
struct CopyOut {
    bed: Bed,
    target: PathBuf,
    /// None of one that was killed: its guard copies.
    running: Option<Running>,
    copier: Pid,
}

fn pid(number: u32) -> Pid {
    Pid::from_raw(number.try_into().unwrap()).unwrap()
}

/// A task that makes a result, and then does this.
fn results(bed: &Bed, target: &Path, then: &str) -> Cube {
    let image = shell_on(bed.engine());
    let script =
        format!("mkdir /out && head -c {LARGE} /dev/urandom >/out/big && md5sum </out/big >/out/sum; {then}");
    let flag = format!("--copy-out=/out:{}", target.display());
    bed.run(["--attach", "--network=none", &flag, "--image", &image, "sh", "-c", &script]).within(DONE * 3)
}

/// A run that copies out at the task's end.
fn by_cube(private: &Private, then: &str, ends: impl Fn(Cube) -> Cube) -> CopyOut {
    let bed = Bed::on(private.engine());
    let target = bed.path("results");
    let running = ends(results(&bed, &target, then)).spawn();
    assert!(wait_for_copy(&target), "the copy is there already");
    running.signal(Signal::STOP);
    let copier = pid(running.pid());
    CopyOut { bed, target, running: Some(running), copier }
}

/// A run that was killed: its guard copies out.
fn by_guard(private: &Private) -> CopyOut {
    let bed = Bed::on(private.engine());
    let target = bed.path("results");
    let mut running = results(&bed, &target, "echo written; exec sleep 1000").ends(-9).spawn();
    running.wait_for_stdout("written");
    let copier = pid(running.guard());
    running.signal(Signal::KILL);
    running.wait_killed();
    assert!(wait_for_copy(&target), "the copy is there already");
    kill_process(copier, Signal::STOP).unwrap();
    CopyOut { bed, target, running: None, copier }
}

impl CopyOut {
    fn go_on(&self) {
        kill_process(self.copier, Signal::CONT).unwrap();
    }

    fn finish(&mut self) {
        self.running.take().map(Running::finish);
    }

    /// Whether the result is there. What is there must be whole.
    fn has_come(&self) -> bool {
        assert_no_draft(&self.target);
        if self.target.exists() {
            let sum_beside = fs::read_to_string(self.target.join("sum")).unwrap();
            assert_eq!(sum(&self.target.join("big")), sum_beside);
        }
        self.target.exists()
    }

    /// What its guard gave up is there, and can be fetched and removed by hand.
    fn is_left(&self) {
        let [id] = self.bed.containers().try_into().expect("one container");
        let ids = self.bed.cube(["ps", "-aq"]).text();
        assert!(ids.contains(&id), "{ids}");
        self.bed.cube(["cp", &format!("{id}:/out"), self.target.to_str().unwrap()]).output();
        assert!(self.has_come());
        self.bed.cube(["stop", &id]).output();
        self.bed.assert_empty();
    }
}

/// Returns once the engine has nothing of the test any more.
fn wait_until_gone(bed: &Bed) {
    let since = Instant::now();
    while !bed.containers().is_empty() {
        assert!(since.elapsed() < DONE, "left {:?}", bed.containers());
        // The guard says nothing when it is done.
        sleep(Duration::from_millis(50));
    }
}

/// Copies out after a success, after a failure and by a guard, each of which stands still.
fn copies_out(private: &Private, too_long: bool) -> [CopyOut; 3] {
    let ends = |code: i32, words: &'static str| {
        move |cube: Cube| if too_long { cube.ends(code).stderr_has(words) } else { cube.ends(code % 125) }
    };
    [
        by_cube(private, "true", ends(125, "cube: cannot copy out /out:")),
        by_cube(private, "exit 3", ends(3, "warning: cannot copy out /out:")),
        by_guard(private),
    ]
}

/// A command that reads an archive of one file of 8 GiB on its standard input, of which it was given the beginning.
fn sending(cube: Cube) -> Running {
    let mut header = tar::Header::new_gnu();
    header.set_path("file").unwrap();
    header.set_mode(0o644);
    header.set_size(8 << 30);
    header.set_cksum();
    let mut running = cube.open_stdin().within(DONE).spawn();
    assert!(running.try_write_stdin(&[header.as_bytes().as_slice(), &vec![1; 4_000_000]].concat()));
    running
}

#[test]
fn an_engine_that_is_gone_within_copies_leaves_nothing_half_done() {
    let away = Duration::from_secs(count("CUBE_TEST_OUTAGE", 3).try_into().unwrap());
    let (too_long, too_long_for_guard) = (away > COPY_OUT_WAITS, away > GUARD_WAITS);
    let mut private = Private::start(false);
    let mut copies = copies_out(&private, too_long);
    let (bed, image) = (Bed::on(private.engine()), shell_on(private.engine()));
    let script = format!("head -c {LARGE} /dev/urandom >/big; echo written; exec sleep 1000");
    let flags = ["--network=none", "--wait-for=log=written", "--image", &image];
    // One each: a copy holds the container's lock.
    let tasks = [0, 1].map(|_| bed.start(flags.into_iter().chain(["sh", "-c", &script])));
    let (from, to) = (format!("{}:/big", tasks[0].id), format!("{}:/tmp", tasks[1].id));
    let target = bed.path("copy");
    let into = sending(bed.cube(["cp", "-", &to]).fails(1).stderr_has("cannot copy - to"));
    let out = bed.cube(["cp", &from, target.to_str().unwrap()]).fails(1).stderr_has("cannot copy").spawn();
    assert!(wait_for_copy(&target), "the copy is there already");
    out.signal(Signal::STOP);
    let flags = ["--attach", "--network=none", "--copy-in=-:/in", "--image", &image, "true"];
    let given = Bed::on(private.engine());
    let copy_in = given.run(flags).ends(125).stderr_has("cannot copy -:/in into the container");
    let copy_in = sending(copy_in);

    private.kill();
    let since = Instant::now();
    copies.iter().for_each(CopyOut::go_on);
    out.signal(Signal::CONT);
    for running in [into, out, copy_in] {
        running.finish();
    }
    assert!(!target.exists() && drafts(&target).is_empty());
    if too_long {
        copies.iter_mut().for_each(CopyOut::finish);
        assert!(copies.iter().all(|copy| !copy.has_come()));
    }
    sleep(away.saturating_sub(since.elapsed()));
    private.come_back();
    copies.iter_mut().for_each(CopyOut::finish);
    if too_long_for_guard {
        copies.iter().for_each(CopyOut::is_left);
        let [id] = given.containers().try_into().expect("one container");
        given.cube(["stop", &id]).output();
    } else {
        for copy in &copies {
            wait_until_gone(&copy.bed);
        }
        assert!(copies.iter().all(CopyOut::has_come));
        wait_until_gone(&given);
    }
}
