//! `--wait-for`: ready at the right moment, and an error at once if the task can never be ready.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rustix::process::Signal;

use crate::testbed::scripted::{Reply, Scripted};
use crate::testbed::{Bed, Task, nobody, probe, probe_with, shell};

/// The time that the task wrote as its first line.
fn first_line_at(bed: &Bed, task: &Task) -> DateTime<Utc> {
    let mut logs = bed.cube(["logs", "-f", &task.id]).ends(130).spawn();
    logs.wait_for_stdout("\n");
    logs.wait_until_handling(Signal::INT);
    logs.signal(Signal::INT);
    DateTime::from_timestamp_nanos(logs.finish().text().trim().parse().unwrap())
}

/// The engine at an address that does not look local, while the test runs.
fn far_engine(bed: &Bed) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let socket = bed.engine().host().trim_start_matches("unix://").to_owned();
    std::thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let far = UnixStream::connect(&socket).unwrap();
            let (mut from_near, mut to_near) = (near.try_clone().unwrap(), near);
            let (mut from_far, mut to_far) = (far.try_clone().unwrap(), far);
            std::thread::spawn(move || {
                let _ = pass(&mut from_near, &mut to_far);
                let _ = to_far.shutdown(Shutdown::Write);
            });
            std::thread::spawn(move || {
                let _ = pass(&mut from_far, &mut to_near);
                let _ = to_near.shutdown(Shutdown::Both);
            });
        }
    });
    address
}

fn pass(from: &mut impl Read, to: &mut impl Write) -> std::io::Result<()> {
    let mut piece = vec![0; 65_536];
    loop {
        match from.read(&mut piece)? {
            0 => return Ok(()),
            size => to.write_all(&piece[..size])?,
        }
    }
}

#[test]
fn a_port_is_ready_exactly_when_something_listens() {
    let bed = Bed::new();
    for address in ["0.0.0.0:80", "[::]:80"] {
        let listen = format!("listen={address}");
        let task = bed.start([
            "--wait-for",
            "port",
            "--image",
            &probe_with(&["EXPOSE 80"]),
            "sleep=0.5",
            &listen,
            "now",
            "forever",
        ]);
        let ready = Utc::now();
        let mut greeting = String::new();
        let port = task.host_port("80/tcp");
        TcpStream::connect(("127.0.0.1", port)).unwrap().read_to_string(&mut greeting).unwrap();
        assert_eq!(greeting, "hello\n");
        let late = ready - first_line_at(&bed, &task);
        assert!(late.num_milliseconds() < 200, "{late} late");
    }
}

#[test]
fn a_udp_port_is_ready_once_it_is_bound() {
    let bed = Bed::new();
    bed.start(["--wait-for", "port=53/udp", "--image", &probe(), "udp=0.0.0.0:53", "forever"]);
}

#[test]
fn a_port_on_a_remote_engine_is_checked_through_the_image_or_the_published_port() {
    let bed = Bed::new();
    let far = far_engine(&bed);
    let image = probe_with(&["EXPOSE 80"]);
    let scratch =
        ["--wait-for", "port", "--image", &image, "sleep=0.5", "listen=0.0.0.0:80", "out=up", "forever"];
    let shell_image = shell();
    let with_cat =
        ["--wait-for", "port=80", "--image", &shell_image, "sh", "-c", "sleep 0.5; echo up; nc -l -p 80"];
    let runs: [Vec<&str>; 2] = [scratch.to_vec(), with_cat.to_vec()];
    for args in runs {
        let id = bed.run(args).env("DOCKER_HOST", &far).text();
        let log = bed.cube(["logs", id.trim_end()]).text();
        assert_eq!(log, "up\n");
        bed.cube(["stop", "-t", "0", id.trim_end()]).text();
    }
}

#[test]
fn a_listener_on_loopback_only_is_reported() {
    let bed = Bed::new();
    bed.run([
        "--wait-for",
        "port=80",
        "--wait-timeout",
        "5s",
        "--image",
        &probe(),
        "listen=127.0.0.1:80",
        "forever",
    ])
    .ends(124)
    .stderr_has("127.0.0.1:80 (loopback only)")
    .stderr_has("0.0.0.0")
    .output();
    bed.assert_empty();
}

