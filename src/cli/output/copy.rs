//! A task's output on cube's own: stdout to stdout, stderr to stderr, byte for byte, in large writes.

use std::{future::pending, io, pin::pin, time::Duration};

use cube::{Chunk, Stream};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt, Interest, unix::AsyncFd},
    time::{Instant, sleep},
};

use crate::cli::output::{nonblocking::NonBlocking, stdio};

/// How many bytes are collected before they are written.
const FULL: usize = 64 << 10;
/// Pieces of this size are written at once: copying them would cost more than a write.
const LARGE: usize = 16 << 10;
/// How long a piece may wait for more. The engine sends line by line, and one write for each line would cost more
/// than everything else.
const GATHERING: Duration = Duration::from_millis(5);

/// Collects a task's output and writes it in large pieces. Bytes wait only while more output is ready.
pub struct OutputCopy<O, E> {
    out: O,
    err: E,
    gathered: Vec<u8>,
    stream: Stream,
    /// Reports when the reader of `out` has closed it.
    reader: Option<AsyncFd<io::Stdout>>,
    /// Whether something was written to `out`.
    begun: bool,
}

/// Standard output.
pub type Out = NonBlocking<io::Stdout>;
/// Standard error.
pub type Err = NonBlocking<io::Stderr>;

/// A copy to this process's standard streams.
fn standard() -> OutputCopy<Out, Err> {
    let (out, err) = streams();
    OutputCopy::new(out, err).watching_stdout()
}

/// This process's standard output and standard error.
pub fn streams() -> (Out, Err) {
    (NonBlocking::new(io::stdout()), NonBlocking::new(io::stderr()))
}

impl<O: AsyncWrite + Unpin, E: AsyncWrite + Unpin> OutputCopy<O, E> {
    pub fn new(out: O, err: E) -> Self {
        Self { out, err, gathered: Vec::new(), stream: Stream::Stdout, reader: None, begun: false }
    }

    /// Watches this process's standard output: copying ends as soon as its reader has gone, if something was written.
    pub fn watching_stdout(self) -> Self {
        #[expect(deprecated, reason = "sound for a stream that stays open: the new way is marked unsafe")]
        let reader = AsyncFd::with_interest(io::stdout(), Interest::ERROR);
        // A file has no reader that could go.
        Self { reader: reader.ok(), ..self }
    }

    /// Adds a piece of output.
    pub async fn write(&mut self, chunk: &Chunk) -> io::Result<()> {
        let large = chunk.bytes.len() >= LARGE;
        if large || chunk.stream != self.stream || self.gathered.len() + chunk.bytes.len() > FULL {
            self.flush().await?;
            self.stream = chunk.stream;
        }
        self.begun |= chunk.stream == Stream::Stdout;
        if large {
            return write_all(&mut self.out, &mut self.err, chunk.stream, &chunk.bytes).await;
        }
        self.gathered.extend_from_slice(&chunk.bytes);
        Ok(())
    }

    /// Writes what was collected.
    pub async fn flush(&mut self) -> io::Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        write_all(&mut self.out, &mut self.err, self.stream, &self.gathered).await?;
        self.gathered.clear();
        Ok(())
    }

    /// Returns once the reader of standard output has gone.
    async fn reader_left(&self) {
        if let Some(reader) = &self.reader
            && reader.ready(Interest::ERROR).await.is_ok()
        {
            return;
        }
        pending::<()>().await;
    }
}

async fn write_all<O, E>(out: &mut O, err: &mut E, stream: Stream, bytes: &[u8]) -> io::Result<()>
where
    O: AsyncWrite + Unpin,
    E: AsyncWrite + Unpin,
{
    match stream {
        Stream::Stdout => {
            out.write_all(bytes).await?;
            out.flush().await
        }
        Stream::Stderr => {
            err.write_all(bytes).await?;
            err.flush().await
        }
    }
}

/// A source of output: a log, or an attachment.
pub trait OutputSource {
    /// The next piece, or `None` at the end. Dropping the future loses nothing.
    async fn next(&mut self) -> Result<Option<Chunk>, cube::Error>;
}

