//! An engine with scripted answers, for cases that a real engine produces too rarely.

use std::io::{BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::request::Request;
use super::{Cube, cube, need};

/// Listens until it is dropped; then the test fails if there was an unexpected request or an expected one is missing.
pub struct Scripted {
    folder: TempDir,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    expected: Vec<Exchange>,
    /// What was asked, as `METHOD /path?query`.
    seen: Vec<String>,
    unexpected: Vec<String>,
}

struct Exchange {
    pattern: String,
    reply: Reply,
    repeats: bool,
}

/// A scripted answer.
#[derive(Clone)]
pub enum Reply {
    /// These bytes; the connection stays open for the next request.
    Raw(Vec<u8>),
    /// These bytes, then the connection is closed.
    Cut(Vec<u8>),
    /// These bytes, then nothing more, with the connection open.
    Stall(Vec<u8>),
    /// The first bytes, then the second for ever.
    Endless(Vec<u8>, Vec<u8>),
    /// These bytes, each part after a request that starts with the text; then the connection is closed.
    InTurn(Vec<(String, Vec<u8>)>),
}

impl Reply {
    /// A whole answer with a JSON body.
    pub fn json(status: u16, body: impl AsRef<str>) -> Self {
        let body = body.as_ref();
        let head = "Content-Type: application/json\r\nApi-Version: 1.41\r\nOstype: linux";
        let length = body.len();
        Self::Raw(format!("HTTP/1.1 {status} .\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}").into())
    }

    /// The same answer with one header more.
    pub fn with_header(self, name: &str, value: &str) -> Self {
        let Self::Raw(bytes) = self else { panic!("only a whole answer has a head of its own") };
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        Self::Raw([&bytes[..end], format!("{name}: {value}\r\n").as_bytes(), &bytes[end..]].concat())
    }

    /// A refusal as engines word it.
    pub fn error(status: u16, message: &str) -> Self {
        Self::json(status, serde_json::json!({ "message": message }).to_string())
    }

    /// Success without a body.
    pub fn empty(status: u16) -> Self {
        Self::Raw(format!("HTTP/1.1 {status} .\r\nApi-Version: 1.41\r\n\r\n").into())
    }

    /// A chunked answer, one chunk for each text.
    pub fn chunks(chunks: &[&[u8]]) -> Self {
        let mut raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for chunk in chunks.iter().chain([&b"".as_slice()]) {
            raw.extend(format!("{:x}\r\n", chunk.len()).bytes());
            raw.extend_from_slice(chunk);
            raw.extend_from_slice(b"\r\n");
        }
        Self::Raw(raw)
    }

    /// The same answer, cut after `size` bytes.
    pub fn cut_after(self, size: usize) -> Self {
        let (Self::Raw(mut bytes)
        | Self::Cut(mut bytes)
        | Self::Stall(mut bytes)
        | Self::Endless(mut bytes, _)) = self
        else {
            panic!("an answer in parts is cut by its parts");
        };
        bytes.truncate(size);
        Self::Cut(bytes)
    }
}

impl Scripted {
    pub fn new() -> Self {
        need::settle();
        let folder = TempDir::with_prefix("cube-test-").unwrap();
        let listener = UnixListener::bind(folder.path().join("sock")).unwrap();
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        // Ends with the process: no connection comes after the test.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || drop(serve(&stream, &shared)));
            }
        });
        Self { folder, state }
    }

    /// Expects `METHOD /path` once, where `*` stands for any text and a query may follow.
    pub fn on(self, pattern: &str, reply: Reply) -> Self {
        self.add(pattern, reply, false)
    }

    /// Answers it any number of times.
    pub fn always(self, pattern: &str, reply: Reply) -> Self {
        self.add(pattern, reply, true)
    }

    fn add(self, pattern: &str, reply: Reply, repeats: bool) -> Self {
        let exchange = Exchange { pattern: pattern.to_owned(), reply, repeats };
        self.state.lock().unwrap().expected.push(exchange);
        self
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("sock")
    }

    /// `cube ARGS` on this engine.
    pub fn cube<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Cube {
        Cube::new(args)
            .env("DOCKER_HOST", format!("unix://{}", self.socket().display()))
            .env("HOME", cube::scratch())
    }

    /// The number of requests that start with `request`.
    pub fn count(&self, request: &str) -> usize {
        self.state.lock().unwrap().seen.iter().filter(|seen| seen.starts_with(request)).count()
    }

    /// Returns when a request that starts with `request` has come.
    pub fn wait_for(&self, request: &str) {
        wait_for(&self.state, request);
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        let state = self.state.lock().unwrap();
        assert!(state.unexpected.is_empty(), "nobody expected {:?}", state.unexpected);
        let open = state.expected.iter().filter(|exchange| !exchange.repeats);
        let open: Vec<_> = open.map(|exchange| &exchange.pattern).collect();
        assert!(open.is_empty(), "did not come: {open:?} among {:?}", state.seen);
    }
}

impl State {
    fn reply_to(&mut self, request: &str) -> Reply {
        self.seen.push(request.to_owned());
        let path = request.split('?').next().unwrap_or_default();
        let at = self
            .expected
            .iter()
            .position(|exchange| matches(&exchange.pattern, path) || matches(&exchange.pattern, request));
        let Some(at) = at else {
            self.unexpected.push(request.to_owned());
            return Reply::error(500, "not in the script");
        };
        let reply = self.expected[at].reply.clone();
        if !self.expected[at].repeats {
            self.expected.remove(at);
        }
        reply
    }
}

/// Returns when a request that starts with `request` has come.
fn wait_for(state: &Mutex<State>, request: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !state.lock().unwrap().seen.iter().any(|seen| seen.starts_with(request)) {
        assert!(Instant::now() < deadline, "nobody asked {request}");
        thread::yield_now();
    }
}

fn serve(stream: &UnixStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(request) = Request::read(&mut reader)? {
        let reply = state.lock().unwrap().reply_to(&request.line());
        let mut out = stream;
        match reply {
            Reply::Raw(bytes) => out.write_all(&bytes)?,
            Reply::Cut(bytes) => return out.write_all(&bytes),
            Reply::InTurn(parts) => {
                for (request, bytes) in parts {
                    wait_for(state, &request);
                    out.write_all(&bytes)?;
                }
                return Ok(());
            }
            Reply::Endless(head, block) => {
                out.write_all(&head)?;
                loop {
                    out.write_all(&block)?;
                }
            }
            Reply::Stall(bytes) => {
                out.write_all(&bytes)?;
                // Until the client gives up.
                return std::io::copy(&mut reader, &mut std::io::sink()).map(drop);
            }
        }
    }
    Ok(())
}

/// Whether `pattern` is `text`, with `*` for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}
