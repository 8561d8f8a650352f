//! After a kill of cube nothing is left: the guard removes it soon, else `prune`.

use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::killed::wait_until;
use crate::testbed::image::probe_on;
use crate::testbed::proxy::Proxy;
use crate::testbed::quota::Quota;
use crate::testbed::{Bed, need, probe};

/// How long the removal of a killed cube's task may take: less than the grace of a task that ignores signals.
const GONE: Duration = Duration::from_secs(9);

#[test]
fn a_killed_cube_leaves_no_attached_task() {
    let (bed, image) = (Bed::new(), probe());
    for command in [&["--attach"][..], &["--attach", "--restart", "always"]] {
        let args = command.iter().copied().chain(["--image", &image, "out=up", "forever"]);
        let mut running = bed.run(args.collect::<Vec<_>>()).ends(-9).spawn();
        running.wait_for_stdout("up\n");
        let id = bed.containers().remove(0);
        running.signal(Signal::KILL);
        // The engine answers when the container is removed; 404 if it is already gone.
        let path = format!("/containers/{id}/wait?condition=removed");
        let begun = Instant::now();
        bed.engine().send("POST", &path, &[], b"");
        assert!(begun.elapsed() < GONE, "{:?}", begun.elapsed());
        bed.assert_empty();
    }
}

#[test]
fn a_killed_cube_ends_the_command_of_with_and_leaves_no_task() {
    let (bed, image) = (Bed::new(), probe());
    let (label, done) = (bed.label(), bed.path("done"));
    // A command that handles SIGTERM can clean up; another one is killed after a grace.
    let script = format!(
        "trap 'echo tidied >{0}; exit' TERM; echo up $$; while :; do sleep 0.1; done",
        done.display()
    );
    for (script, tidies) in [(script.as_str(), true), ("trap '' TERM; echo up $$; exec sleep 1000", false)] {
        let with = ["with", "--label", &label, "--image", &image, "forever", "--", "sh", "-c", script];
        let mut running = bed.cube(with).any_stderr().spawn();
        running.wait_for_stdout("up ");
        running.wait_for_stdout("\n");
        let command = running.children().into_iter().find(|pid| *pid != running.guard()).unwrap();
        let id = bed.containers().remove(0);
        running.signal(Signal::KILL);
        running.wait_killed();
        wait_gone(command);
        assert_eq!(done.exists(), tidies, "{script}");
        let _ = std::fs::remove_file(&done);
        bed.engine().send("POST", &format!("/containers/{id}/wait?condition=removed"), &[], b"");
        bed.assert_empty();
    }
}

#[test]
fn a_killed_cube_ends_the_command_of_with_also_where_its_process_group_is_not_visible() {
    if !need::is_root() {
        return;
    }
    let (bed, image) = (Bed::new(), probe());
    let (label, done, over) = (bed.label(), bed.path("done"), bed.path("over"));
    // The group began outside of the new pid namespace, and all of the namespace ends with its first process.
    let first = format!("\"$@\"; until [ -e {} ]; do sleep 0.1; done", over.display());
    let shell = format!("exec unshare --pid --fork --mount-proc sh -c '{first}' sh \"$@\"");
    let command = format!(
        "trap 'echo tidied >{}; exit' TERM; kill -KILL $PPID; while :; do sleep 0.1; done",
        done.display()
    );
    let with = ["with", "--label", &label, "--image", &image, "forever", "--", "sh", "-c", &command];
    let running = bed.cube(with).by_shell(&shell).any_stderr().spawn();
    wait_until("the command is ended", || done.exists());
    wait_until("the guard removes the task", || bed.containers().is_empty());
    std::fs::write(over, "").unwrap();
    running.finish();
    bed.assert_empty();
}

#[test]
fn a_killed_cube_ends_what_the_command_of_with_started() {
    let (bed, image) = (Bed::new(), probe());
    let script = "sleep 1000 & one=$!; sleep 1000 & two=$!; \
        setsid sh -c 'echo $0 $1 $$ up; exec sleep 1000' $one $two & wait";
    let with = ["with", "--label", &bed.label(), "--image", &image, "forever", "--", "sh", "-c", script];
    let mut running = bed.cube(with).any_stderr().spawn();
    running.wait_for_stdout(" up\n");
    let pids = running.stdout_so_far();
    let [one, two, detached]: [u32; 3] =
        pids.split(' ').map_while(|pid| pid.parse().ok()).collect::<Vec<_>>().try_into().unwrap();
    bed.is_empty_after_kill(running);
    wait_gone(one);
    wait_gone(two);
    kill(detached);
}

