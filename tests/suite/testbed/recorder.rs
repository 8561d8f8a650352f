//! A proxy between cube and a real engine that records each request with its answer.

use std::io::{self, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use tempfile::TempDir;

use super::request::Request;

/// A request and its answer.
pub struct Exchange {
    /// `METHOD /path`.
    pub request: String,
    /// The parts of the answer, each with the last request before it.
    pub answer: Vec<(String, Vec<u8>)>,
}

/// Listens until the tests end.
pub struct Recorder {
    folder: TempDir,
    kept: Arc<Mutex<Vec<Exchange>>>,
}

impl Recorder {
    /// In front of the engine at this socket.
    pub fn before(engine: &Path) -> Self {
        let folder = TempDir::with_prefix("cube-test-").unwrap();
        let listener = UnixListener::bind(folder.path().join("sock")).unwrap();
        let kept = Arc::<Mutex<_>>::default();
        let (shared, engine) = (Arc::clone(&kept), engine.to_owned());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (shared, engine) = (Arc::clone(&shared), engine.clone());
                thread::spawn(move || drop(serve(&client, &engine, &shared)));
            }
        });
        Self { folder, kept }
    }

    pub fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("sock").display())
    }

    /// The requests and answers so far, in the order of the requests.
    pub fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.kept.lock().unwrap())
    }
}

fn serve(client: &UnixStream, engine: &Path, kept: &Mutex<Vec<Exchange>>) -> io::Result<()> {
    let mut reader = BufReader::new(client);
    // One request a connection: the answer ends where the engine closes it.
    let Some(request) = Request::read(&mut reader)? else { return Ok(()) };
    let server = UnixStream::connect(engine)?;
    (&server).write_all(&forwarded(&request))?;
    let line = request.line();
    let path = line.split('?').next().unwrap_or_default().to_owned();
    let at = {
        let mut kept = kept.lock().unwrap();
        kept.push(Exchange { request: path, answer: Vec::new() });
        kept.len() - 1
    };
    if request.header("upgrade").is_some() {
        let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
        thread::spawn(move || {
            drop(io::copy(&mut from, &mut to));
            drop(to.shutdown(Shutdown::Write));
        });
    }
    let mut block = vec![0; 64 << 10];
    loop {
        let size = (&server).read(&mut block)?;
        if size == 0 {
            return client.shutdown(Shutdown::Both);
        }
        note(&mut kept.lock().unwrap(), at, &block[..size]);
        (&*client).write_all(&block[..size])?;
    }
}

/// Keeps a part of the answer to the request with this number.
fn note(kept: &mut [Exchange], number: usize, bytes: &[u8]) {
    let Some(last) = kept.last().map(|exchange| exchange.request.clone()) else { return };
    match kept.get_mut(number).map(|exchange| &mut exchange.answer) {
        Some(answer) if answer.last().is_some_and(|(before, _)| *before == last) => {
            answer.last_mut().unwrap().1.extend(bytes);
        }
        Some(answer) => answer.push((last, bytes.to_owned())),
        // The recording was already taken.
        None => {}
    }
}

/// The request with its length, and with a header that closes the connection after the answer.
fn forwarded(request: &Request) -> Vec<u8> {
    if request.header("upgrade").is_some() {
        return [request.head.as_bytes(), b"\r\n", &request.body].concat();
    }
    let replaced = ["connection:", "content-length:", "transfer-encoding:"];
    let kept = |line: &&str| !replaced.iter().any(|name| line.to_ascii_lowercase().starts_with(name));
    let head: Vec<&str> = request.head.lines().filter(kept).collect();
    let length = request.body.len();
    let head = format!("{}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n", head.join("\r\n"));
    [head.as_bytes(), &request.body].concat()
}
