//! cube and its guard are killed, one or both, in each order and at each step of a run; or suspended for longer than
//! every time limit. If one survives, it removes the task; if none does, `prune` finds and removes the task.

use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::testbed::cube::is_named_guard;
use crate::testbed::engine::Watch;
use crate::testbed::proxy::Proxy;
use crate::testbed::{Bed, Cube, probe};

/// The requests before which a test acts.
const STEPS: [&str; 5] = ["POST /containers/create", "/attach", "/start", "/wait", "DELETE /containers/"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Cube,
    Guard,
}

/// Returns when the condition is true.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        // Polls: the guard reports nothing when it is done.
        thread::sleep(Duration::from_millis(20));
    }
}

/// Returns once the container of a killed cube has existed: the request `step` is still passed on, and no process is left
/// that could undo it. podman refuses the first request to create, for its log driver, and nobody is left to send another.
pub fn takes_effect(step: &str, bed: &Bed, watch: &Watch<'_>) {
    let is_refused = step.ends_with("/containers/create") && bed.engine().is_podman();
    wait_until("the engine forgot a request", || {
        is_refused || !watch.containers_with(&bed.label()).is_empty()
    });
}

fn send(pid: u32, signal: Signal) {
    // It may have ended already.
    let _ = kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), signal);
}

/// The guard of this process of cube. On a busy machine it may not have changed its name yet.
fn guard_of(pid: u32) -> u32 {
    let mut found = None;
    wait_until("there is no guard", || {
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        found = children.split_whitespace().map(|pid| pid.parse().unwrap()).find(|pid| is_named_guard(*pid));
        found.is_some()
    });
    found.unwrap()
}

/// A run through a proxy; `act` is called with its process before the request `step`.
fn run_with(
    bed: &Bed,
    step: &str,
    flags: &[&str],
    act: impl FnOnce(u32) + Send + 'static,
) -> (Cube, Pids, Proxy) {
    let proxy = Proxy::before(bed.engine(), None);
    let pids = Pids::default();
    let known = Arc::clone(&pids);
    proxy.before_request(step, move || {
        while known.get().is_none() {
            thread::yield_now();
        }
        act(*known.get().unwrap());
    });
    let args = ["--attach", "--network", "none", "--image", &probe(), "out=hi"];
    let run = bed.run(flags.iter().copied().chain(args)).env("DOCKER_HOST", proxy.host());
    (run, pids, proxy)
}

type Pids = Arc<OnceLock<u32>>;

/// Kills the victims one after the other before the request `step`.
fn killed_at(step: &str, victims: &'static [Victim]) {
    let bed = Bed::new();
    let watch = bed.engine().watch();
    let (run, pid, proxy) = run_with(&bed, step, &[], move |cube| {
        let guard = guard_of(cube);
        for victim in victims {
            send(if *victim == Victim::Cube { cube } else { guard }, Signal::KILL);
        }
    });
    let mut running = run.spawn();
    pid.set(running.pid()).unwrap();
    if victims == [Victim::Guard] {
        assert_eq!(running.finish().text(), "hi\n", "{step}");
        bed.assert_empty();
        return;
    }
    running.wait_killed();
    proxy.wait_for(step);
    takes_effect(step, &bed, &watch);
    let label = format!("label={}", bed.label());
    wait_until(&format!("a container is left at {step} by {victims:?}"), || {
        if victims.contains(&Victim::Guard) {
            bed.cube(["prune", "--filter", &label]).any_stderr().ends_somehow().output();
        }
        bed.containers().is_empty()
    });
}

#[test]
fn nothing_stays_whichever_process_is_killed_at_any_step() {
    use Victim::{Cube, Guard};
    let orders: [&'static [Victim]; 4] = [&[Cube], &[Guard], &[Cube, Guard], &[Guard, Cube]];
    thread::scope(|scope| {
        for victims in orders {
            scope.spawn(move || STEPS.into_iter().for_each(|step| killed_at(step, victims)));
        }
    });
}

/// Longer than the limits below, of which the engine's leaves a busy engine room for its answer.
const LONG: Duration = Duration::from_secs(7);

#[test]
fn a_suspended_cube_uses_the_answers_that_came_meanwhile() {
    thread::scope(|scope| {
        for step in STEPS {
            scope.spawn(move || {
                let bed = Bed::new();
                let (run, pid, _proxy) = run_with(&bed, step, &["--engine-timeout", "5s"], |cube| {
                    send(cube, Signal::STOP);
                    thread::spawn(move || {
                        thread::sleep(LONG);
                        send(cube, Signal::CONT);
                    });
                });
                let running = run.any_stderr().spawn();
                pid.set(running.pid()).unwrap();
                assert_eq!(running.finish().text(), "hi\n", "{step}");
                bed.assert_empty();
            });
        }
    });
}

#[test]
fn a_time_limit_that_ran_out_while_cube_was_suspended_has_run_out() {
    let bed = Bed::new();
    let args = ["--attach", "--timeout", "5s", "--image", &probe(), "out=up", "forever"];
    let mut running = bed.run(args).ends(124).spawn();
    running.wait_for_stdout("up\n");
    running.signal(Signal::STOP);
    thread::sleep(LONG);
    running.signal(Signal::CONT);
    running.finish();
    bed.assert_empty();
}

#[test]
fn a_suspended_guard_removes_the_task_when_it_continues() {
    let bed = Bed::new();
    let mut running = bed.run(["--attach", "--image", &probe(), "out=up", "forever"]).ends(-9).spawn();
    running.wait_for_stdout("up\n");
    let guard = running.guard();
    send(guard, Signal::STOP);
    running.signal(Signal::KILL);
    running.wait_killed();
    assert_eq!(bed.containers().len(), 1);
    send(guard, Signal::CONT);
    wait_until("the task is left", || bed.containers().is_empty());
}
