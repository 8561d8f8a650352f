//! Results of tasks at every kind of end, many times: none is lost, none is incomplete under its name, and nothing is
//! left on the engine. `CUBE_TEST_COPIES` sets how often each end is tested.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::copies::{drafts, sum};
use crate::load::{count, guards_of, in_threads, is_guard, scattered};
use crate::testbed::{Bed, Cube, cube::Running, shell};

/// Small, where only the end matters.
const SMALL: u32 = 300_000;
/// Large enough that the copy takes some time.
const LARGE: u32 = 55_000_000;
/// How many tasks run at the same time.
const AT_ONCE: usize = 2;
/// How long a run may take, and how long fetching and removing may take after a kill of cube, on a very busy machine.
const LIMIT: Duration = Duration::from_mins(5);
/// What the task prints when its result is complete.
const WRITTEN: &str = "written\n";

/// A kind of end.
struct Ending {
    name: &'static str,
    flags: &'static [&'static str],
    /// What the task does after writing its result.
    then: &'static str,
    signal: Option<Signal>,
    code: i32,
}

const SLEEPS: &str = "exec sleep 1000";
const ENDINGS: [Ending; 8] = [
    Ending { name: "exit 0", flags: &[], then: "true", signal: None, code: 0 },
    Ending { name: "exit 1", flags: &[], then: "exit 1", signal: None, code: 1 },
    Ending {
        name: "out of memory",
        flags: &["--memory=20m"],
        then: "exec tail -c 200000000 /dev/zero",
        signal: None,
        code: 137,
    },
    Ending {
        name: "--timeout",
        flags: &["--timeout=3s", "--stop-timeout=0"],
        then: SLEEPS,
        signal: None,
        code: 124,
    },
    Ending {
        name: "SIGINT",
        flags: &["--stop-timeout=0"],
        then: SLEEPS,
        signal: Some(Signal::INT),
        code: 130,
    },
    Ending {
        name: "SIGTERM",
        flags: &["--stop-timeout=0"],
        then: SLEEPS,
        signal: Some(Signal::TERM),
        code: 143,
    },
    Ending {
        name: "--wait-for that fails",
        flags: &["--wait-for=log=never"],
        then: "exit 5",
        signal: None,
        code: 125,
    },
    Ending {
        name: "--wait-for that takes too long",
        flags: &["--wait-for=log=never", "--wait-timeout=4s", "--stop-timeout=0"],
        then: SLEEPS,
        signal: None,
        code: 124,
    },
];

/// Writes a result that gets its name when it is complete, and its checksum beside it; then prints that.
fn script(bytes: u32, then: &str) -> String {
    format!(
        "mkdir /tmp/w && head -c {bytes} /dev/urandom >/tmp/w/big && md5sum </tmp/w/big >/tmp/w/sum && \
         mv /tmp/w /out && echo written; {then}"
    )
}

fn flag(target: &Path) -> String {
    format!("--copy-out=/out:{}", target.display())
}

fn attached(bed: &Bed, target: &Path, flags: &[&str], script: &str) -> Cube {
    let (image, flag) = (shell(), flag(target));
    let usual = ["--attach", "--network=none", &flag];
    let rest = ["--image", &image, "sh", "-c", script];
    let run = bed.run(usual.iter().chain(flags).chain(&rest).copied().collect::<Vec<_>>());
    run.env("CUBE_GUARD_LOG", bed.path("guard.log")).within(LIMIT)
}

/// Whether the result is there. What is there must be whole.
fn has_come(target: &Path) -> Result<bool, String> {
    let drafts = drafts(target);
    if !drafts.is_empty() {
        return Err(format!("half-written: {drafts:?}"));
    }
    if !target.exists() {
        return Ok(false);
    }
    let (is, due) = (sum(&target.join("big")), fs::read_to_string(target.join("sum")));
    if due.as_ref().is_ok_and(|due| *due == is) { Ok(true) } else { Err(format!("torn: {is}, not {due:?}")) }
}

/// What the guard of a bed's cube did.
fn guard_log(bed: &Bed) -> String {
    fs::read_to_string(bed.path("guard.log")).unwrap_or_default()
}

fn end(ending: &Ending) {
    let bed = Bed::new();
    let target = bed.path("results");
    let cube = attached(&bed, &target, ending.flags, &script(SMALL, ending.then));
    let mut running = cube.ends(ending.code).spawn();
    if let Some(signal) = ending.signal {
        running.wait_for_stdout(WRITTEN);
        running.signal(signal);
    }
    let output = running.finish();
    // On a slow machine the time limit may come before the result.
    let is_due = output.text().contains(WRITTEN) || !output.stderr.contains("time");
    assert_eq!(has_come(&target), Ok(is_due), "{}: {output:?}", ending.name);
    bed.assert_empty();
}

#[test]
fn no_result_is_lost_at_any_end() {
    let times = count("CUBE_TEST_COPIES", 1);
    in_threads(AT_ONCE, times * ENDINGS.len(), |number| end(&ENDINGS[number % ENDINGS.len()]));
    for Ending { name, .. } in ENDINGS {
        println!("{times} ended by {name}: no result lost, nothing left");
    }
}