#[test]
fn a_task_that_dies_first_ends_the_wait_at_once() {
    let bed = Bed::new();
    let begun = Instant::now();
    bed.run(["--wait-for", "port=80", "--image", &probe(), "out=last words", "exit=3"])
        .ends(125)
        .stderr_has("exited")
        .stderr_has("3")
        .stderr_has("last words")
        .output();
    // The wait would take a minute.
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    bed.assert_empty();
    let object =
        bed.run(["-o", "json", "--wait-for", "port=80", "--image", &probe(), "exit=3"]).ends(125).json();
    let ended = (&object["exit_code"], &object["state"], &object["container_id"]);
    assert_eq!(ended, (&3.into(), &"Failed".into(), &serde_json::Value::Null), "{object}");
}

#[test]
fn want_of_memory_is_named() {
    let bed = Bed::new();
    bed.run(["--wait-for", "port=80", "--memory", "16m", "--image", &probe(), "memory=200", "forever"])
        .ends(125)
        .stderr_has("exited with code 137")
        .stderr_has("--memory")
        .output();
}

#[test]
fn lines_of_both_streams_count_and_those_of_a_task_that_ended_too() {
    let bed = Bed::new();
    bed.start(["--wait-for", "log*2=^ready", "--image", &probe(), "out=ready", "err=ready", "forever"]);
    bed.start(["--wait-for", "log=done", "--wait-for", "exit", "--image", &probe(), "out=done", "exit=4"]);
    bed.run(["--wait-for", "log*2=up", "--wait-timeout", "5s", "--image", &probe(), "out=up", "forever"])
        .ends(124)
        .stderr_has("1 line of 2 matched so far")
        .output();
}

#[test]
fn a_restart_by_policy_is_not_a_death() {
    let bed = Bed::new();
    let script = "echo go; test -e /a || { touch /a; exit 5; }; nc -l -p 80";
    bed.start([
        "--restart",
        "on-failure:3",
        "--wait-for",
        "port=80",
        "--wait-for",
        "log*2=go",
        "--image",
        &shell(),
        "sh",
        "-c",
        script,
    ]);
}

#[test]
fn health_is_waited_for_and_its_failure_is_explained() {
    let bed = Bed::new();
    let probing = |command: &'static str| {
        ["--health-interval", "200ms", "--health-retries", "2", "--health-cmd", command]
    };
    let waiting = ["--wait-for", "healthy", "--image"];
    let image = shell();
    let sleeping = [image.as_str(), "sleep", "1000"];
    bed.start(probing("true").into_iter().chain(waiting).chain(sleeping));
    bed.run(probing("echo bad; exit 3").into_iter().chain(waiting).chain(sleeping))
        .ends(125)
        .stderr_has("unhealthy; the last probe exited with 3 and printed \"bad\"")
        .output();
    bed.run(waiting.into_iter().chain(sleeping)).ends(125).stderr_has("--health-cmd").output();
}

#[test]
fn http_accepts_a_good_status_and_reports_a_bad_one() {
    let bed = Bed::new();
    let image = probe_with(&["EXPOSE 80"]);
    let waiting = ["--wait-for", "http=80/up", "--wait-timeout", "6s", "--image"];
    for status in ["http=0.0.0.0:80/204", "http=0.0.0.0:80/302"] {
        bed.start(waiting.into_iter().chain([&image, "sleep=0.2", status, "forever"]));
    }
    bed.run(waiting.into_iter().chain([&image, "http=0.0.0.0:80/503", "forever"]))
        .ends(124)
        .stderr_has("answered with status 503")
        .output();
    let closed = probe();
    bed.run(waiting.into_iter().chain([&closed, "http=0.0.0.0:80/200", "forever"]))
        .ends(125)
        .stderr_has("not published")
        .output();
}

#[test]
fn a_command_in_the_task_is_run_until_it_succeeds() {
    let bed = Bed::new();
    let script = "sleep 0.3; touch /up; sleep 1000";
    bed.start(["--wait-for", "exec=test -e /up", "--image", &shell(), "sh", "-c", script]);
    bed.run([
        "--wait-for",
        "exec=echo not yet; exit 7",
        "--wait-timeout",
        "5s",
        "--image",
        &shell(),
        "sleep",
        "1000",
    ])
    .ends(124)
    .stderr_has("it exited with 7: \"not yet\"")
    .output();
    bed.run(["--wait-for", "exec=true", "--image", &probe(), "forever"])
        .ends(125)
        .stderr_has("no shell")
        .output();
}

#[test]
fn a_very_short_task_was_running() {
    let bed = Bed::new();
    for _ in 0..10 {
        let run = bed.run(["--attach", "--wait-for", "running", "--image", &probe(), "out=x"]);
        assert_eq!(run.text(), "x\n");
    }
}

