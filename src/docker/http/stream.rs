//! Requests whose answer is a task's output, each over its own connection. cube reads the connection itself: hyper's
//! body needs twice the instructions for a log with short lines, see `tests/bench/README.md`.

use std::{fmt, time::Duration};

use bytes::{Bytes, BytesMut};
use hyper::{Method, StatusCode};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{
    docker::http::{
        answer_time::answered_within,
        chunked::Malformed,
        client::{Transport, USER_AGENT},
        coalesce::Coalescer,
        dial,
        head::head,
        length::Length,
        refusal::{self, RefusalText, call::Call},
    },
    error::Error,
};

/// How much is read at a time.
const READ: usize = 64 << 10;

/// Reads a connection in pieces of up to 64 KiB.
#[derive(Debug)]
pub(crate) struct ByteSource<R> {
    stream: R,
    buffer: BytesMut,
    coalescer: Coalescer,
}

impl<R: AsyncRead + Unpin> ByteSource<R> {
    /// A source that begins with bytes that were read already.
    pub(crate) fn new(stream: R, read: BytesMut) -> Self {
        Self { stream, buffer: read, coalescer: Coalescer::default() }
    }

    /// The next piece, or `None` once the other side has closed. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> std::io::Result<Option<Bytes>> {
        if self.buffer.is_empty() {
            self.coalescer.rest();
            self.buffer.reserve(READ);
            let read = self.stream.read_buf(&mut self.buffer).await?;
            self.coalescer.note(read);
        }
        Ok((!self.buffer.is_empty()).then(|| self.buffer.split().freeze()))
    }
}

/// The body of an answer.
pub(crate) struct Body {
    source: ByteSource<dial::Stream>,
    input: Bytes,
    length: Length,
    transport: Transport,
    path: String,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Body {
    /// The next piece, or `None` at the body's end. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`crate::ErrorKind::ConnectionLost`] if the connection ends before the body does.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            if let Some(piece) = self.length.take(&mut self.input).map_err(|e| self.malformed(e))? {
                return Ok(Some(piece));
            }
            if self.length.is_over() {
                return Ok(None);
            }
            match self.source.next().await {
                Ok(Some(piece)) => self.input = piece,
                Ok(None) if matches!(self.length, Length::Open) => return Ok(None),
                Ok(None) => return Err(refusal::broken(&"it was closed before the answer's end")),
                Err(error) => return Err(self.transport.broken(&error)),
            }
        }
    }

    fn malformed(&self, _: Malformed) -> Error {
        refusal::bad_answer(&self.path, &"its body is not chunked as HTTP/1.1 says")
    }
}

impl Transport {
    /// Asks for a body that may be long.
    ///
    /// # Errors
    /// Those of opening a connection, or the engine's refusal.
    pub(crate) async fn stream(&self, path: &str) -> Result<Body, Error> {
        self.opened(Method::GET, path, None, self.limit()).await.map(|(_, body)| body)
    }

    /// The same if the answer may begin only with what the body waits for.
    ///
    /// # Errors
    /// As [`Transport::stream`].
    pub(crate) async fn stream_at_any_time(&self, path: &str) -> Result<Body, Error> {
        self.opened(Method::GET, path, None, Duration::MAX).await.map(|(_, body)| body)
    }

    /// Sends a request whose answer is the connection itself. Returns the connection and the bytes already read from
    /// it; `None` if the engine, or a proxy in front of it, does not upgrade the connection.
    ///
    /// # Errors
    /// As [`Transport::stream`].
    pub(crate) async fn upgrade(
        &self,
        path: &str,
        body: &[u8],
    ) -> Result<Option<(dial::Stream, BytesMut)>, Error> {
        let (status, body) = self.opened(Method::POST, path, Some(body), self.limit()).await?;
        let own = status == StatusCode::SWITCHING_PROTOCOLS;
        Ok(own.then(|| (body.source.stream, BytesMut::from(body.input))))
    }

    /// Sends a request; a request with a body asks for an upgrade.
    async fn opened(
        &self,
        method: Method,
        path: &str,
        body: Option<&[u8]>,
        limit: Duration,
    ) -> Result<(StatusCode, Body), Error> {
        tracing::debug!("{method} {}", path.split('?').next().unwrap_or(path));
        let request = self.written(&method, path, body);
        let asked = answered_within(limit, self.ask(&request, path)).await;
        let (status, body) = asked.map_err(|_| refusal::too_slow(limit))??;
        if status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok((status, body));
        }
        Err(self.refused(Call::of(&method, path), status, body).await)
    }

    fn written(&self, method: &Method, path: &str, body: Option<&[u8]>) -> Vec<u8> {
        let host = self.host();
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: {USER_AGENT}\r\n");
        if let Some(body) = body {
            let length = body.len();
            head += "connection: Upgrade\r\nupgrade: tcp\r\ncontent-type: application/json\r\n";
            head += &format!("content-length: {length}\r\n");
        }
        [head.as_bytes(), b"\r\n", body.unwrap_or_default()].concat()
    }

    async fn ask(&self, request: &[u8], path: &str) -> Result<(StatusCode, Body), Error> {
        let mut stream = self.dial().await?;
        let sent = async {
            stream.write_all(request).await?;
            stream.flush().await
        };
        // An engine that refuses may close the connection early; its answer gives the better reason.
        let sent = sent.await;
        if sent.is_err() {
            // Otherwise an engine that is still there would wait for the rest, and cube for the engine.
            let _ = stream.shutdown().await;
        }
        let mut read = BytesMut::with_capacity(READ);
        let head = loop {
            match stream.read_buf(&mut read).await {
                Ok(0) if let Err(error) = &sent => return Err(self.broken(error)),
                Ok(0) => return Err(refusal::broken(&"it was closed before the answer")),
                Ok(_) => {}
                Err(error) => return Err(self.broken(&error)),
            }
            if let Some(head) = head(&mut read).map_err(|e| refusal::bad_answer(path, &e))? {
                break head;
            }
        };
        let source = ByteSource::new(stream, BytesMut::new());
        let (input, transport, path) = (read.freeze(), self.clone(), path.to_owned());
        Ok((head.status, Body { source, input, length: head.length, transport, path }))
    }

    async fn refused(&self, call: Call, status: StatusCode, mut body: Body) -> Error {
        let mut text = RefusalText::default();
        let reading = async { while matches!(body.next().await, Ok(Some(piece)) if text.take(&piece)) {} };
        // The part that came before the connection broke is used.
        let _ = timeout(self.limit(), reading).await;
        text.error(call, status.as_u16(), self.engine())
    }
}
