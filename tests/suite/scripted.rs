//! Scripted answers that a real engine gives too rarely.

use chrono::{TimeDelta, Utc};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::testbed::scripted::{Reply, Scripted};
use crate::testbed::{Bed, probe};

const ID: &str = "4a7d1ed414474e4033ac29ccb8653d9b2f6a8bd0f8f4f1d2c6a54c2ee0c59d11";

const UUID: &str = "6e1c8a52-3b1c-4ac3-9d3a-0f6f7d1f2a11";

fn created() -> Reply {
    Reply::json(201, json!({"Id": ID, "Warnings": []}).to_string())
}

/// An image without labels of tasks.
fn image() -> Reply {
    Reply::json(200, json!({"Id": ID, "Config": {"Labels": null}}).to_string())
}

/// A container of cube's in this state.
fn own_container(state: &Value) -> Reply {
    let label = json!({"cube.task.id": UUID});
    Reply::json(200, json!({"Id": ID, "Image": ID, "Config": {"Labels": label}, "State": state}).to_string())
}

fn at(verb: &str) -> String {
    verb.replace("ID", ID)
}

#[test]
fn a_start_that_the_engine_fails_removes_what_was_made() {
    let engine = Scripted::new()
        .on("POST /containers/create*", created())
        .on(&at("POST /containers/ID/start"), Reply::error(500, "the disk is on fire"))
        // An answer with the reason.
        .always(&at("GET /containers/ID/json"), Reply::error(404, "No such container: ID"))
        .on(&at("DELETE /containers/ID?*v=*"), Reply::empty(204));
    engine.cube(["run", "--image", "x"]).fails(125).stderr_has("the disk is on fire").output();
}

#[test]
fn settings_that_the_engine_ignored_are_reported() {
    let warnings =
        ["WARNING: Your kernel does not support memory limits. Limitation discarded.", "too\u{1b}[2Jbad"];
    let answer = Reply::json(201, json!({"Id": ID, "Warnings": warnings}).to_string());
    let engine = || {
        Scripted::new()
            .on("POST /containers/create*", answer.clone())
            .on(&at("POST /containers/ID/start"), Reply::empty(204))
    };
    let run = ["run", "--image", "x", "-m", "16m"];
    let (talks, silent) = (engine(), engine());
    let shown = talks.cube(run).stderr_has("warning: Your kernel does not support memory limits.").output();
    assert_eq!((shown.text(), shown.stderr.lines().count()), (format!("{ID}\n"), 2));
    assert!(!shown.stderr.contains('\u{1b}'));
    assert_eq!(silent.cube(run).env("CUBE_QUIET", "1").text(), format!("{ID}\n"));
}

#[test]
fn a_container_between_two_states_is_removed_soon() {
    let state = json!({"Status": "exited", "Running": false, "ExitCode": 0});
    let refused = "sending SIGKILL to container: container state improper: stopped";
    let engine = Scripted::new()
        .on(&at("GET /containers/ID/json"), own_container(&state))
        .on(&at("GET /images/ID/json"), image())
        .on(&at("DELETE /containers/ID?*v=*"), Reply::error(500, refused))
        .on(&at("DELETE /containers/ID?*v=*"), Reply::empty(204));
    assert_eq!(engine.cube(["stop", ID]).text(), format!("{ID}\n"));
}

/// podman says the same of a paused container, and of one that is ending.
#[test]
fn a_container_that_ends_while_it_is_stopped_is_not_unpaused() {
    let state = json!({"Status": "running", "Running": true});
    let stop = at("POST /containers/ID/stop");
    let engine = Scripted::new()
        .always(&at("GET /containers/ID/json"), own_container(&state))
        .on(&at("GET /images/ID/json"), image())
        .on(&stop, Reply::error(500, "can only stop created or running containers: container state improper"))
        .on(&stop, Reply::error(500, "container state improper: stopped"))
        .always(
            &at("POST /containers/ID/unpause"),
            Reply::error(500, "\"ID\" is not paused, can't unpause: container state improper"),
        )
        .on(&stop, Reply::empty(304))
        .on(&at("DELETE /containers/ID?*v=*"), Reply::empty(204));
    assert_eq!(engine.cube(["stop", "-t", "5", ID]).text(), format!("{ID}\n"));
}

