//! Direct access to the engine under test, so that the tests do not rely on cube's answers.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cube::{Address, AddressChoice, Docker, Surroundings};
use serde_json::Value;

use super::need;

/// An engine at a Unix socket.
pub struct Engine {
    socket: PathBuf,
}

/// cube's library, connected to the engine at this `DOCKER_HOST`.
pub fn docker_at(host: String) -> Docker {
    let surroundings = Surroundings::of_process();
    let choice = AddressChoice { context: None, host: Some(host) };
    let address = Address::resolve(&choice, &surroundings).unwrap();
    Docker::connect(address, &surroundings, Docker::ANSWER_TIMEOUT).unwrap()
}

/// An engine's answer.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Engine {
    /// The engine under test; without one the test ends here.
    pub fn under_test() -> &'static Self {
        Self::found().unwrap_or_else(|| need::no_engine())
    }

    /// Whether there is an engine under test.
    pub fn is_there() -> bool {
        Self::found().is_some()
    }

    fn found() -> Option<&'static Self> {
        static ENGINE: OnceLock<Option<Engine>> = OnceLock::new();
        let found = ENGINE.get_or_init(|| {
            let host = std::env::var("DOCKER_HOST").unwrap_or_default();
            let path =
                if host.is_empty() { "/var/run/docker.sock" } else { host.trim_start_matches("unix://") };
            Some(Self::at(path)).filter(Self::answers)
        });
        found.as_ref()
    }

    /// The engine at this socket, which may not answer yet.
    pub fn at(socket: impl AsRef<Path>) -> Self {
        Self { socket: socket.as_ref().to_owned() }
    }

    /// The `DOCKER_HOST` for it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Whether it is up.
    pub fn answers(&self) -> bool {
        self.try_send("GET", "/_ping", &[], &[]).is_ok_and(|answer| answer.status == 200)
    }

    /// Whether it is podman.
    pub fn is_podman(&self) -> bool {
        self.get("/version")["Components"].to_string().contains("Podman Engine")
    }

    /// The JSON at `path`.
    pub fn get(&self, path: &str) -> Value {
        self.send("GET", path, &[], &[]).ok(path).json()
    }

    /// Whether there is something at `path`.
    pub fn has(&self, path: &str) -> bool {
        self.send("GET", path, &[], &[]).status == 200
    }

    /// Sends JSON (nothing if it is null) and returns the answer's JSON.
    pub fn post(&self, path: &str, body: &Value) -> Value {
        // The engine resets the connection if it gets a body that it does not read.
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send("POST", path, &["Content-Type: application/json"], body.as_bytes()).ok(path).json()
    }

    /// Removes what is at `path`, if it is there.
    pub fn delete(&self, path: &str) {
        self.send("DELETE", path, &[], &[]);
    }

    /// What the engine says of a container.
    pub fn container(&self, reference: &str) -> Value {
        self.get(&format!("/containers/{reference}/json"))
    }

    /// Whether there is such a container, in whatever state.
    pub fn has_container(&self, reference: &str) -> bool {
        self.has(&format!("/containers/{reference}/json"))
    }

    /// Ids of the containers with the label `key=value`, in whatever state.
    pub fn labelled(&self, label: &str) -> Vec<String> {
        let filter = escaped(&format!(r#"{{"label":["{label}"]}}"#));
        let found = self.get(&format!("/containers/json?all=1&filters={filter}"));
        let id = |container: &Value| container["Id"].as_str().unwrap().to_owned();
        found.as_array().unwrap().iter().map(id).collect()
    }

    /// Starts to watch events from now on. The engine keeps its last 256 events.
    pub fn watch(&self) -> Watch<'_> {
        Watch { engine: self, since: SystemTime::now() }
    }

    /// Sends one request and reads the whole answer.
    pub fn send(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Answer {
        let sent = self.try_send(method, path, headers, body);
        sent.unwrap_or_else(|error| panic!("{method} {path} at {}: {error}", self.socket.display()))
    }

    // HTTP/1.0: one request a connection, the answer ends where the connection ends.
    fn try_send(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> std::io::Result<Answer> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(Duration::from_mins(1)))?;
        write!(stream, "{method} {path} HTTP/1.0\r\nContent-Length: {}\r\n", body.len())?;
        for header in headers {
            write!(stream, "{header}\r\n")?;
        }
        stream.write_all(b"\r\n")?;
        stream.write_all(body)?;
        let mut raw = Vec::new();
        let end = stream.read_to_end(&mut raw);
        // An engine that has answered resets the connection if it did not read the padding of an archive.
        let has_all =
            !body.is_empty() && end.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionReset);
        if !has_all {
            end?;
        }
        Answer::parse(&raw).ok_or_else(|| std::io::Error::other(String::from_utf8_lossy(&raw)))
    }
}

/// What has happened on an engine since a moment.
pub struct Watch<'engine> {
    engine: &'engine Engine,
    since: SystemTime,
}

impl Watch<'_> {
    /// Ids of the containers that were made with the label `key=value`.
    pub fn containers_with(&self, label: &str) -> Vec<String> {
        let (key, value) = label.split_once('=').unwrap();
        // podman finds none by type and name.
        let all = self.events("{}");
        let made = all.iter().filter(|event| event["Type"] == "container" && event["Action"] == "create");
        let ours = made.filter(|event| event["Actor"]["Attributes"][key] == value);
        ours.map(|event| event["Actor"]["ID"].as_str().unwrap().to_owned()).collect()
    }

    /// Names of the volumes that were mounted into a container.
    pub fn volumes_of(&self, container: &str) -> Vec<String> {
        let mounted = self.events(r#"{"type":["volume"],"event":["mount"]}"#);
        let its = mounted.iter().filter(|event| event["Actor"]["Attributes"]["container"] == container);
        let mut names: Vec<_> = its.map(|event| event["Actor"]["ID"].as_str().unwrap().to_owned()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// All that happened to the containers with the label `key=value`, a line each.
    pub fn events_of(&self, label: &str) -> String {
        let all = self.events(&format!(r#"{{"label":["{label}"]}}"#));
        let line = |event: &Value| format!("{} {} {}\n", event["timeNano"], event["Action"], event["Actor"]);
        all.iter().map(line).collect()
    }

    fn events(&self, filters: &str) -> Vec<Value> {
        let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        let since = seconds(self.since);
        let end = if self.engine.is_podman() {
            // It stops reading its log of events at a time that is over, wherever it is.
            "stream=false".to_owned()
        } else {
            format!("until={:.6}", seconds(SystemTime::now()))
        };
        let path = format!("/events?since={since:.6}&{end}&filters={}", escaped(filters));
        let body = self.engine.send("GET", &path, &[], &[]).body;
        serde_json::Deserializer::from_slice(&body).into_iter().map(Result::unwrap).collect()
    }
}

impl Answer {
    fn parse(raw: &[u8]) -> Option<Self> {
        let end = raw.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&raw[..end]).ok()?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Self { status, body: raw[end + 4..].to_vec() })
    }

    fn ok(self, path: &str) -> Self {
        let text = String::from_utf8_lossy(&self.body);
        assert!((200..300).contains(&self.status), "{path}: {} {text}", self.status);
        self
    }

    /// The body; null when it is empty or a stream of several documents.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// Text as it may stand in a query.
pub fn escaped(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    let escape = |byte: u8| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(escape).collect()
}
