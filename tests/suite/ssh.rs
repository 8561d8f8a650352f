//! An engine over ssh: a real sshd that runs `docker system dial-stdio`.

use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::testbed::pattern::Noise;
use crate::testbed::proxy::{Fault, Proxy};
use crate::testbed::sshd::Sshd;
use crate::testbed::{Bed, probe};

#[test]
fn a_task_lives_and_ends_behind_ssh() {
    let (bed, sshd, image) = (Bed::new(), Sshd::shared(), probe());
    let detached = sshd.carry(&bed, bed.run(["--image", &image, "out=up", "say-signals", "forever"])).text();
    let id = detached.trim_end();
    assert_eq!(sshd.carry(&bed, bed.cube(["ps", "-q"])).text().matches(id).count(), 1);
    let exec = bed.cube(["exec", id, "/probe", "out=in", "exit=3"]);
    assert_eq!(sshd.carry(&bed, exec).exits(3).text(), "in\n");
    let mut logs = sshd.carry(&bed, bed.cube(["logs", "-f", id])).spawn();
    logs.wait_for_stdout("up\n");
    bed.engine().send("POST", &format!("/containers/{id}/kill?signal=TERM"), &[], &[]);
    assert_eq!(logs.finish().text(), "up\nsignal 15\n");
    assert_eq!(sshd.carry(&bed, bed.cube(["stop", id])).text(), detached);
}

#[test]
fn an_attached_task_s_bytes_and_code_come_through() {
    let (bed, sshd) = (Bed::new(), Sshd::shared());
    let run = bed.run(["--attach", "--image", &probe(), "bytes=300000", "exit=7"]);
    let output = sshd.carry(&bed, run).ends(7).output();
    assert!(output.stdout == Noise::new(300_000).flatten().collect::<Vec<u8>>(), "{}", output.stderr);
    bed.assert_empty();
}

#[test]
fn signals_to_cube_reach_the_task_or_stop_it() {
    let (bed, sshd) = (Bed::new(), Sshd::shared());
    let run = |ways: &[&str]| {
        let image = probe();
        let words: Vec<&str> = [&["--attach", "--image", &image][..], ways, &["out=up", "forever"]].concat();
        let running = sshd.carry(&bed, bed.run(words));
        move |code: i32| {
            let mut running = running.ends(code).spawn();
            running.wait_for_stdout("up\n");
            running
        }
    };
    // What does not end cube is passed on, and ends the task.
    let running = run(&["say-signals"])(138);
    running.signal(Signal::USR1);
    assert_eq!(running.finish().text(), "up\nsignal 10\n");
    for (signal, code) in [(Signal::HUP, 129), (Signal::INT, 130), (Signal::TERM, 143)] {
        let running = run(&["say-signals"])(code);
        running.signal(signal);
        assert_eq!(running.finish().text(), "up\nsignal 15\n");
        bed.assert_empty();
    }
    // The second signal does not wait for the grace.
    let mut running = run(&["ignore=15"])(130);
    running.signal(Signal::INT);
    running.wait_for_stderr("the next signal (Ctrl-C) kills it");
    running.signal(Signal::INT);
    let begun = Instant::now();
    running.finish();
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    bed.assert_empty();
}

#[test]
fn kill_and_stop_send_the_signal_that_was_asked_for() {
    let (bed, sshd) = (Bed::new(), Sshd::shared());
    let start = || bed.start(["--image", &probe(), "say-signals", "out=up", "forever"]);
    let task = start();
    let mut logs = sshd.carry(&bed, bed.cube(["logs", "-f", &task.id])).spawn();
    logs.wait_for_stdout("up\n");
    sshd.carry(&bed, bed.cube(["kill", "-s", "USR2", &task.id])).output();
    assert_eq!(task.ended(), 140);
    assert_eq!(logs.finish().text(), "up\nsignal 12\n");
    let task = start();
    let mut logs = sshd.carry(&bed, bed.cube(["logs", "-f", &task.id])).spawn();
    logs.wait_for_stdout("up\n");
    sshd.carry(&bed, bed.cube(["stop", "-s", "INT", &task.id])).output();
    assert_eq!(logs.finish().text(), "up\nsignal 2\n");
    assert!(!task.exists());
}

#[test]
fn input_reaches_the_task() {
    let (bed, sshd) = (Bed::new(), Sshd::shared());
    let run =
        bed.run(["--attach", "-i", "--image", &crate::testbed::shell(), "cat"]).stdin("there and back\n");
    assert_eq!(sshd.carry(&bed, run).text(), "there and back\n");
}

