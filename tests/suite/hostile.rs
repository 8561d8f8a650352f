//! A hostile or broken engine: cube ends with an error, in bounded memory, and no text of the engine controls the
//! terminal.

use std::io::Write;

use serde_json::json;

use crate::testbed::Cube;
use crate::testbed::scripted::{Reply, Scripted};

const ID: &str = "4a7d1ed414474e4033ac29ccb8653d9b2f6a8bd0f8f4f1d2c6a54c2ee0c59d11";
const UUID: &str = "6e1c8a52-3b1c-4ac3-9d3a-0f6f7d1f2a11";
/// The limit of cube's address space, in KiB: cube reads at most 64 MiB of an answer.
const MEMORY: u64 = 300 << 10;
/// The limit if the answer is a stream. The binary and the stacks of threads need some of it.
const STREAMING: u64 = 100 << 10;

const STREAM: &[u8] =
    b"HTTP/1.1 200 OK\r\nServer: Docker/20.10.24 (linux)\r\nContent-Type: application/json\r\n\r\n";

fn inspect() -> Reply {
    Reply::json(200, json!({"Id": ID, "State": {"Status": "exited"}, "Config": {"Labels": {}}}).to_string())
}

fn logs(frames: &[u8]) -> Scripted {
    Scripted::new()
        .always("GET /containers/*/json", inspect())
        .on("GET /containers/*/logs", Reply::Cut([STREAM, frames].concat()))
}

/// The error's kind, from the one JSON object on stdout.
fn kind(cube: Cube, code: i32) -> String {
    let object = cube.env("CUBE_OUTPUT", "json").ends(code).json();
    object["error"]["kind"].as_str().unwrap_or_else(|| panic!("no error in {object}")).to_owned()
}

#[test]
fn answers_with_wrong_types_are_reported() {
    for body in [r#"[{"Id":5}]"#, r#"{"message":1}"#, "[1]", "null", "", "[", "\"x\"", r#"[{"Id":"a"}"#] {
        let engine = Scripted::new().on("GET /containers/json", Reply::json(200, body));
        assert_eq!(kind(engine.cube(["ps"]), 1), "bad_answer", "{body}");
    }
    for body in ["[]", "5", r#"{"Id":[]}"#, r#"{"Id":"x","State":7}"#, "{}"] {
        let engine = Scripted::new().on("GET /containers/*/json", Reply::json(200, body));
        assert_eq!(kind(engine.cube(["port", ID]), 1), "bad_answer", "{body}");
    }
}

#[test]
fn an_invalid_id_is_not_used_in_a_path() {
    for id in ["../../images/x", "a?force=1#z", "", "a b", "a\r\nx"] {
        let engine = Scripted::new()
            .on("POST /containers/create*", Reply::json(201, json!({"Id": id}).to_string()))
            .always("GET /containers/json*", Reply::json(200, "[]"));
        assert_eq!(kind(engine.cube(["run", "--image", "x"]), 125), "bad_answer", "{id}");
        let listed = json!([{"Id": id, "State": "exited", "Labels": {"cube.task.id": UUID}}]);
        let engine = Scripted::new()
            .on("GET /containers/json", Reply::json(200, listed.to_string()))
            .on("GET /networks", Reply::json(200, "[]"))
            .on("GET /services", Reply::error(503, "This node is not a swarm manager."));
        assert_eq!(engine.cube(["prune"]).text(), "");
    }
}

#[test]
fn an_invalid_name_is_not_used_in_a_path() {
    let none = ["-H", "unix:///no/such.sock"];
    for name in ["../images/x", "a?force=1#z", "a b", "", "-", "a/b", "%2e%2e"] {
        for verb in ["stop", "logs", "inspect", "wait", "port"] {
            Cube::new(none.into_iter().chain([verb, "--", name])).fails(2).output();
        }
        Cube::new(none.into_iter().chain(["exec", "--", name, "true"])).fails(2).output();
    }
}

