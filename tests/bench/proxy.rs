//! A proxy in front of the engine that counts requests and bytes.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

/// The counts.
#[derive(Clone, Default)]
pub struct Counted {
    /// Method and path of each request, ids and queries left out.
    pub requests: Vec<String>,
    pub sent: u64,
    pub received: u64,
}

/// A counting proxy, for as long as the process lives.
pub struct Proxy {
    path: PathBuf,
    counted: Arc<Mutex<Counted>>,
}

impl Proxy {
    /// Listens in `folder` before the engine at `socket`.
    pub fn before(socket: &str, folder: &Path) -> Self {
        let (path, engine) = (folder.join("engine.sock"), socket.to_owned());
        let listener = UnixListener::bind(&path).unwrap();
        let counted = Arc::new(Mutex::new(Counted::default()));
        let all = Arc::clone(&counted);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (engine, all) = (UnixStream::connect(&engine).unwrap(), Arc::clone(&all));
                thread::spawn(move || pass(&client, &engine, &all));
            }
        });
        Self { path, counted }
    }

    pub fn host(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    /// The counts since the last call.
    pub fn take(&self) -> Counted {
        std::mem::take(&mut self.counted.lock().unwrap())
    }
}

fn pass(client: &UnixStream, engine: &UnixStream, counted: &Mutex<Counted>) {
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut requests = Requests::default();
            copy(client, engine, |bytes| {
                let mut counted = counted.lock().unwrap();
                counted.sent += bytes.len() as u64;
                requests.read(bytes, &mut counted.requests);
            });
        });
        copy(engine, client, |bytes| counted.lock().unwrap().received += bytes.len() as u64);
    });
}

fn copy(mut from: &UnixStream, mut to: &UnixStream, mut look: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        look(&buffer[..read]);
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// Finds the requests in a client's bytes. Bodies have a known length; after an upgrade everything is raw.
#[derive(Default)]
struct Requests {
    head: Vec<u8>,
    body: usize,
    raw: bool,
}

impl Requests {
    fn read(&mut self, mut bytes: &[u8], found: &mut Vec<String>) {
        while !bytes.is_empty() && !self.raw {
            let body = self.body.min(bytes.len());
            self.body -= body;
            bytes = &bytes[body..];
            while let Some((first, rest)) = bytes.split_first() {
                self.head.push(*first);
                bytes = rest;
                if self.head.ends_with(b"\r\n\r\n") {
                    found.push(self.finish());
                    break;
                }
            }
        }
    }

    fn finish(&mut self) -> String {
        let head = String::from_utf8(std::mem::take(&mut self.head)).unwrap().to_lowercase();
        assert!(!head.contains("transfer-encoding"), "a body of unknown length: {head}");
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        self.body = length.map_or(0, |length| length.parse().unwrap());
        self.raw = head.contains("upgrade: ");
        short(head.lines().next().unwrap())
    }
}

/// `post /v1.41/containers/0a1b…/start?t=0 http/1.1` as `POST containers/start`.
fn short(line: &str) -> String {
    let (method, target) = line.split_once(' ').unwrap();
    let path = target.split(['?', ' ']).next().unwrap();
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty() && !part.starts_with("v1.")).collect();
    let named = |at: usize| {
        at == 1 && matches!(parts[0], "containers" | "exec") && !matches!(parts[1], "json" | "create")
    };
    let kept: Vec<_> =
        parts.iter().enumerate().filter(|(at, _)| !named(*at)).map(|(_, part)| *part).collect();
    format!("{} {}", method.to_uppercase(), kept.join("/"))
}
