//! A proxy between cube and a real engine that fails at one chosen request.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

use super::Engine;

/// How long a delayed request waits.
const DELAY: Duration = Duration::from_millis(300);

/// What happens to the chosen request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection closes before the request is passed on.
    CutBefore,
    /// The engine has answered, but the connection closes before a byte of the answer is passed on.
    CutAnswer,
    /// The connection closes in the middle of the answer's head.
    CutHead,
    /// The connection closes in the middle of the first piece of the answer's body, or after the head if there is no
    /// body.
    CutBody,
    /// The connection closes after the whole answer.
    CutBehind,
    /// The request is passed on, but no answer comes.
    Stall,
    /// The request is passed on late.
    Delay,
    /// The answer is a 500 that is not the engine's.
    Refuse,
    /// There is no engine from this request on.
    GoneBefore,
    /// The engine has answered, but the answer is lost, and then there is no engine.
    GoneAfter,
}

impl Fault {
    pub const ALL: [Self; 10] = [
        Self::CutBefore,
        Self::CutAnswer,
        Self::CutHead,
        Self::CutBody,
        Self::CutBehind,
        Self::Stall,
        Self::Delay,
        Self::Refuse,
        Self::GoneBefore,
        Self::GoneAfter,
    ];

    /// Whether no request is passed on.
    pub fn is_for_good(self) -> bool {
        matches!(self, Self::GoneBefore | Self::GoneAfter)
    }
}

/// The proxy; it ends with the test.
pub struct Proxy {
    folder: TempDir,
    shared: Arc<Shared>,
    // The first field, so that it is dropped first, which ends the thread.
    _life: watch::Sender<()>,
}

struct Shared {
    engine: PathBuf,
    chosen: Option<(usize, Fault)>,
    seen: Mutex<Vec<String>>,
    gone: watch::Sender<bool>,
    before: Mutex<Option<(String, Act)>>,
    /// Words of the requests that are held back.
    held: watch::Sender<Vec<String>>,
    /// Words of the requests that are refused.
    refused: Mutex<Option<&'static str>>,
}

/// An action of a test at a chosen moment.
type Act = Box<dyn FnOnce() + Send>;

impl Proxy {
    /// A proxy for `engine` that fails at the request `chosen.0`, counted from 0.
    pub fn before(engine: &Engine, chosen: Option<(usize, Fault)>) -> Self {
        let folder = TempDir::with_prefix("cube-test-").unwrap();
        let socket = folder.path().join("sock");
        let shared = Arc::new(Shared {
            engine: engine.host().trim_start_matches("unix://").into(),
            chosen,
            seen: Mutex::default(),
            gone: watch::channel(false).0,
            before: Mutex::default(),
            held: watch::channel(Vec::new()).0,
            refused: Mutex::default(),
        });
        let (life, mut end) = watch::channel(());
        let (path, state) = (socket.clone(), Arc::clone(&shared));
        let (bound, ready) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! {
                    () = listen(path, state, bound) => {}
                    _ = end.changed() => {}
                }
            });
        });
        ready.recv().unwrap();
        Self { folder, shared, _life: life }
    }

    /// The `DOCKER_HOST` for it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("sock").display())
    }

    /// The requests so far, as `METHOD /path?query`.
    pub fn seen(&self) -> Vec<String> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// Returns once a request with `words` in it has come.
    pub fn wait_for(&self, words: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.seen().iter().any(|line| line.contains(words)) {
            assert!(Instant::now() < deadline, "nobody asked {words}");
            std::thread::yield_now();
        }
    }

    /// Calls `act` before the first request with `words` in it is passed on.
    pub fn before_request(&self, words: &str, act: impl FnOnce() + Send + 'static) {
        *self.shared.before.lock().unwrap() = Some((words.to_owned(), Box::new(act)));
    }

    /// From now on, requests with one of the words in them are held back, as if the engine hung.
    pub fn hold(&self, words: &[&str]) {
        self.shared.held.send_replace(words.iter().map(|word| (*word).to_owned()).collect());
    }

    /// Passes on the requests that were held back.
    pub fn let_go(&self) {
        self.hold(&[]);
    }

    /// From now on, requests with `words` in them are refused, with a text that is not the engine's.
    pub fn refuse(&self, words: &'static str) {
        *self.shared.refused.lock().unwrap() = Some(words);
    }

    /// From now on there is no engine.
    pub fn go(&self) {
        self.shared.leave();
    }

    /// The engine is back, if it was gone.
    pub fn come_back(&self) {
        self.shared.gone.send_replace(false);
    }
}

