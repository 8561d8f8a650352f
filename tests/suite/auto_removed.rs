//! `-d --rm --wait-for`: the engine removes the task at its end, and cube still reports how it ended.

use crate::testbed::{Bed, probe, swarm::until};

/// How often the case is repeated: sometimes the engine is faster, sometimes cube.
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

/// Returns when the engine has removed the container that `cube run` named.
fn removed(bed: &Bed, id: &str) {
    assert_eq!(id.len(), 65, "{id}");
    // On engine 20.10, a wait for a removal that is already in progress may never end.
    until("the engine removes it", || !bed.engine().has_container(id.trim_end()));
}

#[test]
fn a_condition_may_be_met_by_the_end() {
    let (bed, image) = (Bed::new(), probe());
    let ready = ["-d", "--rm", "--wait-for", "log=map", &image, "out=the map", "exit=3"];
    let ended = ["-d", "--rm", "--wait-for", "exit", "--wait-for", "running", &image, "exit=3"];
    for args in [&ready[..], &ended, &ready, &ended] {
        removed(&bed, &bed.run(args).text());
    }
}

#[test]
fn a_ready_task_runs_on_and_its_engine_removes_it() {
    let (bed, image) = (Bed::new(), probe());
    let writes = [image.as_str(), "out=ready", "lines=200000", "exit=0"];
    removed(&bed, &bed.run(["-d", "--rm", "--wait-for", "log=ready"].iter().chain(&writes)).text());
    bed.assert_empty();
}