impl OutputSource for cube::Follow {
    async fn next(&mut self) -> Result<Option<Chunk>, cube::Error> {
        self.next().await
    }
}

impl OutputSource for cube::Attachment {
    async fn next(&mut self) -> Result<Option<Chunk>, cube::Error> {
        self.next().await
    }
}

impl OutputSource for cube::Exec {
    async fn next(&mut self) -> Result<Option<Chunk>, cube::Error> {
        self.next().await
    }
}

/// Why copying failed.
pub enum CopyError {
    /// Reading from the source failed.
    Source(cube::Error),
    /// Writing failed, or the reader has gone.
    Sink(io::Error),
}

/// Why a copy to this process's standard streams ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copied {
    /// The source ended.
    Whole,
    /// Nobody reads any more.
    ReaderGone,
}

/// Copies everything from a source to this process's standard streams.
pub async fn to_standard(source: &mut impl OutputSource) -> Result<Copied, cube::Error> {
    to(source, &mut standard()).await
}

/// Copies everything from a source to `sink`, which writes to this process's standard streams.
pub async fn to<O, E>(
    source: &mut impl OutputSource,
    sink: &mut OutputCopy<O, E>,
) -> Result<Copied, cube::Error>
where
    O: AsyncWrite + Unpin,
    E: AsyncWrite + Unpin,
{
    match pump(source, sink).await {
        Ok(()) => Ok(Copied::Whole),
        Err(CopyError::Source(error)) => Err(error),
        Err(CopyError::Sink(error)) if stdio::is_closed_pipe(&error) => Ok(Copied::ReaderGone),
        Err(CopyError::Sink(error)) => Err(stdio::unwritable(error)),
    }
}

/// Copies everything from a source to `sink`.
pub async fn pump<O, E>(source: &mut impl OutputSource, sink: &mut OutputCopy<O, E>) -> Result<(), CopyError>
where
    O: AsyncWrite + Unpin,
    E: AsyncWrite + Unpin,
{
    let mut due = pin!(sleep(GATHERING));
    loop {
        let next = tokio::select! {
            biased;
            next = source.next() => next,
            () = &mut due, if !sink.gathered.is_empty() => {
                sink.flush().await.map_err(CopyError::Sink)?;
                continue;
            }
            () = sink.reader_left(), if sink.begun => {
                return Err(CopyError::Sink(io::ErrorKind::BrokenPipe.into()));
            }
        };
        match next {
            Ok(Some(chunk)) => {
                if sink.gathered.is_empty() {
                    due.as_mut().reset(Instant::now() + GATHERING);
                }
                sink.write(&chunk).await.map_err(CopyError::Sink)?;
            }
            Ok(None) => return sink.flush().await.map_err(CopyError::Sink),
            Err(error) => {
                sink.flush().await.map_err(CopyError::Sink)?;
                return Err(CopyError::Source(error));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    struct Given(Vec<Chunk>);

    impl OutputSource for Given {
        async fn next(&mut self) -> Result<Option<Chunk>, cube::Error> {
            Ok((!self.0.is_empty()).then(|| self.0.remove(0)))
        }
    }

    #[tokio::test]
    async fn each_stream_arrives_whole_and_in_order() {
        let chunk = |stream, size: usize, byte| Chunk { stream, bytes: Bytes::from(vec![byte; size]) };
        let mut source = Given(vec![
            chunk(Stream::Stdout, 10, b'a'),
            chunk(Stream::Stdout, FULL + 1, b'b'),
            chunk(Stream::Stderr, 5, b'e'),
            chunk(Stream::Stdout, 3, b'c'),
        ]);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut sink = OutputCopy::new(&mut out, &mut err);
        assert!(pump(&mut source, &mut sink).await.is_ok());
        assert_eq!(out, [vec![b'a'; 10], vec![b'b'; FULL + 1], vec![b'c'; 3]].concat());
        assert_eq!(err, b"eeeee");
    }
}
