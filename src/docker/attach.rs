//! A live connection to a container's standard streams, opened before it starts so that no byte is lost.

use bytes::Bytes;
use hyper::{Method, StatusCode, header::HeaderValue, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use super::{Chunk, Docker, frames::Decoder, transport::Answer};
use crate::{Error, ErrorKind};

/// How much is read at a time.
const READ: usize = 64 << 10;

/// The streams of a container, or of a command in it, as they come.
#[derive(Debug)]
pub struct Attachment {
    output: ReadHalf<TokioIo<Upgraded>>,
    buffer: bytes::BytesMut,
    decoder: Decoder,
}

/// The way to a container's standard input.
#[derive(Debug)]
pub struct Input(WriteHalf<TokioIo<Upgraded>>);

impl Attachment {
    /// The next piece, or `None` once all outputs are closed.
    ///
    /// # Errors
    /// [`ErrorKind::ConnectionLost`] if the connection broke in the middle of a piece.
    pub async fn next(&mut self) -> Result<Option<Chunk>, Error> {
        loop {
            if let Some(chunk) = self.decoder.next()? {
                return Ok(Some(chunk));
            }
            self.buffer.reserve(READ);
            let read = self.output.read_buf(&mut self.buffer).await.map_err(|e| lost(&e))?;
            if read == 0 {
                return self.decoder.finish().map(|()| None);
            }
            self.decoder.feed(self.buffer.split().freeze());
        }
    }
}

impl Input {
    /// Sends bytes to the standard input.
    ///
    /// # Errors
    /// [`ErrorKind::ConnectionLost`].
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.0.write_all(bytes).await.map_err(|e| lost(&e))
    }

    /// Closes the standard input: the process reads its end.
    ///
    /// # Errors
    /// [`ErrorKind::ConnectionLost`].
    pub async fn close(&mut self) -> Result<(), Error> {
        self.0.shutdown().await.map_err(|e| lost(&e))
    }
}

impl Docker {
    /// Connects to the streams of a container that has not started yet; standard input too if asked.
    ///
    /// # Errors
    /// [`ErrorKind::TaskNotFound`] or the engine's refusal.
    pub async fn attach(&self, id: &str, stdin: bool) -> Result<(Attachment, Input), Error> {
        let path = format!("/containers/{id}/attach?stream=true&stdout=true&stderr=true&stdin={stdin}");
        self.hijack(&path, None).await
    }

    /// Sends a request whose answer is the connection itself.
    pub(super) async fn hijack(&self, path: &str, body: Option<Bytes>) -> Result<(Attachment, Input), Error> {
        let headers = [
            ("connection", HeaderValue::from_static("Upgrade")),
            ("upgrade", HeaderValue::from_static("tcp")),
        ];
        let response = self.transport.request(Method::POST, path, body, &headers, Answer::Stream).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let message = "the engine, or something before it, does not hand over its connection";
            return Err(Error::new(ErrorKind::BadAnswer, message)
                .with_hint("a proxy must let HTTP upgrades through; --host names the engine itself"));
        }
        let upgraded = hyper::upgrade::on(response).await.map_err(|e| super::fault::broken(&e))?;
        let (output, input) = tokio::io::split(TokioIo::new(upgraded));
        let buffer = bytes::BytesMut::with_capacity(READ);
        Ok((Attachment { output, buffer, decoder: Decoder::new(false) }, Input(input)))
    }
}

fn lost(cause: &std::io::Error) -> Error {
    Error::new(ErrorKind::ConnectionLost, "the connection to the task's streams broke")
        .with_source(cause.to_string())
}
