//! The meaning of a server's answer to a probe, and functions to read it.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use crate::docker::ready::progress::quote;

/// How much of an answer in another protocol a message quotes, in bytes.
const QUOTED: usize = 60;

/// The meaning of a server's answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It accepts clients.
    Ready,
    /// Not yet, and why.
    NotYet(String),
    /// It will never accept a client from here, and why.
    Never { why: String, hint: &'static str },
}

impl Answer {
    /// The answer for bytes that do not belong to the protocol.
    pub(crate) fn foreign(protocol: &str, bytes: &[u8]) -> Self {
        let begin = String::from_utf8_lossy(bytes.get(..QUOTED).unwrap_or(bytes)).into_owned();
        let line = begin.lines().next().unwrap_or_default();
        Self::NotYet(format!("what answers does not speak {protocol}: it began with {}", quote(line)))
    }
}

/// A connection to a server.
pub(crate) trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Connection for T {}

/// Reads exactly `N` bytes.
pub(crate) async fn bytes<const N: usize>(server: &mut impl Connection) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    server.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// Reads exactly `length` bytes, at most `most`.
pub(crate) async fn body(server: &mut impl Connection, length: usize, most: usize) -> io::Result<Vec<u8>> {
    let mut body = vec![0; length.min(most)];
    server.read_exact(&mut body).await?;
    Ok(body)
}

#[cfg(test)]
pub(crate) mod tests {
    use tokio::io::{AsyncWriteExt, DuplexStream, copy, duplex, sink, split};

    use super::*;

    /// The result of a probe for a server that sends exactly these bytes.
    pub(crate) async fn answer_to(
        said: &[u8],
        probe: impl AsyncFnOnce(&mut DuplexStream) -> io::Result<Answer>,
    ) -> io::Result<Answer> {
        let (mut near, mut far) = duplex(1 << 16);
        far.write_all(said).await.unwrap();
        let (mut heard, mut says) = split(far);
        says.shutdown().await.unwrap();
        let listener = tokio::spawn(async move { copy(&mut heard, &mut sink()).await });
        let answer = probe(&mut near).await;
        drop(near);
        listener.await.unwrap().unwrap();
        answer
    }
}