const ID: &str = "0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b0a1b";

/// An engine's answer about a running container that publishes port 80 at `bindings`.
fn publishing(bindings: &serde_json::Value) -> Reply {
    let ports = serde_json::json!({"80/tcp": bindings});
    let host = serde_json::json!({"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": ""}]}});
    let body = serde_json::json!({
        "Id": ID, "State": {"Status": "running"}, "HostConfig": host, "NetworkSettings": {"Ports": ports},
    });
    Reply::json(200, body.to_string())
}

fn started() -> Scripted {
    Scripted::new()
        .on("POST /containers/create*", Reply::json(201, format!(r#"{{"Id":"{ID}","Warnings":[]}}"#)))
        .on("POST /containers/*/start", Reply::empty(204))
}

#[test]
fn ports_that_the_engine_reports_late_are_shown() {
    for late in [serde_json::json!([]), serde_json::Value::Null] {
        let shown = serde_json::json!([{"HostIp": "0.0.0.0", "HostPort": "4711"}]);
        let engine = started()
            .on("GET /containers/*/json", publishing(&late))
            .always("GET /containers/*/json", publishing(&shown));
        let text = engine.cube(["-o", "env", "run", "--image", "x"]).text();
        assert!(text.contains("CUBE_PORT='4711'") || text.contains("CUBE_PORT=4711"), "{text}");
    }
}

#[test]
fn a_health_check_that_the_engine_reports_late_is_used() {
    let health = |health: serde_json::Value| {
        let check = serde_json::json!({"Healthcheck": {"Test": ["CMD", "/check"]}});
        let state = serde_json::json!({"Status": "running", "Running": true, "Health": health});
        Reply::json(200, serde_json::json!({"Id": ID, "Config": check, "State": state}).to_string())
    };
    let engine = started()
        .on("GET /containers/*/json", health(serde_json::Value::Null))
        .on("GET /containers/*/json", health(serde_json::Value::Null))
        .always("GET /containers/*/json", health(serde_json::json!({"Status": "healthy"})))
        .always("POST /containers/*/exec", Reply::json(409, r#"{"message":"no exec here"}"#))
        .always("POST /containers/*/wait*", Reply::Stall(Vec::new()))
        .always("GET /events*", Reply::chunks(&[]))
        .always("GET /containers/*/logs*", Reply::chunks(&[]));
    let id = engine.cube(["run", "-q", "--wait-for", "healthy", "--image", "x"]).text();
    assert_eq!(id.trim_end(), ID);
}

#[test]
fn the_hint_of_a_time_out_does_not_depend_on_the_user_s_text() {
    let bed = Bed::new();
    let wait = ["--wait-for", "log=loopback only", "--wait-timeout", "3s"];
    let image = probe();
    let args = [&["-o", "json", "--image", &image], &wait[..], &["forever"]].concat();
    let hint = bed.run(args).ends(124).any_stderr().json()["error"]["hint"].clone();
    assert!(!hint.as_str().unwrap().contains("0.0.0.0"), "{hint}");
    bed.assert_empty();
}

#[test]
fn http_is_asked_where_cube_port_says() {
    let foreign = TcpListener::bind("[::1]:0").unwrap();
    let port = foreign.local_addr().unwrap().port().to_string();
    std::thread::spawn(move || {
        for mut peer in foreign.incoming().flatten() {
            let _ = peer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let (closed, _port) = nobody::port();
    let closed = closed.port().to_string();
    let both =
        serde_json::json!([{"HostIp": "0.0.0.0", "HostPort": closed}, {"HostIp": "::", "HostPort": port}]);
    let engine = started()
        .always("GET /containers/*/json", publishing(&both))
        .always("POST /containers/*/wait*", Reply::Stall(Vec::new()))
        .always("GET /containers/*/logs*", Reply::chunks(&[]))
        .always("DELETE /containers/*", Reply::empty(204));
    let args = ["run", "--wait-for", "http=80/", "--wait-timeout", "5s", "--image", "x"];
    engine.cube(args).ends(124).any_stderr().output();
}

#[test]
fn the_last_lines_of_a_task_are_bounded() {
    let bed = Bed::new();
    let args = ["--wait-for", "log=never", "--image", &probe(), "lines=20x100000", "exit=3"];
    let output = bed.run(args).ends(125).any_stderr().output();
    assert!(output.stderr.len() < 80 << 10, "{} bytes", output.stderr.len());
}
