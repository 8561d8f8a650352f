//! Unusual surroundings: resource limits, unwritable folders, closed and swapped streams, cube as the first process of
//! a container, shifted clocks. cube works or reports what is missing; in both cases nothing is left.

use serde_json::json;

use crate::killed::wait_until;
use crate::testbed::cube::Output;
use crate::testbed::cube::binary;
use crate::testbed::{Bed, Task, need, probe, shell};

/// A run in the foreground through a shell's `script`.
fn through(bed: &Bed, script: &str) -> Output {
    let run = bed.run(["--attach", "--network", "none", "--image", &probe(), "out=hi"]);
    run.by_shell(script).ends_somehow().output()
}

/// Checks that everything succeeded, or that one error says why not.
fn is_an_answer(bed: &Bed, script: &str) {
    let output = through(bed, script);
    let said = format!("{script}: {output:?}");
    assert!(!output.stderr.contains("panicked"), "{said}");
    match output.status {
        0 => assert_eq!(output.text(), "hi\n", "{said}"),
        125 => assert!(output.stderr.starts_with("cube: ") && output.stderr.contains("\n  hint: "), "{said}"),
        _ => panic!("{said}"),
    }
    bed.assert_empty();
}

#[test]
fn a_limit_that_is_reached_is_named() {
    let bed = Bed::new();
    // The system needs at least the size of the program to start it.
    for kib in [200_000, 400_000, 800_000] {
        is_an_answer(&bed, &format!(r#"ulimit -v {kib}; exec "$@""#));
    }
    is_an_answer(&bed, r#"ulimit -f 0; "$@" | cat"#);
    if need::is_root() {
        // Limits of processes do not apply to root. Other users need the socket's group.
        let socket = bed.engine().host().trim_start_matches("unix://").to_owned();
        let copy = "d=$(mktemp -d); chmod 755 $d; cp \"$1\" $d/cube; shift";
        for (uid, limit) in [(61001, 1), (61002, 2), (61003, 3), (61004, 8)] {
            let user = format!("setpriv --reuid={uid} --regid={uid} --groups=$(stat -c %g {socket})");
            let limited = format!("{user} prlimit --nproc={limit}:{limit} $d/cube \"$@\"");
            is_an_answer(&bed, &format!("{copy}; HOME=/ {limited}; code=$?; rm -r $d; exit $code"));
        }
    }
}

#[test]
fn a_file_over_the_size_limit_is_an_error_and_is_not_kept() {
    let bed = Bed::new();
    let (label, image) = (bed.label(), probe());
    let file = bed.path("cid").display().to_string();
    let run = bed.cube(["run", "--label", &label, "--cidfile", &file, "--image", &image, "forever"]);
    run.by_shell(r#"ulimit -f 0; exec "$@""#).fails(125).stderr_has("File too large").output();
    assert_eq!(std::fs::read_dir(bed.path("")).unwrap().count(), 0);
    bed.assert_empty();
}

#[test]
fn of_docker_s_configuration_what_cannot_be_used_is_told_and_the_rest_is_used() {
    let bed = Bed::new();
    let config = |text: &str| {
        bed.file("config.json", text);
        bed.path("")
    };
    let folder =
        config(r#"{"proxies":{"default":{"HttpProxy":"http://p:1","noProxy":["a"]}},"detachKeys":"foo"}"#);
    let say = ["--rm", &shell(), "sh", "-c", "echo $HTTP_PROXY"];
    let run = bed.run(say).env("DOCKER_CONFIG", &folder).stderr_has("warning: noProxy in ");
    assert_eq!(run.text(), "http://p:1\n");
    // Only a terminal needs the keys.
    let run = bed.run(["--rm", "-t", &shell(), "true"]).env("DOCKER_CONFIG", &folder).fails(125);
    run.stderr_has("cannot use detachKeys in ").output();
}

#[test]
fn what_is_to_be_signed_is_not_run() {
    let bed = Bed::new();
    let run = || bed.run(["--rm", &probe(), "out=unsigned"]).env("DOCKER_CONTENT_TRUST", "1");
    run().fails(125).stderr_has("DOCKER_CONTENT_TRUST asks for signatures").output();
    let pull = bed.cube(["pull", "127.0.0.1:1/x"]).env("DOCKER_CONTENT_TRUST", "true");
    pull.fails(1).stderr_has("DOCKER_CONTENT_TRUST asks for signatures").output();
    let run = bed.run(["--rm", "--disable-content-trust", &probe(), "out=unsigned"]);
    assert_eq!(run.env("DOCKER_CONTENT_TRUST", "1").text(), "unsigned\n");
    assert_eq!(bed.run(["--rm", &probe(), "out=off"]).env("DOCKER_CONTENT_TRUST", "0").text(), "off\n");
}

#[test]
fn a_variable_that_is_not_utf_8_is_passed_on_as_docker_does() {
    let bed = Bed::new();
    let say = ["--rm", "-e", "ODD", &shell(), "sh", "-c", "echo $ODD"];
    let odd = <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(b"x\xffy".to_vec());
    assert_eq!(bed.run(say).env("ODD", odd).text(), "x\u{fffd}y\n");
}

#[test]
fn no_folder_is_needed() {
    let bed = Bed::new();
    let place = bed.path("place").display().to_string();
    let make = format!("mkdir -p {place}; cd {place}");
    let works = |script: String| {
        let output = through(&bed, &script);
        assert_eq!((output.status, output.text().as_str()), (0, "hi\n"), "{script}: {output:?}");
    };
    works(format!(r#"{make}; rmdir {place}; exec "$@""#));
    works(r#"HOME=/nowhere TMPDIR=/nowhere exec "$@""#.to_owned());
    works(r#"unset HOME TMPDIR PATH; exec "$@""#.to_owned());
    if need::is_root() {
        for options in ["ro", "size=4k"] {
            let mount = format!("mount -t tmpfs -o {options} none {place}; cd {place}");
            // The first write takes the only page.
            let fill = "echo full >full 2>/dev/null";
            let inner = format!("{mount}; {fill}; HOME={place} TMPDIR={place} exec \"$@\"");
            works(format!("{make}; exec unshare -m sh -c '{inner}' sh \"$@\""));
        }
    }
    bed.assert_empty();
}

#[test]
fn closed_and_swapped_streams_do_no_harm() {
    let bed = Bed::new();
    for (redirected, shown) in [
        ("<&-", "hi\n"),
        ("2>&-", "hi\n"),
        (">&-", ""),
        ("<&- 2>&-", "hi\n"),
        ("<&- >&- 2>&-", ""),
        ("0>/dev/null", "hi\n"),
        ("2</dev/null", "hi\n"),
        ("3<&- 9</dev/null", "hi\n"),
    ] {
        let output = through(&bed, &format!(r#"exec env -- "$@" {redirected}"#));
        assert_eq!((output.status, output.text().as_str()), (0, shown), "{redirected}: {output:?}");
    }
    // Standard output is open for reading only, so writing fails.
    let output = through(&bed, r#"exec "$@" 1</dev/null"#);
    assert_eq!(output.status, 125, "{output:?}");
    assert!(output.stderr.contains("cube: cannot write the output"), "{output:?}");
    bed.assert_empty();
}

#[test]
fn clocks_may_begin_elsewhere() {
    if !need::is_root() {
        return;
    }
    let bed = Bed::new();
    for offset in ["--monotonic 1000000000 --boottime 1000000000", "--boottime 3000000000"] {
        let output = through(&bed, &format!(r#"exec unshare -T --fork {offset} "$@""#));
        assert_eq!((output.status, output.text().as_str()), (0, "hi\n"), "{offset}: {output:?}");
    }
    bed.assert_empty();
}

/// A container whose first process is cube, with the engine's socket, running `words` in the foreground.
fn first_process<'bed>(bed: &'bed Bed, name: &str, words: &[&str]) -> Task<'bed> {
    let (label, image) = (bed.label(), probe());
    let run = ["/cube", "run", "--attach", "--network", "none", "--label", &label, "--image", &image];
    let socket = bed.engine().host().trim_start_matches("unix://").to_owned();
    let binds = [format!("{}:/cube:ro", binary().display()), format!("{socket}:/var/run/docker.sock")];
    let host = json!({"Binds": binds, "NetworkMode": "none"});
    let words = [&run[..], words].concat();
    let config = json!({"Image": shell(), "Cmd": words, "HostConfig": host});
    let task = bed.foreign(&format!("{}-{name}", bed.name()), config);
    bed.engine().post(&format!("/containers/{}/start", task.id), &json!(null));
    task
}

#[test]
fn it_works_as_the_first_process_of_a_container() {
    let bed = Bed::new();
    let others = |own: &Task| bed.containers().into_iter().filter(|id| *id != own.id).collect::<Vec<_>>();
    let ended = first_process(&bed, "ends", &["out=hi", "exit=5"]);
    assert_eq!((ended.ended(), others(&ended)), (5, vec![]));
    drop(ended);
    let stopped = first_process(&bed, "stopped", &["out=hi", "forever"]);
    wait_until("it prints", || {
        let path = format!("/containers/{}/logs?stdout=1", stopped.id);
        bed.engine().send("GET", &path, &[], &[]).body.ends_with(b"hi\n")
    });
    bed.engine().post(&format!("/containers/{}/kill?signal=TERM", stopped.id), &json!(null));
    assert_eq!((stopped.ended(), others(&stopped)), (143, vec![]));
    drop(stopped);
    // If it is killed, the guard ends too, with the whole pid namespace.
    let killed = first_process(&bed, "killed", &["forever"]);
    wait_until("it starts its task", || others(&killed).first().is_some_and(|id| bed.runs(id)));
    bed.engine().post(&format!("/containers/{}/kill?signal=KILL", killed.id), &json!(null));
    killed.ended();
    let label = format!("label={}", bed.label());
    let left = bed.cube(["ps", "-a", "-q", "--filter", &label]).text();
    assert_eq!(left.lines().collect::<Vec<_>>(), others(&killed));
    // A process in another namespace cannot be checked from here, so its running task does not count as an orphan.
    assert_eq!(bed.cube(["prune", "--filter", &label]).text(), "");
    let task = bed.task(&others(&killed)[0]);
    bed.engine().post(&format!("/containers/{}/kill", task.id), &json!(null));
    task.ended();
    assert_eq!(bed.cube(["prune", "--filter", &label]).text().trim_end(), task.id);
}