#[test]
fn a_cube_killed_after_the_command_of_with_spares_what_it_left() {
    let (bed, image) = (Bed::new(), probe());
    let (proxy, (allow, allowed)) = (Proxy::before(bed.engine(), None), mpsc::channel());
    proxy.before_request("DELETE /containers/", move || kill(allowed.recv().unwrap()));
    let script = "sleep 1000 >/dev/null 2>&1 & echo $!";
    let with = ["with", "--label", &bed.label(), "--image", &image, "forever", "--", "sh", "-c", script];
    let mut running = bed.cube(with).env("DOCKER_HOST", proxy.host()).any_stderr().spawn();
    running.wait_for_stdout("\n");
    let (left, guard) = (running.stdout_so_far().trim().parse().unwrap(), running.guard());
    allow.send(running.pid()).unwrap();
    running.wait_killed();
    wait_gone(guard);
    bed.assert_empty();
    kill(left);
}

/// Kills a process, which has to be there.
fn kill(pid: u32) {
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), Signal::KILL).unwrap();
}

#[test]
fn a_cube_killed_while_it_starts_the_command_of_with_ends_it() {
    need::program("strace");
    let (bed, image) = (Bed::new(), probe());
    let calls = bed.path("calls");
    // cube opens its child's pidfd directly after starting it.
    let kill = "-e trace=pidfd_open -e inject=pidfd_open:signal=KILL";
    let script = format!(r#"exec strace -o {} {kill} "$@""#, calls.display());
    let with = ["with", "--label", &bed.label(), "--image", &image, "forever", "--", "sleep", "1000"];
    bed.cube(with).by_shell(&script).any_stderr().spawn().wait_killed();
    let calls = std::fs::read_to_string(calls).unwrap();
    let pid = calls.strip_prefix("pidfd_open(").and_then(|rest| rest.split(',').next()).unwrap();
    wait_gone(pid.parse().unwrap());
    wait_until("the guard removes the task", || bed.containers().is_empty());
}

/// Returns when the process has ended; its parent may collect the status later.
fn wait_gone(pid: u32) {
    let deadline = Instant::now() + Duration::from_secs(50);
    let over = |stat: String| stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" Z"));
    while !std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, over) {
        assert!(Instant::now() < deadline, "{pid} runs on");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn prune_removes_finished_tasks_and_nothing_else() {
    // A separate engine: prune removes every ended task, even those of other tests.
    let quota = Quota::take();
    let bed = Bed::on(quota.engine());
    let image = probe_on(quota.engine(), &[]);
    let foreign = bed.foreign(bed.name(), json!({"Image": image, "Cmd": ["exit=0"]}));
    let ended = bed.start(["--image", &image, "exit=3"]);
    ended.ended();
    // First: a run with a time to live removes expired tasks.
    let alive = bed.start(["--image", &image, "--ttl", "1h", "forever"]);
    let expired = bed.start(["--image", &image, "--ttl", "0s", "forever"]);
    let dry = bed.cube(["prune", "--dry-run"]).text();
    assert!(dry.contains(&ended.id) && dry.contains(&expired.id) && ended.exists());
    let object = bed.cube(["-o", "json", "prune"]).ends(0).json();
    assert_eq!((&object["action"], &object["result"]), (&json!("prune"), &json!("success")), "{object}");
    assert!(object["removed"].as_array().unwrap().contains(&json!(ended.id)), "{object}");
    assert!(!ended.exists() && !expired.exists());
    assert!(alive.exists() && foreign.exists());
    assert!(!dry.contains(&foreign.id) && !dry.contains(&alive.id));
}

#[test]
fn a_run_with_a_time_to_live_removes_expired_tasks() {
    let bed = Bed::new();
    let expired = bed.start(["--image", &probe(), "--ttl", "0s", "forever"]);
    let removed = format!("/containers/{}/wait?condition=removed", expired.id);
    let args = ["--attach", "--image", &probe(), "--ttl", "1h", "--name", bed.name(), "forever"];
    let running = bed.run(args).ends(143).spawn();
    bed.engine().send("POST", &removed, &[], b"");
    running.signal(Signal::TERM);
    running.finish();
}
