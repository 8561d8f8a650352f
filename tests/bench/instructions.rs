//! Counts cube's instructions with callgrind, which do not depend on the machine's load.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::{Map, Value, json};

use crate::programs;

/// The image that the lines name; the engine of these measurements runs nothing.
const IMAGE: &str = "example:1";
const ID: &str = "4a7d1ed414474e4033ac29ccb8653d9b2f6a8bd0f8f4f1d2c6a54c2ee0c59d11";

/// The command lines; each is measured as one process of cube, without its guard. The second form is for an older
/// binary, which may know only the scripting form.
const LINES: [(&[&str], &[&str]); 7] = [
    (&["--version"], &["--version"]),
    (&["ps"], &["ps"]),
    (&["port", "web", "80"], &["port", "web", "80"]),
    (&["run", "--dry-run", IMAGE], &["run", "--dry-run", "--image", IMAGE]),
    (&["run", "-d", IMAGE], &["run", "--image", IMAGE]),
    (&["run", IMAGE, "true"], &["run", "--attach", "--image", IMAGE, "true"]),
    (&["stop", "web"], &["stop", "web"]),
];

/// The numbers for each line, of cube and of the older binary `before` if there is one; `None` without valgrind.
pub fn counts(before: Option<&str>) -> Option<Map<String, Value>> {
    let folder = tempfile::tempdir().unwrap();
    let valgrind = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
    if !valgrind.is_ok_and(|status| status.success()) {
        eprintln!("instructions are not counted: valgrind is not installed");
        return None;
    }
    answer_at(&folder.path().join("sock"));
    let count = |(line, older): &(&[&str], &[&str])| {
        let own = instructions(programs::cube(), line, folder.path());
        let before = before.map(|before| instructions(before, older, folder.path()));
        (line.join(" "), json!({"cube": own, "before": before}))
    };
    Some(LINES.iter().map(count).collect())
}

/// The same as a table in Markdown.
pub fn table(counts: &Map<String, Value>) -> String {
    let million =
        |count: &Value| count.as_f64().map_or_else(String::new, |count| format!("{:.3}", count / 1e6));
    let row = |(line, count): (&String, &Value)| {
        format!("| `{line}` | {} | {} |\n", million(&count["before"]), million(&count["cube"]))
    };
    let rows: String = counts.iter().map(row).collect();
    format!("| million instructions | before | now |\n|---|--:|--:|\n{rows}")
}

/// Runs `program` once, in an environment that is the same everywhere.
fn instructions(program: &str, line: &[&str], folder: &Path) -> u64 {
    let mut command = Command::new("valgrind");
    command.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", folder.join("out.%p").display()));
    command.arg(program).args(line).current_dir(folder).env_clear();
    command.env("PATH", "/usr/bin:/bin").env("HOME", folder);
    command.env("DOCKER_HOST", format!("unix://{}", folder.join("sock").display()));
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let own = format!("=={}== Collected : ", child.id());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line:?}: {said}");
    said.lines().find_map(|line| line.strip_prefix(&own)?.trim().parse().ok()).unwrap()
}

/// An engine that answers at once, for as long as the process lives.
fn answer_at(socket: &Path) {
    let listener = UnixListener::bind(socket).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || drop(serve(&stream)));
        }
    });
}

fn serve(mut stream: &UnixStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        let (request, mut length) = (std::mem::take(&mut line), 0);
        while reader.read_line(&mut line)? > 2 {
            let header = std::mem::take(&mut line).to_ascii_lowercase();
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        line.clear();
        reader.read_exact(&mut vec![0; length])?;
        stream.write_all(&answer(&request))?;
        if request.contains("/attach?") {
            // A task without output: its streams end at once.
            return Ok(());
        }
    }
    Ok(())
}

fn answer(request: &str) -> Vec<u8> {
    let (status, body) = match () {
        () if request.contains("/attach?") => {
            return b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n".to_vec();
        }
        () if request.starts_with("DELETE") || request.contains("/start") => (204, String::new()),
        () if request.contains("/stop") || request.contains("/kill") => (204, String::new()),
        () if request.contains("/create") => (201, json!({"Id": ID, "Warnings": []}).to_string()),
        () if request.contains("/wait?") => (200, json!({"StatusCode": 0}).to_string()),
        () if request.contains("/containers/json") => (200, "[]".to_owned()),
        () if request.contains("/images/") => (200, json!({"Id": ID, "Config": {}}).to_string()),
        () => (200, container().to_string()),
    };
    let length = if status == 204 { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let head = format!("HTTP/1.1 {status} .\r\nApi-Version: 1.41\r\nOstype: linux\r\n{length}\r\n");
    [head, body].concat().into()
}

fn container() -> Value {
    json!({"Id": ID, "Name": "/web", "Image": "sha256:0", "Created": "2026-01-02T03:04:05Z",
        "State": {"Status": "exited", "Running": false, "ExitCode": 0},
        "Config": {"Image": IMAGE, "Labels": {"cube.task.id": "6e1c8a52-3b1c-4ac3-9d3a-0f6f7d1f2a11"}},
        "NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "32768"}]}}})
}
