//! HTTP/1.1 as an engine speaks it: requests read, answers and streams written.

use std::io;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

use crate::{clock::Activity, random::Random};

/// A request.
#[derive(Debug)]
pub struct Asked {
    pub method: String,
    /// The path's words, without an API version.
    pub path: Vec<String>,
    pub query: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Asked {
    /// A value of the query.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether a value of the query says yes.
    pub fn says(&self, name: &str) -> bool {
        matches!(self.value(name), Some("true" | "1"))
    }

    /// The kind of call, for reports and the choice of faults.
    pub fn call(&self) -> &'static str {
        let words: Vec<&str> = self.path.iter().map(String::as_str).collect();
        match (self.method.as_str(), words.as_slice()) {
            ("POST", ["containers", "create"]) => "create",
            ("GET", ["containers", "json"]) => "list",
            ("GET", ["containers", _, "json"]) => "inspect",
            ("POST", ["containers", _, "start"]) => "start",
            ("POST", ["containers", _, "attach"]) => "attach",
            ("POST", ["containers", _, "stop"]) => "stop",
            ("POST", ["containers", _, "kill"]) => "kill",
            ("POST", ["containers", _, "wait"]) => "wait",
            ("GET", ["containers", _, "logs"]) => "logs",
            ("DELETE", ["containers", _]) => "remove",
            ("POST", ["images", "create"]) => "pull",
            ("GET", ["images", ..]) => "image",
            ("GET", ["networks"]) => "networks",
            ("POST", ["networks", "create"]) => "network create",
            ("DELETE", ["networks", _]) => "network remove",
            ("GET", ["services"]) => "services",
            ("POST", ["containers", _, "exec"]) => "exec create",
            ("POST", ["exec", _, "start"]) => "exec start",
            ("GET", ["exec", _, "json"]) => "exec inspect",
            ("GET", ["events"]) => "events",
            ("HEAD", ["containers", _, "archive"]) => "stat",
            _ => "other",
        }
    }
}

/// One end of a connection.
pub struct Wire {
    stream: UnixStream,
    read: Vec<u8>,
    activity: Activity,
    /// How many bytes of a stream go out before the connection breaks.
    pub breaks_after: Option<usize>,
}

impl Wire {
    pub fn new(stream: UnixStream, activity: Activity) -> Self {
        Self { stream, read: Vec::new(), activity, breaks_after: None }
    }

    /// The next request; `None` when the client has gone.
    pub async fn request(&mut self) -> io::Result<Option<Asked>> {
        let (head, length, mut asked) = loop {
            if let Some(found) = parse(&self.read) {
                break found;
            }
            if !self.fill().await? {
                return Ok(None);
            }
        };
        while self.read.len() < head + length {
            if !self.fill().await? {
                return Ok(None);
            }
        }
        asked.body = self.read[head..head + length].to_vec();
        self.read.drain(..head + length);
        Ok(Some(asked))
    }

    async fn fill(&mut self) -> io::Result<bool> {
        let read = self.stream.read_buf(&mut self.read).await?;
        self.activity.note();
        Ok(read > 0)
    }

    /// Writes the bytes, or as many of them as may go out, but at least one.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.activity.note();
        let Some(left) = self.breaks_after else { return self.stream.write_all(bytes).await };
        // Between two pieces of an attached stream, a connection that is closed looks like the end of the output.
        let part = bytes.len().min(left.max(1));
        self.stream.write_all(&bytes[..part]).await?;
        self.breaks_after = Some(left.saturating_sub(part));
        if part < bytes.len() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }
}

/// A request without its body, and the lengths of its head and of its body, once the whole head has come.
fn parse(bytes: &[u8]) -> Option<(usize, usize, Asked)> {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(bytes).expect("cube speaks HTTP") else {
        return None;
    };
    let length = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok());
    let target = request.path.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let words = path.split('/').filter(|word| !word.is_empty());
    let path = words.skip_while(|word| word.starts_with("v1.")).map(str::to_owned).collect();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let query = pairs.map(|(name, value)| (name.to_owned(), decoded(value))).collect();
    let method = request.method.unwrap_or_default().to_owned();
    Some((head, length.unwrap_or_default(), Asked { method, path, query, body: Vec::new() }))
}

fn decoded(value: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), value.as_bytes());
    while let Some((first, behind)) = rest.split_first() {
        let hex = behind.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = behind;
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The head of an answer; a body without a length comes in chunks.
pub fn head(status: u16, date: &str, length: Option<usize>) -> String {
    let body = match length {
        Some(length) => format!("Content-Length: {length}"),
        None => "Transfer-Encoding: chunked".to_owned(),
    };
    format!(
        "HTTP/1.1 {status} Said\r\nApi-Version: 1.41\r\nServer: Docker/20.10.24 (linux)\r\nDate: {date}\r\n\
         Content-Type: application/json\r\n{body}\r\n\r\n"
    )
}

/// A chunk of a body.
pub fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// The end of a body in chunks.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// A frame of a task's output.
pub fn frame(stream: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or_default().to_be_bytes();
    [&[stream, 0, 0, 0], length.as_slice(), bytes].concat()
}

/// A whole answer, with its length in the head or in chunks.
pub fn whole(status: u16, date: &str, body: &[u8], random: &mut Random) -> Vec<u8> {
    if status == 204 || status == 304 {
        let head = format!(
            "HTTP/1.1 {status} Said\r\nApi-Version: 1.41\r\nServer: Docker/20.10.24 (linux)\r\nDate: {date}\r\n\r\n"
        );
        return head.into_bytes();
    }
    if body.is_empty() || random.chance(500) {
        return [head(status, date, Some(body.len())).as_bytes(), body].concat();
    }
    let (first, second) = body.split_at(body.len() / 2);
    let first = if first.is_empty() { Vec::new() } else { chunk(first) };
    [head(status, date, None).as_bytes(), &first, &chunk(second), LAST_CHUNK].concat()
}
