//! `cube stop`: stop, then remove.

use std::time::Duration;

use serde_json::json;

use crate::testbed::{Bed, probe, probe_with};

#[test]
fn prints_each_task_as_it_was_given() {
    let bed = Bed::new();
    let by_id = bed.start(["--image", &probe()]);
    let by_prefix = bed.start(["--image", &probe()]);
    let _by_name = bed.start(["--image", &probe(), "--name", bed.name()]);
    let by_uuid = bed.start(["--image", &probe()]);
    let uuid = by_uuid.inspect()["Config"]["Labels"]["cube.task.id"].as_str().unwrap().to_owned();
    let given = [&by_id.id, &by_prefix.id[..20], bed.name(), &uuid];
    let printed = bed.cube(["stop"].into_iter().chain(given)).text();
    let mut lines: Vec<&str> = printed.lines().collect();
    lines.sort_unstable();
    let mut expected = given;
    expected.sort_unstable();
    assert_eq!(lines, expected);
    bed.assert_empty();
}

#[test]
fn its_anonymous_volume_is_removed_and_a_named_one_stays() {
    let bed = Bed::new();
    let image = probe_with(&["VOLUME /data"]);
    let named = bed.name();
    let task = bed.start(["--image", &image, "-v", &format!("{named}:/named")]);
    let mounts = task.inspect()["Mounts"].clone();
    let at = |path: &str| {
        let mount = mounts.as_array().unwrap().iter().find(|mount| mount["Destination"] == path);
        format!("/volumes/{}", mount.unwrap()["Name"].as_str().unwrap())
    };
    assert!(bed.engine().has(&at("/data")) && bed.engine().has(&at("/named")));
    bed.cube(["stop", &task.id]).output();
    let (anonymous, kept) = (bed.engine().has(&at("/data")), bed.engine().has(&at("/named")));
    bed.engine().delete(&at("/named"));
    assert_eq!((anonymous, kept), (false, true));
    bed.assert_empty();
}

#[test]
fn an_ended_task_is_removed_too() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe(), "exit=3"]);
    task.ended();
    assert_eq!(bed.cube(["stop", &task.id]).text(), format!("{}\n", task.id));
    bed.assert_empty();
}

#[test]
fn the_task_gets_its_stop_signal_first() {
    let bed = Bed::new();
    let folder = bed.path("");
    let mount = format!("{}:/out", folder.to_str().unwrap());
    let script = "trap 'echo heard >/out/signal; exit 0' TERM; echo up; while :; do sleep 0.1; done";
    let task = bed.start(["--image", &crate::testbed::shell(), "-v", &mount, "sh", "-c", script]);
    let mut logs = bed.cube(["logs", "-f", &task.id]).spawn();
    logs.wait_for_stdout("up\n");
    bed.cube(["stop", &task.id]).output();
    logs.finish();
    assert_eq!(std::fs::read_to_string(bed.path("signal")).unwrap(), "heard\n");
    bed.assert_empty();
}

#[test]
fn a_task_that_ignores_the_signal_is_killed_after_its_grace() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe(), "--stop-timeout", "1", "ignore=15", "out=up", "forever"]);
    let mut logs = bed.cube(["logs", "-f", &task.id]).spawn();
    logs.wait_for_stdout("up\n");
    // A stop that takes longer than a second is announced.
    let took = bed.cube(["stop", &task.id]).any_stderr().output().took;
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(8), "{took:?}");
    logs.finish();
    bed.assert_empty();
}

#[test]
fn several_are_stopped_at_the_same_time() {
    let bed = Bed::new();
    let start = || bed.start(["--image", &probe(), "ignore=15", "forever"]);
    let tasks = [start(), start(), start()];
    let ids = tasks.iter().map(|task| task.id.as_str());
    let took =
        bed.cube(["stop", "-t", "6"].into_iter().chain(ids)).stderr_has("for its grace of 6 s").output().took;
    assert!(took < Duration::from_secs(18), "one after the other takes 18 s; this took {took:?}");
    bed.assert_empty();
}

#[test]
fn a_missing_task_does_not_stop_the_others() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe()]);
    let missing = format!("{}-missing", bed.name());
    let output = bed.cube(["stop", &missing, &task.id]).ends(1).stderr_has(&missing).output();
    assert_eq!(output.text(), format!("{}\n", task.id));
    bed.assert_empty();
}

#[test]
fn a_container_that_is_not_cube_s_is_refused() {
    let bed = Bed::new();
    let foreign = bed.foreign(bed.name(), json!({"Image": probe()}));
    bed.cube(["stop", bed.name()]).fails(1).stderr_has("did not start").output();
    assert!(foreign.exists());
}

#[test]
fn a_name_is_free_after_a_stop_that_another_stop_overtook() {
    let bed = Bed::new();
    let image = probe_with(&["VOLUME /data"]);
    for _ in 0..10 {
        let task = bed.start(["--name", bed.name(), "--image", &image]);
        let stop = || bed.cube(["stop", "-t", "0", bed.name()]).ends_somehow();
        let other = stop().spawn();
        let stopped = stop().output();
        assert!([0, 1].contains(&stopped.status), "{}", stopped.stderr);
        // A stop that came too late reports that; one that saw the task waited for its removal.
        if stopped.status == 0 {
            assert!(!task.exists());
            bed.start(["--name", bed.name(), "--image", &image, "exit=0"]);
        }
        other.finish();
    }
}

#[test]
fn an_engine_whose_stop_takes_no_signal_still_sends_the_chosen_one() {
    let bed = Bed::new();
    for (signal, code, said) in [("USR2", 140, "signal 12\n"), ("KILL", 137, "")] {
        let name = format!("{}-{code}", bed.name());
        let args =
            ["--attach", "--name", &name, "--image", &probe(), "say-signals", "out-raw=up:", "forever"];
        let mut attached = bed.run(args).exits(code).any_stderr().spawn();
        attached.wait_for_stdout("up:");
        bed.cube(["stop", "--signal", signal, "-t", "30", &name]).any_stderr().output();
        assert_eq!(attached.finish().text(), format!("up:{said}"));
    }
}

#[test]
fn a_kill_follows_a_signal_that_did_not_end_the_task() {
    let bed = Bed::new();
    let task = bed.start(["--image", &probe(), "--restart", "always", "ignore=12", "out=up", "forever"]);
    let mut follow = bed.cube(["logs", "-f", &task.id]).ends_somehow().spawn();
    follow.wait_for_stdout("up\n");
    bed.cube(["stop", "--signal", "USR2", "-t", "1", &task.id]).any_stderr().output();
    assert!(!task.exists());
    follow.finish();
}
