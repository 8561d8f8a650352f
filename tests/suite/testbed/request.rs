//! Reads a request from a client.

use std::io::{self, BufRead, Read};

/// One request, read to its end.
pub struct Request {
    pub method: String,
    /// `/path?query`, with the API version if the client gave one.
    pub target: String,
    /// The first line and the headers as they came, without the empty line.
    pub head: String,
    pub body: Vec<u8>,
}

impl Request {
    /// The next request; `None` when the connection has ended.
    pub fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut head = String::new();
        if reader.read_line(&mut head)? == 0 {
            return Ok(None);
        }
        let mut words = head.split(' ').map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        loop {
            let begin = head.len();
            reader.read_line(&mut head)?;
            if head[begin..].trim().is_empty() {
                head.truncate(begin);
                break;
            }
        }
        let mut request = Self { method, target, head, body: Vec::new() };
        match (request.header("transfer-encoding"), request.header("content-length")) {
            (Some("chunked"), _) => read_chunks(reader, &mut request.body)?,
            (_, Some(length)) => {
                let length = length.parse().map_err(io::Error::other)?;
                reader.take(length).read_to_end(&mut request.body)?;
            }
            _ => {}
        }
        Ok(Some(request))
    }

    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields.into_iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// `METHOD /path?query` without an API version.
    pub fn line(&self) -> String {
        let target = &self.target;
        let versioned = target.strip_prefix("/v1.").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
        format!("{} {}", self.method, versioned.unwrap_or(target))
    }
}

/// Reads chunks up to the empty one.
fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        reader.by_ref().take(size).read_to_end(body)?;
        // The line end after each chunk.
        reader.read_line(&mut line)?;
        if size == 0 {
            return Ok(());
        }
    }
}