async fn listen(socket: PathBuf, shared: Arc<Shared>, bound: std::sync::mpsc::Sender<()>) {
    let mut gone = shared.gone.subscribe();
    loop {
        let Ok(listener) = UnixListener::bind(&socket) else { return };
        let _ = bound.send(());
        while let Some(client) = accepted(&listener, &mut gone).await {
            let (shared, mut gone) = (Arc::clone(&shared), gone.clone());
            tokio::spawn(async move {
                tokio::select! {
                    _ = serve(client, &shared) => {}
                    _ = gone.wait_for(|gone| *gone) => {}
                }
            });
        }
        drop(listener);
        // After the test the folder is already gone.
        let _ = std::fs::remove_file(&socket);
        let _ = gone.wait_for(|gone| !*gone).await;
    }
}

async fn accepted(listener: &UnixListener, gone: &mut watch::Receiver<bool>) -> Option<UnixStream> {
    tokio::select! {
        client = listener.accept() => Some(client.unwrap().0),
        _ = gone.wait_for(|gone| *gone) => None,
    }
}

/// Serves one connection, request by request.
async fn serve(mut client: UnixStream, shared: &Shared) -> io::Result<()> {
    loop {
        let Some(request) = read_request(&mut client).await? else { return Ok(()) };
        let fault = shared.fault_at(&request);
        tokio::select! {
            biased;
            () = shared.let_pass(&request) => {}
            // A client that waits for an answer sends nothing, so this is its end.
            _ = client.read_u8() => return Ok(()),
        }
        match fault {
            Some(Fault::CutBefore) => return Ok(()),
            Some(Fault::GoneBefore) => {
                shared.leave();
                return Ok(());
            }
            Some(Fault::Refuse) => client.write_all(REFUSAL).await?,
            fault => {
                if fault == Some(Fault::Delay) {
                    tokio::time::sleep(DELAY).await;
                }
                let mut engine = UnixStream::connect(&shared.engine).await?;
                engine.write_all(&request).await?;
                if !answer(&request, &mut client, &mut engine, fault, shared).await? {
                    return Ok(());
                }
            }
        }
    }
}

