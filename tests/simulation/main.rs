//! cube's library against a simulated engine, in a time that passes at once: each schedule of answers, faults, other
//! clients and ends of cube comes from one seed. A seed that fails is printed; `CUBE_SIM_SEED` plays it again, in words.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // a test ends by a panic

mod callers;
mod clock;
mod engine;
mod invariants;
mod model;
mod others;
mod planted;
mod random;
mod schedule;

use std::{
    collections::HashSet,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Instant,
};

use crate::{
    engine::faults::Hits,
    planted::Planted,
    schedule::{Outcome, play},
};

/// Schedules of a plain run; `CUBE_SIM_SCHEDULES` asks for more.
const SCHEDULES: u64 = 10_000;
/// After how many schedules it is shown how far they are.
const REPORT: u64 = 25_000;
/// In how many schedules a planted bug must show.
const FOUND_WITHIN: u64 = 400;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Seeds that found faults of cube, each in the model of its time, which had fewer kinds of schedules: a guard that gave
/// up when a removal was refused once; tasks taken for foreign when their image could not be read for a moment. And
/// those that found faults of the model: an end that another caller brought about, an engine that was back at once, a
/// pull slower than its caller allows, a connection cut between two pieces.
const ONCE_FAILED: [u64; 10] =
    [74, 104_024, 105_306, 500_306, 504_169, 506_863, 8_163, 44_681, 135_785, 155_105];

/// What came of many schedules.
#[derive(Default)]
struct Tally {
    /// Different traces, and different orders of events.
    traces: HashSet<u64>,
    orders: HashSet<u64>,
    hits: Hits,
    failed: Vec<(u64, Vec<String>)>,
}

impl Tally {
    fn count(&mut self, outcome: Outcome) {
        self.traces.insert(outcome.trace.whole());
        self.orders.insert(outcome.trace.order());
        self.hits.add(&outcome.hits);
        if !outcome.violations.is_empty() {
            self.failed.push((outcome.seed, outcome.violations));
        }
    }

    fn join(&mut self, other: Self) {
        self.traces.extend(other.traces);
        self.orders.extend(other.orders);
        self.hits.add(&other.hits);
        self.failed.extend(other.failed);
    }
}

/// Plays the seeds from `first` to before `end`, on all processors.
fn play_all(first: u64, end: u64) -> Tally {
    let next = AtomicU64::new(first);
    let folder = tempfile::tempdir().unwrap();
    let mut all = Tally::default();
    thread::scope(|scope| {
        let workers = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..workers)
            .map(|number| {
                let (socket, next) = (folder.path().join(number.to_string()), &next);
                scope.spawn(move || one_worker(&socket, next, end))
            })
            .collect();
        for worker in workers {
            all.join(worker.join().unwrap());
        }
    });
    all
}

fn one_worker(socket: &Path, next: &AtomicU64, end: u64) -> Tally {
    let mut tally = Tally::default();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return tally;
        }
        if seed.is_multiple_of(REPORT) {
            println!("seed {seed}");
        }
        let outcome = play(seed, socket, Planted::Nothing, false);
        if !outcome.violations.is_empty() {
            println!("CUBE_SIM_SEED={seed}: {}", outcome.violations.join("; "));
        }
        tally.count(outcome);
    }
}

#[test]
fn nothing_is_left_or_lost_in_any_schedule() {
    let seed = number("CUBE_SIM_SEED");
    if let Some(seed) = seed {
        let folder = tempfile::tempdir().unwrap();
        let outcome = play(seed, &folder.path().join("engine"), Planted::Nothing, true);
        println!("{}", outcome.words.join("\n"));
        assert!(outcome.violations.is_empty(), "seed {seed}: {:#?}", outcome.violations);
        return;
    }
    let (first, count) =
        (number("CUBE_SIM_FIRST").unwrap_or(0), number("CUBE_SIM_SCHEDULES").unwrap_or(SCHEDULES));
    let begun = Instant::now();
    let mut tally = play_all(first, first + count);
    println!(
        "{count} schedules in {:.0?}: {} different traces, {} different orders of events",
        begun.elapsed(),
        tally.traces.len(),
        tally.orders.len()
    );
    println!("{}", tally.hits);
    tally.failed.sort();
    let failed = tally.failed.len();
    let shown: Vec<String> = tally
        .failed
        .iter()
        .take(10)
        .map(|(seed, what)| format!("CUBE_SIM_SEED={seed}: {}", what.join("; ")))
        .collect();
    assert!(failed == 0, "{failed} of {count} schedules fail, for example\n{}", shown.join("\n"));
}

#[test]
fn what_failed_once_holds() {
    let folder = tempfile::tempdir().unwrap();
    for seed in ONCE_FAILED {
        let outcome = play(seed, &folder.path().join("engine"), Planted::Nothing, false);
        assert!(outcome.violations.is_empty(), "seed {seed}: {:#?}", outcome.violations);
    }
}

#[test]
fn a_planted_bug_is_found() {
    let folder = tempfile::tempdir().unwrap();
    for planted in Planted::ALL {
        let found = (0..FOUND_WITHIN)
            .map(|seed| play(seed, &folder.path().join("engine"), planted, false))
            .find(|outcome| !outcome.violations.is_empty());
        let found = found.unwrap_or_else(|| panic!("{planted:?} is not found in {FOUND_WITHIN} schedules"));
        println!("{planted:?}: seed {}: {}", found.seed, found.violations.join("; "));
    }
}

#[test]
fn a_seed_is_the_same_schedule_each_time() {
    let folder = tempfile::tempdir().unwrap();
    for seed in 0..20 {
        let [first, second] =
            [0, 1].map(|_| play(seed, &folder.path().join("engine"), Planted::Nothing, true));
        assert_eq!(first.words, second.words, "seed {seed}");
    }
}
