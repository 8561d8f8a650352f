//! A live connection to a container's standard streams. It is opened before the start, so that no byte is lost.

use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};

use crate::{
    docker::{
        Docker,
        http::{dial, query::query, stream::ByteSource},
        output::frames::{Chunk, Decoder},
    },
    error::{Error, ErrorKind},
};

/// The output streams of a container, or of a command in it, in pieces.
#[derive(Debug)]
pub struct Attachment {
    output: ByteSource<ReadHalf<dial::Stream>>,
    decoder: Decoder,
}

/// Which streams to connect, and how.
#[expect(clippy::struct_excessive_bools, reason = "each is a stream or a fact of its own")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachOptions {
    /// Whether to connect standard input.
    pub stdin: bool,
    /// Whether to connect standard output.
    pub stdout: bool,
    /// Whether to connect standard error; with a terminal it is part of standard output.
    pub stderr: bool,
    /// Whether the task has a terminal. Then its output is one stream, and its input must not be closed, because that
    /// would end the output too.
    pub tty: bool,
    /// The keys by which the engine detaches from a terminal; the engine's default is `ctrl-p,ctrl-q`.
    pub detach_keys: Option<String>,
}

impl Default for AttachOptions {
    /// Standard output and standard error.
    fn default() -> Self {
        Self { stdin: false, stdout: true, stderr: true, tty: false, detach_keys: None }
    }
}

impl AttachOptions {
    /// The path of the request to a container.
    fn path(&self, id: &str) -> String {
        let Self { stdin, stdout, stderr, detach_keys, .. } = self;
        let path =
            format!("/containers/{id}/attach?stream=true&stdout={stdout}&stderr={stderr}&stdin={stdin}");
        match detach_keys {
            Some(keys) => query(&path, &[("detachKeys", keys)]),
            None => path,
        }
    }
}

/// Writes to a container's standard input.
#[derive(Debug)]
pub struct Input(WriteHalf<dial::Stream>);

impl Attachment {
    /// The next piece, or `None` when all output streams are closed.
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
    /// Sends bytes to standard input.
    ///
    /// # Errors
    /// [`ErrorKind::ConnectionLost`].
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.0.write_all(bytes).await.map_err(|e| lost(&e))
    }

    /// Closes standard input, so that the process reads its end.
    ///
    /// # Errors
    /// [`ErrorKind::ConnectionLost`].
    pub async fn close(&mut self) -> Result<(), Error> {
        self.0.shutdown().await.map_err(|e| lost(&e))
    }
}

impl Docker {
    /// Connects to the streams of a container.
    pub(crate) async fn attach_container(
        &self,
        id: &str,
        options: &AttachOptions,
    ) -> Result<(Attachment, Input), Error> {
        self.hijack(&options.path(id), b"", options.tty).await
    }

    /// Sends a request whose answer is the connection itself. With a terminal, its output has no frames.
    pub(crate) async fn hijack(
        &self,
        path: &str,
        body: &[u8],
        tty: bool,
    ) -> Result<(Attachment, Input), Error> {
        let Some((stream, read)) = self.transport.upgrade(path, body).await? else {
            let message = "the engine, or something before it, does not hand over its connection";
            return Err(Error::new(ErrorKind::BadAnswer, message)
                .with_hint("a proxy must let HTTP upgrades through; --host names the engine itself"));
        };
        let (output, input) = tokio::io::split(stream);
        Ok((Attachment { output: ByteSource::new(output, read), decoder: Decoder::new(tty) }, Input(input)))
    }
}

fn lost(cause: &std::io::Error) -> Error {
    Error::new(ErrorKind::ConnectionLost, "the connection to the task's streams broke")
        .with_source(cause.to_string())
}