const REFUSAL: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n\
                         Content-Length: 28\r\n\r\n{\"message\":\"not the engine\"}";

impl Shared {
    fn fault_at(&self, request: &[u8]) -> Option<Fault> {
        let line = request.split(|byte| *byte == b'\r').next().unwrap();
        let line = String::from_utf8_lossy(line);
        let mut before = self.before.lock().unwrap();
        if let Some((_, act)) = before.take_if(|(words, _)| line.contains(words.as_str())) {
            act();
        }
        let mut seen = self.seen.lock().unwrap();
        seen.push(line.trim_end_matches(" HTTP/1.1").to_owned());
        let refused = *self.refused.lock().unwrap();
        if refused.is_some_and(|words| line.contains(words)) {
            return Some(Fault::Refuse);
        }
        self.chosen.filter(|(at, _)| *at + 1 == seen.len()).map(|(_, fault)| fault)
    }

    /// Returns when the request is not held back, or no longer.
    async fn let_pass(&self, request: &[u8]) {
        let line = String::from_utf8_lossy(request.split(|byte| *byte == b'\r').next().unwrap()).into_owned();
        let passes = |held: &Vec<String>| !held.iter().any(|word| line.contains(word.as_str()));
        let _ = self.held.subscribe().wait_for(passes).await;
    }

    fn leave(&self) {
        self.gone.send_replace(true);
    }
}

/// Passes the engine's answer to `request` on, as far as `fault` allows; returns whether the connection goes on.
async fn answer(
    request: &[u8],
    client: &mut UnixStream,
    engine: &mut UnixStream,
    fault: Option<Fault>,
    shared: &Shared,
) -> io::Result<bool> {
    if fault == Some(Fault::Stall) {
        // Held until cube gives up.
        return client.read_u8().await.map(|_| false);
    }
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = head_end(&bytes) {
            break end;
        }
        if !more(client, engine, &mut bytes).await? {
            return Ok(false);
        }
    };
    match fault {
        Some(Fault::CutAnswer) => return Ok(false),
        Some(Fault::GoneAfter) => {
            shared.leave();
            return Ok(false);
        }
        Some(Fault::CutHead) => return client.write_all(&bytes[..end / 2]).await.map(|()| false),
        Some(Fault::CutBody) => return cut_body(client, engine, bytes, end).await.map(|()| false),
        _ => {}
    }
    // The answer to HEAD tells the length of a body that does not come.
    let body = if request.starts_with(b"HEAD ") {
        Body::Length(0)
    } else {
        Body::of(&String::from_utf8_lossy(&bytes[..end]))
    };
    client.write_all(&bytes).await?;
    if matches!(body, Body::Upgraded) {
        return copy_bidirectional(client, engine).await.map(|_| false);
    }
    let mut body_so_far = bytes.split_off(end);
    while !body.is_whole(&body_so_far) {
        let from = body_so_far.len();
        if !more(client, engine, &mut body_so_far).await? {
            return Ok(false);
        }
        client.write_all(&body_so_far[from..]).await?;
    }
    Ok(fault != Some(Fault::CutBehind))
}

async fn cut_body(
    client: &mut UnixStream,
    engine: &mut UnixStream,
    mut bytes: Vec<u8>,
    end: usize,
) -> io::Result<()> {
    let empty = Body::of(&String::from_utf8_lossy(&bytes[..end])).is_whole(&[]);
    if bytes.len() == end && !empty {
        // The head may come long before the body, so it is passed on at once.
        client.write_all(&bytes).await?;
        bytes.clear();
        more(client, engine, &mut bytes).await?;
        return client.write_all(&bytes[..bytes.len() / 2]).await;
    }
    client.write_all(&bytes[..usize::midpoint(end, bytes.len())]).await
}

/// Reads more of the engine's answer; false at its end, or when the client has gone.
async fn more(client: &mut UnixStream, engine: &mut UnixStream, bytes: &mut Vec<u8>) -> io::Result<bool> {
    tokio::select! {
        read = engine.read_buf(bytes) => Ok(read? > 0),
        // A client that waits for an answer sends nothing, so this is its end.
        _ = client.read_u8() => Ok(false),
    }
}

/// How the end of an answer's body is known.
enum Body {
    Length(usize),
    Chunks,
    Upgraded,
}

impl Body {
    fn of(head: &str) -> Self {
        let head = head.to_ascii_lowercase();
        let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        if head.starts_with("http/1.1 101") {
            Self::Upgraded
        } else if header("transfer-encoding:") == Some("chunked") {
            Self::Chunks
        } else {
            Self::Length(header("content-length:").map_or(0, |length| length.parse().unwrap()))
        }
    }

    fn is_whole(&self, body: &[u8]) -> bool {
        match self {
            Self::Length(length) => body.len() >= *length,
            // No text in the tests ends like this.
            Self::Chunks => body == b"0\r\n\r\n" || body.ends_with(b"\r\n0\r\n\r\n"),
            Self::Upgraded => false,
        }
    }
}

fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// A whole request; `None` when the connection has ended.
async fn read_request(client: &mut UnixStream) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = head_end(&bytes)
            && Body::of(&String::from_utf8_lossy(&bytes[..end])).is_whole(&bytes[end..])
        {
            return Ok(Some(bytes));
        }
        if client.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
}