/// podman's words for what Docker calls "is not running".
#[test]
fn a_container_that_ends_before_its_signal_is_stopped() {
    let state = json!({"Status": "running", "Running": true});
    let refused = "can only kill running containers. ID is in state exited: container state improper";
    let engine = Scripted::new()
        .always(&at("GET /containers/ID/json"), own_container(&state))
        .on(&at("GET /images/ID/json"), image())
        .on(&at("POST /containers/ID/kill"), Reply::error(409, refused))
        .on(&at("POST /containers/ID/wait"), Reply::json(200, json!({"StatusCode": 0}).to_string()))
        .on(&at("POST /containers/ID/stop"), Reply::empty(304))
        .on(&at("DELETE /containers/ID?*v=*"), Reply::empty(204));
    assert_eq!(engine.cube(["stop", "-s", "INT", "-t", "5", ID]).text(), format!("{ID}\n"));
}

/// An engine with a network of cube's that no container is on, and its refusal to remove it.
fn with_counted_network() -> (Scripted, Reply) {
    let labels = json!({"cube.network": UUID});
    let network =
        json!([{"Id": ID, "Name": "web", "Created": "2020-01-01T00:00:00Z", "Labels": labels}]).to_string();
    let refused = "error while removing network: network web id 4a has active endpoints";
    let engine = Scripted::new()
        .always("GET /containers/json*", Reply::json(200, "[]"))
        .always("GET /networks*", Reply::json(200, network))
        .always("GET /services*", Reply::error(503, "This node is not a swarm manager."));
    (engine, Reply::error(403, refused))
}

#[test]
fn a_network_that_the_engine_still_counts_as_used_is_removed_soon() {
    let (engine, refusal) = with_counted_network();
    let engine =
        engine.on(&at("DELETE /networks/ID"), refusal).on(&at("DELETE /networks/ID"), Reply::empty(204));
    engine.cube(["prune"]).any_stderr().output();
    assert_eq!(engine.count("DELETE /networks/"), 2);
}

#[test]
fn a_network_that_the_engine_counts_as_used_for_ever_is_named() {
    let (engine, refusal) = with_counted_network();
    let engine = engine.always(&at("DELETE /networks/ID"), refusal);
    engine.cube(["prune"]).fails(1).stderr_has("still counts the network web as used").output();
}

