//! A live connection to a container's standard streams, opened before it starts so that no byte is lost.

use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};

use crate::{
    docker::{
        Docker,
        http::{dial, stream::ByteSource},
        output::frames::{Chunk, Decoder},
    },
    error::{Error, ErrorKind},
};

/// The streams of a container, or of a command in it, as they come.
#[derive(Debug)]
pub struct Attachment {
    output: ByteSource<ReadHalf<dial::Stream>>,
    decoder: Decoder,
}

/// The way to a container's standard input.
#[derive(Debug)]
pub struct Input(WriteHalf<dial::Stream>);

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
            match self.output.next().await.map_err(|e| lost(&e))? {
                Some(piece) => self.decoder.feed(piece),
                None => return self.decoder.finish().map(|()| None),
            }
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
    /// Connects to the streams of a container; standard input too if asked.
    pub(crate) async fn attach_container(&self, id: &str, stdin: bool) -> Result<(Attachment, Input), Error> {
        let path = format!("/containers/{id}/attach?stream=true&stdout=true&stderr=true&stdin={stdin}");
        self.hijack(&path, b"").await
    }

    /// Sends a request whose answer is the connection itself.
    pub(crate) async fn hijack(&self, path: &str, body: &[u8]) -> Result<(Attachment, Input), Error> {
        let Some((stream, read)) = self.transport.upgrade(path, body).await? else {
            let message = "the engine, or something before it, does not hand over its connection";
            return Err(Error::new(ErrorKind::BadAnswer, message)
                .with_hint("a proxy must let HTTP upgrades through; --host names the engine itself"));
        };
        let (output, input) = tokio::io::split(stream);
        Ok((Attachment { output: ByteSource::new(output, read), decoder: Decoder::new(false) }, Input(input)))
    }
}

fn lost(cause: &std::io::Error) -> Error {
    Error::new(ErrorKind::ConnectionLost, "the connection to the task's streams broke")
        .with_source(cause.to_string())
}