#[test]
fn an_endless_answer_ends_with_an_error_in_bounded_memory() {
    let item = br#"{"Id":"a"},"#.repeat(4_096);
    let engine = Scripted::new().on("GET /containers/json", Reply::Endless([STREAM, b"["].concat(), item));
    engine.cube(["ps"]).memory_kib(MEMORY).fails(1).stderr_has("too large").output();
    let engine = Scripted::new()
        .on("POST /images/create*", Reply::Endless(STREAM.to_vec(), br#"{"status":"a"#.repeat(4_096)));
    engine.cube(["pull", "x"]).memory_kib(STREAMING).fails(1).stderr_has("a line without end").output();
}

#[test]
fn an_error_text_of_ten_megabytes_is_cut() {
    let text = "x\u{1b}[2J".repeat(2_000_000);
    let engine = Scripted::new().on("POST /containers/create*", Reply::error(500, &text));
    let output = engine.cube(["run", "--image", "x"]).memory_kib(MEMORY).fails(125).output();
    assert!(output.stderr.len() < 10_000 && !output.stderr.contains('\u{1b}'), "{}", output.stderr.len());
}

#[test]
fn a_stream_with_bad_frames_is_an_error() {
    let absurd = [&[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff][..], b"some"].concat();
    let cases: [(&[u8], &str); 5] = [
        (b"\x09\0\0\0\0\0\0\x01x", "bad_answer"),
        (b"\x01\x01\0\0\0\0\0\x01x", "bad_answer"),
        (b"HTTP/1.1 400 Bad Request", "bad_answer"),
        (&absurd, "connection_lost"),
        (b"\x03\0\0\0\0\0\0\x04oops", "engine"),
    ];
    for (frames, expected) in cases {
        let engine = logs(frames);
        let logs = engine.cube(["-o", "json", "logs", ID]).memory_kib(STREAMING);
        let object = logs.ends(1).output().text();
        let last = object.lines().last().unwrap();
        assert!(last.contains(&format!(r#""kind":"{expected}""#)), "{frames:?}: {object}");
    }
}

#[test]
fn an_endless_frame_takes_no_memory() {
    let head = [STREAM, &[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]].concat();
    let engine = Scripted::new()
        .always("GET /containers/*/json", inspect())
        .on("GET /containers/*/logs", Reply::Endless(head, vec![b'x'; 1 << 16]));
    let logs = engine.cube(["logs", ID]).memory_kib(STREAMING);
    logs.stdout_to(Enough(300 << 20)).sink_may_stop().any_stderr().output();
}

/// Reads this many bytes, then stops reading.
struct Enough(usize);

impl Write for Enough {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or_else(|| std::io::Error::other("enough"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn nothing_that_an_engine_names_rewrites_the_terminal() {
    let evil = "\u{1b}[2J\u{9b}1m\u{7}\u{202e}x\r\ny";
    let clean = |text: &str| !text.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}');
    let listed = json!([{
        "Id": ID, "ImageID": ID, "Names": [format!("/{evil}")], "Image": evil, "State": "running", "Status": evil,
        "Labels": {"cube.task.id": UUID}, "Ports": [{"IP": evil, "PrivatePort": 80, "PublicPort": 1, "Type": "tcp"}],
    }]);
    let engine = Scripted::new()
        .on("GET /containers/json", Reply::json(200, listed.to_string()))
        .on("GET /images/*/json", Reply::json(200, "{}"));
    let text = engine.cube(["ps"]).text();
    assert!(clean(&text) && text.lines().count() == 2, "{text:?}");

    let line = json!({"id": evil, "status": evil, "progressDetail": {"current": 1, "total": 2}}).to_string();
    let failure = json!({"errorDetail": {"message": evil}}).to_string();
    let body = format!("{line}\r\n{failure}\r\n");
    let engine = Scripted::new().on("POST /images/create*", Reply::chunks(&[body.as_bytes()]));
    let output = engine.cube(["pull", "--pull-retries", "0", "x"]).fails(1).output();
    assert!(clean(&output.stderr), "{:?}", output.stderr);

    let ports = json!({"80/tcp": [{"HostIp": evil, "HostPort": "1"}]});
    let body =
        json!({"Id": ID, "Name": evil, "State": {"Status": "running"}, "NetworkSettings": {"Ports": ports}});
    let engine = Scripted::new().on("GET /containers/*/json", Reply::json(200, body.to_string()));
    assert_eq!(engine.cube(["port", ID]).text(), "");

    for output in ["json", "env"] {
        let engine = Scripted::new()
            .on(
                "POST /containers/create*",
                Reply::json(201, format!(r#"{{"Id":"{ID}","Warnings":["{}"]}}"#, "\\u202ew")),
            )
            .on("POST /containers/*/start", Reply::empty(204))
            .always("GET /containers/*/json", Reply::json(200, body.to_string()));
        let run = engine.cube(["-o", output, "run", "--image", "x"]).any_stderr().output();
        assert!(clean(&run.text()) && clean(&run.stderr), "{output}: {run:?}");
    }
    let refused = Cube::new(["run", "--image", "x", "--name", evil]).env("HOME", "/nonexistent");
    let output = refused.fails(125).output();
    assert!(clean(&output.stderr), "{:?}", output.stderr);
}

#[test]
fn unknown_states_are_not_an_error() {
    let body =
        json!({"Id": ID, "Name": "/x", "State": {"Status": "levitating", "Health": {"Status": "odd"}}});
    let engine = Scripted::new().on("GET /containers/*/json", Reply::json(200, body.to_string()));
    let object = engine.cube(["-o", "json", "port", ID]).json();
    assert_eq!(object["result"], "success", "{object}");
}

#[test]
fn an_exit_code_that_no_process_has_is_an_error() {
    let state = json!({"Status": "exited", "Running": false, "ExitCode": 0});
    let body = json!({"Id": ID, "State": state, "Config": {"Labels": {}}}).to_string();
    let upgraded = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n".to_vec();
    for code in [-1_i64, 256, 1 << 40] {
        let waited = || Reply::json(200, json!({ "StatusCode": code }).to_string());
        let says = format!("the exit code {code}");
        let engine = Scripted::new()
            .always("GET /containers/*/json", Reply::json(200, &body))
            .on("POST /containers/*/wait", waited());
        engine.cube(["wait", ID]).ends(1).stderr_has(&says).output();
        let engine = Scripted::new()
            .on("POST /containers/create*", Reply::json(201, json!({"Id": ID, "Warnings": []}).to_string()))
            .on("POST /containers/*/attach", Reply::Cut(upgraded.clone()))
            .on("POST /containers/*/start", Reply::empty(204))
            .always("GET /containers/*/json", Reply::json(200, &body))
            .always("GET /containers/*/logs", Reply::Cut(STREAM.to_vec()))
            .always("GET /events", Reply::Cut(STREAM.to_vec()))
            .on("POST /containers/*/wait", waited())
            .on("DELETE /containers/*", Reply::empty(204));
        let output = engine
            .cube(["-o", "json", "run", "--attach", "--image", "x"])
            .ends(125)
            .stderr_has(&says)
            .output();
        let object: serde_json::Value = serde_json::from_str(output.stderr.lines().last().unwrap()).unwrap();
        assert_eq!(
            (&object["exit_code"], &object["error"]["kind"]),
            (&json!(code), &json!("bad_answer")),
            "{object}"
        );
    }
}

#[test]
fn endless_layers_take_no_memory_on_a_terminal() {
    let layer = |number: u32| json!({"id": format!("{number:012x}"), "status": "Downloading", "progressDetail": {"current": 1, "total": 2}});
    let lines: String = (0..100_000).map(|number| format!("{}\r\n", layer(number))).collect();
    let last = json!({"status": "Digest: sha256:00"}).to_string();
    let engine = Scripted::new()
        .on("POST /images/create*", Reply::chunks(&[lines.as_bytes(), last.as_bytes()]))
        .always("GET /images/*/json", Reply::json(200, json!({"Id": ID, "RepoDigests": []}).to_string()));
    // On its own terminal.
    let script = format!(r#"ulimit -v {STREAMING}; exec script -qefc "$*" /dev/null"#);
    let output = engine.cube(["pull", "x"]).env("TERM", "xterm").by_shell(&script).any_stderr().output();
    let text = output.text();
    assert!(
        text.contains("pulling") && text.contains('\u{1b}'),
        "no terminal: {}",
        &text[..text.len().min(300)]
    );
}