#[test]
fn another_client_s_removal_is_waited_for() {
    let state = json!({"Status": "removing", "Running": false, "ExitCode": 0});
    let under_way = || Reply::error(409, &at("removal of container ID is already in progress"));
    let engine = Scripted::new()
        .on(&at("GET /containers/ID/json"), own_container(&state))
        .on(&at("GET /images/ID/json"), image())
        .on(&at("DELETE /containers/ID?*v=*"), under_way())
        // The other removal failed: its answer does not prove that the container is gone.
        .on(&at("POST /containers/ID/wait?*condition=removed*"), Reply::error(500, "the disk is on fire"))
        .on(&at("DELETE /containers/ID?*v=*"), under_way())
        .on(&at("POST /containers/ID/wait?*condition=removed*"), Reply::json(200, r#"{"StatusCode":0}"#))
        .on(&at("DELETE /containers/ID?*v=*"), Reply::error(404, &at("No such container: ID")));
    assert_eq!(engine.cube(["stop", ID]).text(), format!("{ID}\n"));
}

#[test]
fn a_taken_port_is_recognized_in_every_engine_s_text() {
    let words = [
        "driver failed programming external connectivity on endpoint web (7a): Bind for 0.0.0.0:80 failed: port is already allocated",
        "driver failed programming external connectivity on endpoint web (7a): Error starting userland proxy: listen tcp4 0.0.0.0:80: bind: address already in use",
        "failed to set up container networking: driver failed programming external connectivity on endpoint web (7a): failed to bind host port for 0.0.0.0:80:172.17.0.2:80/tcp: address already in use",
        "driver failed programming external connectivity on endpoint web (7a): all ports are allocated",
    ];
    for message in words {
        let engine = Scripted::new()
            .on("POST /containers/create*", created())
            .on(&at("POST /containers/ID/start"), Reply::error(500, message))
            .always(&at("GET /containers/ID/json"), Reply::error(404, "No such container: ID"))
            .on(&at("DELETE /containers/ID?*v=*"), Reply::empty(204));
        let object = engine.cube(["-o", "json", "run", "--image", "x", "-p", "80:80"]).ends(125).json();
        assert_eq!(object["error"]["kind"], "port_taken", "{object}");
    }
}

#[test]
fn a_connection_cut_before_the_start_s_answer_leaves_nothing() {
    let engine = Scripted::new()
        .on("POST /containers/create*", created())
        .on(&at("POST /containers/ID/start"), Reply::Cut(Vec::new()))
        .on(&at("DELETE /containers/ID?*v=*"), Reply::empty(204));
    let object = engine.cube(["-o", "json", "run", "--image", "x"]).ends(125).json();
    assert_eq!(object["error"]["kind"], "connection_lost", "{object}");
}

#[test]
fn a_pull_that_fails_is_reported_by_its_reason() {
    let cases = [
        ("manifest for x:latest not found: manifest unknown", "image_not_found"),
        ("unauthorized: authentication required", "registry_auth"),
        ("toomanyrequests: You have reached your pull rate limit", "rate_limited"),
        ("received unexpected HTTP status: 503 Service Unavailable", "registry_failed"),
    ];
    for (message, kind) in cases {
        let line = json!({"errorDetail": {"message": message}, "error": message}).to_string() + "\r\n";
        let engine = Scripted::new()
            .always("POST /containers/create*", Reply::error(404, "No such image: x:latest"))
            .on("POST /images/create*", Reply::chunks(&[line.as_bytes()]));
        let args = ["-o", "json", "run", "--pull-retries", "0", "--image", "x"];
        let object = engine.cube(args).ends(125).json();
        assert_eq!(object["error"]["kind"], kind, "{object}");
        assert!(object["error"]["message"].as_str().unwrap().contains(message), "{object}");
    }
}

#[test]
fn a_pull_answer_with_only_an_error_field_is_an_error() {
    let engine = Scripted::new()
        .always("POST /containers/create*", Reply::error(404, "No such image: x:latest"))
        .on("POST /images/create*", Reply::chunks(&[b"{\"error\":\"toomanyrequests\"}\r\n"]));
    let object = engine.cube(["-o", "json", "run", "--pull-retries", "0", "--image", "x"]).ends(125).json();
    assert_eq!(object["error"]["kind"], "rate_limited", "{object}");
}

#[test]
fn passing_registry_errors_are_tried_again() {
    let busy =
        json!({"errorDetail": {"message": "received unexpected HTTP status: 502 Bad Gateway"}}).to_string();
    let refused = || Reply::chunks(&[busy.as_bytes()]);
    let engine = Scripted::new()
        .on("POST /containers/create*", Reply::error(404, "No such image: x:latest"))
        .on("POST /images/create*", refused())
        .on("POST /images/create*", refused());
    let run = engine.cube(["run", "--pull-retries", "1", "--image", "x"]).ends(125);
    run.stderr_has("502").output();
}

/// podman ends a followed log with the process, and a policy may have run another one before cube looks.
#[test]
fn the_output_of_a_process_between_two_looks_is_read_too() {
    let container = |status: &str, second: u8| {
        let started = format!("2026-01-01T00:00:0{second}Z");
        let state = json!({"Status": status, "StartedAt": started, "ExitCode": 0});
        let container = json!({"Id": ID, "Image": ID, "State": state}).to_string();
        Reply::json(200, container).with_header("Server", "Libpod/4.3.1 (linux)")
    };
    let log = |lines: &str| {
        let head = format!(
            "HTTP/1.1 200 OK\r\n\r\n\x01\0\0\0\0\0\0{}",
            char::from(u8::try_from(lines.len()).unwrap())
        );
        Reply::Cut((head + lines).into())
    };
    let engine = Scripted::new()
        .on(&at("GET /containers/ID/json"), container("running", 1))
        .always(&at("GET /containers/ID/json"), container("exited", 2))
        .on(&at("GET /containers/ID/logs?*follow=true*"), log("one\n"))
        .on(&at("GET /containers/ID/logs?*follow=false*"), log("one\ntwo\n"));
    assert_eq!(engine.cube(["logs", "-f", ID]).text(), "one\ntwo\n");
}

/// podman 4 begins to answer when the task writes, here never.
#[test]
fn a_silent_log_is_followed_beyond_the_limit_for_an_answer_and_to_its_own() {
    let container = json!({"Id": ID, "Image": ID, "State": {"Status": "running", "Running": true}});
    let container = Reply::json(200, container.to_string()).with_header("Server", "Libpod/4.3.1 (linux)");
    let engine = Scripted::new()
        .always(&at("GET /containers/ID/json"), container)
        .on(&at("GET /containers/ID/logs?*follow=true*"), Reply::Stall(Vec::new()))
        .on(
            &at("GET /containers/ID/logs?*follow=false*"),
            Reply::Cut(b"HTTP/1.1 200 OK\r\n\r\n\x01\0\0\0\0\0\0\x03up\n".to_vec()),
        );
    let until = (Utc::now() + TimeDelta::seconds(3)).to_rfc3339();
    let follows = engine.cube(["--engine-timeout", "1s", "logs", "-f", "--until", &until, ID]);
    assert_eq!(follows.text(), "up\n");
}

/// Docker, if the container is removed just as its followed log comes to its end.
#[test]
fn a_log_that_breaks_off_because_the_container_is_removed_has_ended() {
    let message = "Error grabbing logs: open /x/local-logs/container.log: no such file or directory";
    let frame = |kind: u8, text: &str| {
        [&[kind, 0, 0, 0, 0, 0, 0, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
    };
    let container = |status: &str| {
        let state = json!({"Status": status, "Running": status == "running", "ExitCode": 3});
        Reply::json(200, json!({"Id": ID, "Image": ID, "State": state}).to_string())
    };
    let gone = || Reply::error(404, &at("No such container: ID"));
    for (then, code) in [(gone(), 0), (container("removing"), 0), (container("running"), 1)] {
        let engine = Scripted::new()
            .on(&at("GET /containers/ID/json"), container("running"))
            .on(&at("GET /containers/ID/logs"), Reply::chunks(&[&frame(1, "up\n"), &frame(3, message)]))
            .always(&at("GET /containers/ID/json"), then);
        let follows = engine.cube(["logs", "-f", ID]).ends(code).output();
        assert_eq!(follows.text(), "up\n");
        assert_eq!(follows.stderr.contains("no such file"), code == 1, "{}", follows.stderr);
    }
}

#[test]
fn logs_that_break_off_are_an_error() {
    let frame = [b"\x01\x00\x00\x00\x00\x00\x00\x06".as_slice(), b"hello\n"].concat();
    let inspect = json!({"Id": ID, "Config": {"Tty": false, "Labels": {}}, "State": {"Status": "running", "Running": true}});
    let cut = Reply::chunks(&[&frame, &frame[..10]]).cut_after(110);
    let engine = Scripted::new()
        .always("GET /containers/*/json", Reply::json(200, inspect.to_string()))
        .on(&at("GET /containers/ID/logs"), cut);
    let output = engine.cube(["logs", ID]).ends(1).stderr_has("cube: ").output();
    assert!(output.text().starts_with("hello\n"), "what came is shown: {}", output.text());
}

/// podman while it removes a container: it answers with an error as text in place of the log.
fn removing() -> Scripted {
    let message = r#"{"cause":"no such container","message":"failed to obtain logs","response":500}"#;
    let waits = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let inspect = json!({"Id": ID, "Config": {"Tty": false, "Labels": {}}, "State": {"Status": "running", "Running": true}});
    Scripted::new()
        .on("POST /containers/create*", created())
        .on(&at("POST /containers/ID/start"), Reply::empty(204))
        .always("GET /containers/*/json", Reply::json(200, inspect.to_string()))
        .always(&at("POST /containers/ID/wait?condition=not-running"), Reply::Stall(waits.to_vec()))
        .always(&at("GET /containers/ID/logs"), Reply::chunks(&[message.as_bytes()]))
        .always(&at("DELETE /containers/ID?*"), Reply::empty(204))
}

#[test]
fn a_message_in_place_of_a_log_is_shown_with_a_hint() {
    let engine = removing().on(&at("POST /containers/ID/attach"), Reply::error(500, "no streams"));
    let run = engine.cube(["run", "-d", "--rm", "--wait-for", "log=never", "x"]).fails(125);
    let said = run.stderr_has("the engine sent a message in place of the task's output").output().stderr;
    assert!(said.contains("failed to obtain logs") && said.contains("hint: see by `cube ps -a`"), "{said}");
}

#[test]
fn a_death_before_ready_is_told_while_the_engine_gives_a_message_for_the_log() {
    let head = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n".as_slice();
    let attached = Reply::Cut([head, b"\x01\x00\x00\x00\x00\x00\x00\x06", b"alas!\n"].concat());
    let engine = removing()
        .on(&at("POST /containers/ID/attach"), attached)
        .on(&at("POST /containers/ID/wait?condition=next-exit"), Reply::json(200, r#"{"StatusCode":3}"#));
    let run = engine.cube(["run", "-d", "--rm", "--wait-for", "log=never", "x"]).fails(125);
    let said = run.stderr_has("exited with code 3").output().stderr;
    assert!(said.contains("\nalas!\n"), "{said}");
}

#[test]
fn an_answer_that_is_no_json_is_a_bad_answer() {
    let engine = Scripted::new()
        .on("POST /containers/create*", Reply::json(201, "<html>"))
        // A container may have been made: it is searched by its label.
        .on(
            "GET /containers/json*",
            Reply::json(
                200,
                format!(r#"[{{"Id":"{ID}","ImageID":"{ID}","Labels":{{"cube.task.id":"{UUID}"}}}}]"#),
            ),
        )
        .on(&at("GET /images/ID/json"), image())
        .on(&at("DELETE /containers/ID?*v=*"), Reply::empty(204))
        .on("GET /containers/json*", Reply::json(200, "[]"));
    let object = engine.cube(["-o", "json", "run", "--image", "x"]).ends(125).json();
    assert_eq!(object["error"]["kind"], "bad_answer", "{object}");
}

#[test]
fn an_engine_s_words_cannot_rewrite_the_terminal() {
    let engine = Scripted::new().on("POST /containers/create*", Reply::error(500, "a\u{1b}[2Jb\rc\u{9b}d"));
    let output = engine.cube(["run", "--image", "x"]).fails(125).output();
    assert!(!output.stderr.contains(['\u{1b}', '\r', '\u{9b}']), "{:?}", output.stderr);
}

#[test]
fn an_engine_that_hangs_does_not_keep_cube_from_ending() {
    let engine = Scripted::new()
        .on("POST /containers/create*", Reply::Stall(Vec::new()))
        .always("GET /containers/*", Reply::json(200, "[]"));
    let running = engine.cube(["run", "--image", "x"]).ends(143).spawn();
    engine.wait_for("POST /containers/create");
    running.signal(Signal::TERM);
    running.finish();
}

#[test]
fn a_container_that_is_listed_before_it_can_be_removed_is_removed_later() {
    let listed = || {
        let labels = json!({"cube.task.id": "0f4a6f0e-6d0f-4f6c-9d3b-3a52c4b4c3d1"});
        Reply::json(200, json!([{"Id": ID, "ImageID": ID, "State": "created", "Labels": labels}]).to_string())
    };
    let engine = Scripted::new()
        .on("POST /containers/create*", Reply::Stall(Vec::new()))
        .always(&at("GET /images/ID/json"), image())
        .on("GET /containers/json*", listed())
        .on(&at("DELETE /containers/ID?*v=*"), Reply::error(404, "No such container: x"))
        .on("GET /containers/json*", listed())
        .on(&at("DELETE /containers/ID?*v=*"), Reply::empty(204))
        .on("GET /containers/json*", Reply::json(200, "[]"));
    let running = engine.cube(["run", "--image", "x"]).ends(130).spawn();
    engine.wait_for("POST /containers/create");
    running.signal(Signal::INT);
    running.finish();
}

/// The real engine's answers, in the form that the scripts above repeat.
#[test]
fn the_scripted_answers_match_a_real_engine_s() {
    let bed = Bed::new();
    let says = |method: &str, path: &str, body: &Value| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = bed.engine().send(method, path, &["Content-Type: application/json"], body.as_bytes());
        (answer.status, answer.json()["message"].as_str().unwrap_or_default().to_owned())
    };
    let (status, message) = says("POST", "/containers/create", &json!({"Image": "cube-test/none:1"}));
    assert_eq!((status, message.contains("No such image: cube-test/none:1")), (404, true), "{message}");

    let taken = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let host = json!({"PortBindings": {"80/tcp": [{"HostPort": port}]}});
    let config = json!({"Image": probe(), "ExposedPorts": {"80/tcp": {}}, "HostConfig": host});
    let task = bed.foreign(bed.name(), config);
    let (status, message) = says("POST", &format!("/containers/{}/start", task.id), &Value::Null);
    assert_eq!((status, message.contains("address already in use")), (500, true), "{message}");
}
