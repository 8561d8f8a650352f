//! A container's log, as the engine kept it.

use hyper::{Method, body::Incoming};

use super::{
    Chunk, Container, Docker,
    frames::Decoder,
    transport::{self, Answer},
};
use crate::Error;

/// How many lines from the log's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tail {
    /// All there are.
    #[default]
    All,
    /// The last so many.
    Lines(u64),
}

/// Which part of the log, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Go on with what is written until the container ends.
    pub follow: bool,
    /// Only the last lines.
    pub tail: Tail,
    /// A time (RFC 3339, UTC, nine decimals) and a space before each line.
    pub timestamps: bool,
    /// Only what was written at or after this moment, as the engine writes it: `seconds.nanoseconds`.
    pub since: Option<String>,
    /// Only what was written before this moment.
    pub until: Option<String>,
}

/// A log on its way.
#[derive(Debug)]
pub struct Logs {
    body: Incoming,
    decoder: Decoder,
}

impl Logs {
    /// The next piece, or `None` at the log's end.
    ///
    /// # Errors
    /// [`crate::ErrorKind::ConnectionLost`] if the log broke off, or the engine's own failure.
    pub async fn next(&mut self) -> Result<Option<Chunk>, Error> {
        loop {
            if let Some(chunk) = self.decoder.next()? {
                return Ok(Some(chunk));
            }
            match transport::next_piece(&mut self.body).await? {
                Some(piece) => self.decoder.feed(piece),
                None => return self.decoder.finish().map(|()| None),
            }
        }
    }
}

impl Docker {
    /// The log of a container.
    ///
    /// # Errors
    /// [`crate::ErrorKind::TaskNotFound`], or the engine's refusal (a log driver that cannot be read).
    pub async fn logs(&self, container: &Container, options: &LogOptions) -> Result<Logs, Error> {
        let path = format!("/containers/{}/logs?{}", container.id, query(options));
        let response = self.transport.request(Method::GET, &path, None, &[], Answer::Stream).await?;
        Ok(Logs { body: response.into_body(), decoder: Decoder::new(container.tty) })
    }
}

fn query(options: &LogOptions) -> String {
    let mut query =
        format!("stdout=true&stderr=true&follow={}&timestamps={}", options.follow, options.timestamps);
    let tail = match options.tail {
        Tail::All => None,
        Tail::Lines(lines) => Some(lines.to_string()),
    };
    for (name, value) in [("tail", &tail), ("since", &options.since), ("until", &options.until)] {
        if let Some(value) = value {
            query.push_str(&format!("&{name}={value}"));
        }
    }
    query
}
