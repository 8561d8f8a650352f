//! `-d --rm --wait-for`: the engine removes the task at its end, and how it ended is said all the same.

use crate::testbed::{Bed, probe, swarm::until};

/// How often a task dies at once: the engine and cube take turns in being first.
const TIMES: usize = 10;

#[test]
fn a_death_before_ready_is_reported_with_exit_code_and_last_lines() {
    let (bed, image) = (Bed::new(), probe());
    let dies = [image.as_str(), "out=the map is missing", "exit=3"];
    for _ in 0..TIMES {
        let run = bed.run(["-d", "--rm", "--wait-for", "log=never"].iter().chain(&dies)).fails(125);
        let said =
            run.stderr_has("state: Failed, exit code: 3").stderr_has("exited with code 3").output().stderr;
        assert!(said.contains("\nthe map is missing\n"), "{said}");
    }
    let run = ["-o", "json", "-d", "--rm", "--wait-for", "port=80"];
    let object = bed.run(run.iter().chain(&dies)).ends(125).json();
    assert_eq!(
        (&object["exit_code"], &object["error"]["kind"]),
        (&3.into(), &"task_died".into()),
        "{object}"
    );
}

/// Returns once the engine has removed what `cube run` named.
fn removed(bed: &Bed, id: &str) {
    assert_eq!(id.len(), 65, "{id}");
    // A wait for the removal that begins within it may never end on engine 20.10.
    until("the engine removes it", || !bed.engine().has_container(id.trim_end()));
}

#[test]
fn what_was_waited_for_may_come_with_the_end() {
    let (bed, image) = (Bed::new(), probe());
    let ready = ["-d", "--rm", "--wait-for", "log=map", &image, "out=the map", "exit=3"];
    let ended = ["-d", "--rm", "--wait-for", "exit", "--wait-for", "running", &image, "exit=3"];
    for args in [&ready[..], &ended, &ready, &ended] {
        removed(&bed, &bed.run(args).text());
    }
}

#[test]
fn a_task_that_is_ready_runs_on_unread_and_its_engine_removes_it() {
    let (bed, image) = (Bed::new(), probe());
    let writes = [image.as_str(), "out=ready", "lines=200000", "exit=0"];
    removed(&bed, &bed.run(["-d", "--rm", "--wait-for", "log=ready"].iter().chain(&writes)).text());
    bed.assert_empty();
}