#[test]
fn broken_connections_are_made_again() {
    let (bed, sshd) = (Bed::new(), Sshd::shared());
    let lines = (0..100).flat_map(|number| [format!("out={number}"), "sleep=0.02".to_owned()]);
    let usual = ["--attach", "--image", &probe()].map(str::to_owned);
    let run = bed.run(usual.into_iter().chain(lines).chain(["exit=7".to_owned()]));
    let mut running = sshd.carry(&bed, run).exits(7).spawn();
    running.wait_for_stdout("20\n");
    // All connections for the output and the wait, but not the guard's.
    let killed = Command::new("pkill").args(["-KILL", "-P", &running.pid().to_string(), "ssh"]).status();
    assert!(killed.unwrap().success(), "cube had no ssh");
    let wanted: String = (0..100).map(|number| format!("{number}\n")).collect();
    assert_eq!(running.finish().text(), wanted);
    bed.assert_empty();
}

#[test]
fn a_killed_cube_leaves_nothing_behind_ssh() {
    let (bed, sshd) = (Bed::new(), Sshd::shared());
    let run = bed.run(["--attach", "--image", &probe(), "out=up", "forever"]);
    let mut running = sshd.carry(&bed, run).spawn();
    running.wait_for_stdout("up\n");
    bed.is_empty_after_kill(running);
}

#[test]
fn a_create_whose_answer_is_lost_leaves_nothing_behind_ssh() {
    let (bed, sshd) = (Bed::new(), Sshd::shared());
    let through = |proxy: &Proxy| {
        let host = proxy.host().replacen("unix://", &format!("ssh://127.0.0.1:{}", sshd.port()), 1);
        sshd.carry(&bed, bed.run(["--attach", "--image", &probe(), "exit=3"])).env("DOCKER_HOST", host)
    };
    let whole = Proxy::before(bed.engine(), None);
    through(&whole).exits(3).output();
    let create = whole.seen().iter().position(|line| line.contains("/containers/create")).unwrap();
    for fault in [Fault::CutBefore, Fault::CutAnswer, Fault::CutHead, Fault::CutBody] {
        let broken = Proxy::before(bed.engine(), Some((create, fault)));
        through(&broken).fails(125).stderr_has("cannot create").output();
        bed.assert_empty();
    }
}

#[test]
fn a_task_is_found_again_after_its_ssh_server_went_away() {
    let (bed, sshd) = (Bed::new(), Sshd::start());
    let run = bed.run(["--image", &probe(), "--name", bed.name(), "out=up", "forever"]);
    let id = sshd.carry(&bed, run).text();
    let ps = sshd.carry(&bed, bed.cube(["ps"])).fails(1).stderr_has("Connection refused");
    drop(sshd);
    ps.output();
    assert_eq!(bed.cube(["stop", id.trim_end()]).text(), id);
}

/// Checks that `ps` fails with this message, and that `run` makes nothing.
fn refused(bed: &Bed, key: &str, known: &str, why: &str) {
    let sshd = Sshd::shared();
    let file = |name: &str| if name == "none" { bed.path("none") } else { sshd.file(name) };
    let (key, known) = (file(key), file(known));
    let watch = bed.engine().watch();
    sshd.carry_as(bed, bed.cube(["ps"]), &key, &known).fails(1).stderr_has(why).output();
    let image = probe();
    let run = bed.run(["-o", "json", "--image", &image]);
    let object = sshd.carry_as(bed, run, &key, &known).ends(125).within(Duration::from_mins(1)).json();
    assert_eq!(object["error"]["kind"], "engine_unreachable", "{object}");
    assert!(watch.containers_with(&bed.label()).is_empty());
}

#[test]
fn an_unknown_ssh_server_is_not_used() {
    refused(&Bed::new(), "client", "none", "Host key verification failed");
}

#[test]
fn an_unknown_key_is_refused() {
    refused(&Bed::new(), "host", "known", "Permission denied (publickey)");
}

#[test]
fn a_missing_socket_on_the_remote_machine_is_reported() {
    let (bed, sshd) = (Bed::new(), Sshd::shared());
    let ps = sshd.carry(&bed, bed.cube(["ps"]));
    let host = format!("ssh://127.0.0.1:{}/no/such.sock", sshd.port());
    ps.env("DOCKER_HOST", host).fails(1).stderr_has("/no/such.sock").output();
}