#[test]
fn no_result_is_lost_when_the_command_beside_a_task_ends() {
    let times = count("CUBE_TEST_COPIES", 1);
    in_threads(AT_ONCE, times * 2, |number| {
        let bed = Bed::new();
        let (image, label, target) = (shell(), bed.label(), bed.path("results"));
        let (flag, script) = (flag(&target), script(SMALL, SLEEPS));
        let flags =
            ["--label", &label, "--network=none", "--wait-for=log=written", "--stop-timeout=0", &flag];
        let code = if number.is_multiple_of(2) { 4 } else { 0 };
        let command = format!("exit {code}");
        let rest = ["--image", &image, "sh", "-c", &script, "--", "sh", "-c", &command];
        bed.cube(["with"].into_iter().chain(flags).chain(rest)).ends(code).output();
        assert_eq!(has_come(&target), Ok(true), "exit {code}");
        bed.assert_empty();
    });
    println!("{times} times HOST-COMMAND failed and succeeded: no result lost, nothing left");
}

/// How long a whole run takes, and how long the part after the result is written takes.
fn measured() -> (Duration, Duration) {
    let bed = Bed::new();
    let target = bed.path("results");
    let begun = Instant::now();
    // It reports a copy that takes over a second.
    let mut running = attached(&bed, &target, &[], &script(LARGE, "true")).any_stderr().spawn();
    running.wait_for_stdout(WRITTEN);
    let written = Instant::now();
    running.finish();
    assert_eq!(has_come(&target), Ok(true));
    (begun.elapsed(), written.elapsed())
}

/// When a kill happened in a run.
#[derive(Default)]
struct Met {
    before: AtomicUsize,
    within: AtomicUsize,
    behind: AtomicUsize,
}

/// A run killed at a random moment of its whole life, or of the part after the result is written.
fn killed(
    bed: &Bed,
    target: &Path,
    number: usize,
    (whole, copy): (Duration, Duration),
    met: &Met,
) -> Running {
    let mut running = attached(bed, target, &[], &script(LARGE, "true")).ends(-9).spawn();
    let late = !number.is_multiple_of(4);
    if late {
        running.wait_for_stdout(WRITTEN);
    }
    let longest = if late { copy } else { whole }.as_micros();
    // A sleep and no event, because any moment is right.
    let after = u128::from(scattered(number)) % longest;
    std::thread::sleep(Duration::from_micros(after.try_into().unwrap()));
    // It is suspended to see what it is doing at this moment.
    running.signal(Signal::STOP);
    let place = match () {
        () if target.exists() => &met.behind,
        () if drafts(target).is_empty() => &met.before,
        () => &met.within,
    };
    place.fetch_add(1, Relaxed);
    running
}

/// Returns once the guard and the container are gone.
fn wait_until_gone(bed: &Bed, guards: &[u32]) -> Result<(), String> {
    let since = Instant::now();
    while guards.iter().any(|pid| is_guard(*pid)) || !bed.containers().is_empty() {
        if since.elapsed() > LIMIT {
            return Err(format!("left {:?} and the guard {guards:?}", bed.containers()));
        }
        // The guard says nothing when it is done.
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

#[test]
fn no_result_is_lost_when_cube_is_killed_at_a_random_moment() {
    let kills = count("CUBE_TEST_COPIES", 4);
    let (times, met) = (measured(), Met::default());
    let (slowest, again) = (AtomicUsize::new(0), AtomicUsize::new(0));
    in_threads(AT_ONCE, kills, |number| {
        let bed = Bed::new();
        let (target, watch) = (bed.path("results"), bed.engine().watch());
        let mut running = killed(&bed, &target, number, times, &met);
        let guards = guards_of(&running);
        let was_written = running.stdout_so_far().contains(WRITTEN);
        running.signal(Signal::KILL);
        let since = Instant::now();
        // It may have ended just before.
        let was_killed = running.was_killed();
        let is_due = !was_killed || was_written;
        let came = wait_until_gone(&bed, &guards).and_then(|()| has_come(&target));
        let log = guard_log(&bed);
        assert!(
            came.as_ref().is_ok_and(|came| *came >= is_due),
            "kill {number} (killed: {was_killed}, written: {was_written}): {came:?}\ncube: {}\nguard: {log}\nengine: {}",
            running.stderr_so_far(),
            watch.events_of(&bed.label()),
        );
        // Of what was not written yet there is nothing to copy, however often.
        if came == Ok(true) {
            again.fetch_add(log.matches("cannot copy out").count(), Relaxed);
        }
        slowest.fetch_max(since.elapsed().as_millis().try_into().unwrap(), Relaxed);
    });
    let [before, within, behind] = [met.before, met.within, met.behind].map(AtomicUsize::into_inner);
    println!(
        "{kills} killed by SIGKILL: {before} before the copy, {within} within it, {behind} behind it; no result \
         lost, the slowest gone after {} ms, {} copies tried again",
        slowest.into_inner(),
        again.into_inner()
    );
    assert!(within > 0 || kills < 20, "no copy was met");
}
