//! An engine that records requests and starts nothing, and the requests of the Docker CLI and cube to it.

use std::ffi::OsString;
use std::io::{BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::testbed::{Cube, cube::scratch, need, request::Request};

/// A create request for a container.
#[derive(Clone, Debug, PartialEq)]
pub struct Create {
    pub name: String,
    pub platform: String,
    pub body: Value,
}

/// `METHOD /path?query`, and the body.
pub type Asked = (String, Vec<u8>);

/// An engine that records requests.
pub struct Recorder {
    folder: TempDir,
    seen: Arc<Mutex<Vec<Asked>>>,
}

impl Recorder {
    pub fn new(api: &'static str) -> Self {
        need::settle();
        let folder = TempDir::with_prefix("cube-test-").unwrap();
        let listener = UnixListener::bind(folder.path().join("sock")).unwrap();
        let seen = Arc::<Mutex<Vec<_>>>::default();
        let shared = Arc::clone(&seen);
        // Ends with the process: no connection comes after the test.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || drop(serve(&stream, api, &shared)));
            }
        });
        Self { folder, seen }
    }

    pub fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("sock")
    }

    pub fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    /// The last create request among those since the last call.
    pub fn create(&self) -> Option<Create> {
        let asked = self.take();
        let (request, body) =
            asked.iter().rev().find(|(request, _)| request.contains("/containers/create"))?;
        let query = request.split_once('?').map(|(_, query)| query).unwrap_or_default();
        let value = |key: &str| {
            let pair = query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
            pair.unwrap_or_default().replace("%2F", "/")
        };
        let body = serde_json::from_slice(body).unwrap();
        Some(Create { name: value("name"), platform: value("platform"), body })
    }

    /// The request of Docker's CLI for these words, and its output. Without a terminal the CLI refuses `run -t`;
    /// `docker create` sends the same request.
    pub fn by_docker(&self, words: &[String], folder: &Path) -> (Option<Create>, String) {
        let run = |verb: &str| {
            let mut docker = Command::new("docker");
            docker.arg(verb).args(words).current_dir(folder).stdin(Stdio::null());
            docker.env_clear().envs(self.env());
            String::from_utf8_lossy(&docker.output().unwrap().stderr).into_owned()
        };
        let said = run("run");
        let said = if said.contains("not a TTY") { run("create") } else { said };
        (self.create(), said)
    }

    pub fn by_cube(&self, words: &[String], folder: &Path) -> (Option<Create>, String) {
        let words = std::iter::once("run").chain(words.iter().map(String::as_str));
        let cube = self.env().into_iter().fold(Cube::new(words), |cube, (name, value)| cube.env(name, value));
        let output = cube.in_folder(folder).ends_somehow().output();
        (self.create(), output.stderr)
    }

    /// The environment of both: this engine, and no configuration.
    fn env(&self) -> [(&'static str, OsString); 3] {
        [
            ("PATH", std::env::var_os("PATH").unwrap()),
            ("DOCKER_HOST", self.host().into()),
            ("HOME", scratch().into()),
        ]
    }
}

fn serve(stream: &UnixStream, api: &str, seen: &Mutex<Vec<Asked>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(request) = Request::read(&mut reader)? {
        let answer = answer(&request.method, &request.target, api);
        let asked = format!("{} {}", request.method, request.target);
        seen.lock().unwrap().push((asked, request.body));
        (&*stream).write_all(&answer)?;
    }
    Ok(())
}

fn answer(method: &str, path: &str, api: &str) -> Vec<u8> {
    let id = "4a7d1ed414474e4033ac29ccb8653d9b2f6a8bd0f8f4f1d2c6a54c2ee0c59d11";
    let (status, body) = match () {
        () if path.ends_with("/_ping") => (200, "OK".to_owned()),
        () if path.contains("/containers/create") => (201, json!({"Id": id, "Warnings": []}).to_string()),
        () if path.contains("/images/create") => (200, "{}".to_owned()),
        () if method == "PUT" => (200, String::new()),
        () if path.ends_with("/connect") => (200, String::new()),
        () if path.contains("/images/") => (200, json!({"Id": id, "Config": {}}).to_string()),
        () if method == "DELETE" => (204, String::new()),
        () if path.contains("/containers/json") => (200, "[]".to_owned()),
        () => (500, json!({"message": "this engine starts nothing"}).to_string()),
    };
    let shown = if method == "HEAD" { "" } else { body.as_str() };
    let length = if status == 204 { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let head = format!("Api-Version: {api}\r\nOstype: linux\r\nServer: Docker/20.10.24 (linux)\r\n");
    format!("HTTP/1.1 {status} .\r\n{head}Content-Type: application/json\r\n{length}\r\n{shown}").into()
}
