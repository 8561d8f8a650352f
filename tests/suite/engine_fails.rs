//! The engine is stopped or killed, and comes back, while cube follows, waits and stops.

use crate::testbed::private::Private;
use crate::testbed::proxy::Proxy;
use crate::testbed::{Bed, image};

/// How many lines the tasks write, one every 20 ms.
const LINES: usize = 150;
/// The line after which the engine goes away.
const MIDDLE: &str = "line-20\n";
/// The line after which a task waits until the engine is back: an engine may lose the last output of a task that ends
/// before.
const HOLD: usize = 100;

/// How the engine goes away.
#[derive(Clone, Copy, Debug)]
enum Way {
    Stopped,
    Killed,
}

fn go_and_come_back(private: &mut Private, way: Way) {
    match way {
        Way::Stopped => private.stop(),
        Way::Killed => private.kill(),
    }
    private.come_back();
}

/// `run`'s flags and the probe's actions: lines, one after the other, then the exit code 7. The last ones come when the
/// file `back` exists in the bed's folder.
fn talker(private: &Private, bed: &Bed) -> Vec<String> {
    let image = image::probe_on(private.engine(), &[]);
    let folder = format!("{}:/bed", bed.path("").display());
    let flags = ["--network", "none", "-v", &folder, "--image", &image, "say-signals"].map(str::to_owned);
    let line = |number| [format!("out=line-{number}"), "sleep=0.02".to_owned()];
    let (before, after) = ((0..HOLD).flat_map(line), (HOLD..LINES).flat_map(line));
    let rest = ["await=/bed/back".to_owned()].into_iter().chain(after).chain(["exit=7".to_owned()]);
    flags.into_iter().chain(before).chain(rest).collect()
}

/// The task's lines, in order, each once; its last words may follow.
fn lines_of(text: &str) -> usize {
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with("signal ")).collect();
    for (number, line) in lines.iter().enumerate() {
        assert_eq!(*line, format!("line-{number}"), "lost or doubled in {text}");
    }
    lines.len()
}

/// How many lines the engine kept of the task's output.
fn kept(private: &Private, id: &str) -> usize {
    let path = format!("/containers/{id}/logs?stdout=1");
    String::from_utf8_lossy(&private.engine().send("GET", &path, &[], &[]).body).matches("line-").count()
}

/// The exit code that the engine knows of the task.
fn exit_code(private: &Private, id: &str) -> i32 {
    private.engine().container(id)["State"]["ExitCode"].as_i64().unwrap().try_into().unwrap()
}

/// Two tasks, one attached to and one with `logs -f` and `wait`, while the engine goes and comes back.
fn follow_through(private: &mut Private, way: Way) -> [usize; 2] {
    let bed = Bed::on(private.engine());
    let args = talker(private, &bed);
    let task = bed.start(&args);
    let mut logs = bed.cube(["logs", "-f", &task.id]).spawn();
    let wait = bed.cube(["wait", &task.id]).ends_somehow().spawn();
    let attach = ["--attach", "--keep", "--name", bed.name()].map(str::to_owned);
    let mut attached = bed.run(attach.into_iter().chain(args)).ends_somehow().spawn();
    logs.wait_for_stdout(MIDDLE);
    attached.wait_for_stdout(MIDDLE);
    go_and_come_back(private, way);
    bed.file("back", "");
    let (attached, logs, wait) = (attached.finish(), logs.finish(), wait.finish());
    let codes = [exit_code(private, bed.name()), exit_code(private, &task.id)];
    assert_eq!([attached.status, wait.status], codes, "{}{}", attached.stderr, wait.stderr);
    let lines = [lines_of(&attached.text()), lines_of(&logs.text())];
    assert_eq!(lines, [kept(private, bed.name()), kept(private, &task.id)]);
    bed.cube(["stop", bed.name()]).output();
    lines
}

#[test]
fn tasks_that_survive_the_engine_are_followed_to_their_end() {
    let mut private = Private::start(true);
    for way in [Way::Stopped, Way::Killed] {
        assert_eq!(follow_through(&mut private, way), [LINES; 2], "{way:?}");
    }
}

#[test]
fn tasks_that_end_with_the_engine_are_reported_completely() {
    let mut private = Private::start(false);
    for way in [Way::Stopped, Way::Killed] {
        follow_through(&mut private, way);
    }
}

#[test]
fn an_interrupted_stop_is_reported_and_can_be_repeated() {
    for live_restore in [true, false] {
        let mut private = Private::start(live_restore);
        let image = image::probe_on(private.engine(), &[]);
        for way in [Way::Stopped, Way::Killed] {
            let bed = Bed::on(private.engine());
            let proxy = Proxy::before(private.engine(), None);
            let flags = ["--network", "none", "--stop-timeout", "1", "--image", &image];
            let task = bed.start(flags.iter().chain(&["ignore=15", "forever"]));
            let stop = bed.cube(["stop", "-t", "300", &task.id]).env("DOCKER_HOST", proxy.host());
            let stop = stop.fails(1).stderr_has(&task.id).spawn();
            proxy.wait_for("/stop");
            go_and_come_back(&mut private, way);
            stop.finish();
            bed.cube(["stop", "-t", "0", &task.id]).output();
            assert!(!task.exists());
        }
    }
}
