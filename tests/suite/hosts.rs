//! Several `--host` flags: the first that answers is used, with a note if others were skipped; a container stays with
//! its engine.

use std::os::unix::fs::symlink;

use rustix::process::Signal;

use crate::testbed::image::probe_on;
use crate::testbed::quota::Quota;
use crate::testbed::{Bed, Cube, Engine, probe};

const NONE: &str = "unix:///no/such/engine.sock";
const NEITHER: &str = "unix:///nor/this.sock";

/// `cube ARGS` with these hosts alone.
fn cube<'a>(hosts: &[&'a str], args: impl IntoIterator<Item = &'a str>) -> Cube {
    let hosts = hosts.iter().flat_map(|host| ["--host", host]);
    Cube::new(hosts.chain(args)).without_env("DOCKER_HOST")
}

#[test]
fn the_first_that_answers_is_used_and_reported_if_it_is_not_the_first() {
    let good = Engine::under_test().host();
    assert_eq!(cube(&[&good, NONE], ["ps", "-q"]).output().stderr, "");
    let shown = cube(&[NONE, NEITHER, &good], ["ps"]).stderr_has(NONE).stderr_has(NEITHER);
    shown.stderr_has(&format!("{good} is asked instead")).output();
    assert_eq!(cube(&[NONE, &good], ["-q", "ps"]).output().stderr, "");
    let hosts = format!("{NONE} {good}");
    let by_variable = Cube::new(["ps"]).without_env("DOCKER_HOST").env("CUBE_HOST", hosts);
    by_variable.stderr_has("is asked instead").output();
}

#[test]
fn if_no_host_answers_all_are_named() {
    let failed = cube(&[NONE, NEITHER], ["ps"]).fails(1).stderr_has(NONE).stderr_has(NEITHER);
    failed.stderr_has("none of the engines").output();
    let object = cube(&[NONE, NEITHER], ["-o", "json", "inspect", "web"]).ends(1).json();
    assert_eq!(object["error"]["kind"], "engine_unreachable", "{object}");
}

#[test]
fn an_engine_that_accepts_but_does_not_answer_is_skipped() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = (format!("tcp://{}", silent.local_addr().unwrap()), silent);
    cube(&[&silent.0, &Engine::under_test().host()], ["ps"])
        .stderr_has("did not answer within 10 s")
        .output();
}

#[test]
fn a_name_is_not_enough_after_an_engine_that_did_not_answer() {
    let bed = Bed::new();
    let good = Engine::under_test().host();
    let task = bed.start(["--image", &probe(), "--name", bed.name(), "out=here", "forever"]);
    let uuid = bed.engine().container(&task.id)["Config"]["Labels"]["cube.task.id"].clone();
    assert_eq!(cube(&[&good, NONE], ["logs", bed.name()]).text(), "here\n");
    for name in [bed.name(), &task.id[..12]] {
        let refused = cube(&[NONE, &good], ["stop", name]).ends(1).stderr_has("does not answer");
        refused.stderr_has(&task.id).output();
    }
    for name in [&task.id, uuid.as_str().unwrap()] {
        assert_eq!(cube(&[NONE, &good], ["logs", name]).any_stderr().text(), "here\n");
    }
    assert!(task.exists());
}

#[test]
fn a_container_is_searched_on_its_own_engine_only() {
    let quota = Quota::take();
    let (bed, image) = (Bed::on(quota.engine()), probe_on(quota.engine(), &[]));
    let task = bed.start(["--image", &image, "forever"]);
    let hosts = [Engine::under_test().host(), quota.engine().host()];
    cube(&[&hosts[0], &hosts[1]], ["logs", &task.id]).fails(1).stderr_has("no such task").output();
    cube(&[&hosts[1], &hosts[0]], ["logs", &task.id]).output();
}

#[test]
fn the_guard_removes_the_task_from_the_engine_that_runs_it() {
    let quota = Quota::take();
    let bed = Bed::on(quota.engine());
    let image = probe_on(quota.engine(), &[]);
    let (late, own) = (bed.path("late.sock"), quota.engine().host());
    let first = format!("unix://{}", late.display());
    let label = bed.label();
    let args = ["run", "-a", "--image", &image, "-l", &label, "out=up", "forever"];
    let mut running = cube(&[&first, &own], args).ends(-9).spawn();
    running.wait_for_stdout("up\n");
    let id = bed.containers().remove(0);
    // The first host answers now, but has no such task.
    symlink(Engine::under_test().host().trim_start_matches("unix://"), late).unwrap();
    running.signal(Signal::KILL);
    // The engine answers when the container is removed; 404 if it is already gone.
    bed.engine().send("POST", &format!("/containers/{id}/wait?condition=removed"), &[], b"");
    bed.assert_empty();
}
