//! A standard stream that is written to directly while it has room, and by a waiting thread when it has none. Passing
//! each piece to a thread would cost more than writing it.

use std::{
    io::{self, IoSlice, Write},
    os::fd::AsFd,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use rustix::io::{Errno, ReadWriteFlags, pwritev2};
use tokio::{
    io::AsyncWrite,
    task::{JoinHandle, spawn_blocking},
};

use crate::cli::output::patient::Patient;

/// Stands for the current position in the file (`pwritev2(2)`: offset -1).
const WHERE_IT_IS: u64 = u64::MAX;
/// The most bytes that are passed to a thread at once.
const PIECE: usize = 64 << 10;

/// One standard stream.
pub struct NonBlocking<F> {
    to: Arc<F>,
    /// Whether the kernel supports writes that do not wait on this kind of file: a pipe, but rarely a regular file.
    able: bool,
    /// The write that a thread is doing. The next write has to wait for it.
    waits: Option<JoinHandle<io::Result<()>>>,
}

impl<F: AsFd> NonBlocking<F> {
    pub fn new(to: F) -> Self {
        Self { to: Arc::new(to), able: true, waits: None }
    }

    /// Writes as much as there is room for; `None` if there is none.
    fn write_now(&mut self, bytes: &[u8]) -> Option<io::Result<usize>> {
        if !self.able {
            return None;
        }
        match pwritev2(&self.to, &[IoSlice::new(bytes)], WHERE_IT_IS, ReadWriteFlags::NOWAIT) {
            Ok(written) => Some(Ok(written)),
            Err(Errno::AGAIN | Errno::INTR) => None,
            Err(Errno::PIPE) => Some(Err(io::ErrorKind::BrokenPipe.into())),
            // For any other error, the plain write gives the better message.
            Err(_) => {
                self.able = false;
                None
            }
        }
    }

    /// Waits for the write that a thread is doing.
    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(writing) = &mut self.waits else { return Poll::Ready(Ok(())) };
        let written = ready!(Pin::new(writing).poll(cx));
        self.waits = None;
        Poll::Ready(written.map_err(io::Error::other).flatten())
    }
}

impl<F: AsFd + Send + Sync + 'static> AsyncWrite for NonBlocking<F> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_written(cx))?;
        if let Some(written) = self.write_now(bytes) {
            return Poll::Ready(written);
        }
        let piece = bytes.get(..PIECE).unwrap_or(bytes).to_vec();
        let (length, to) = (piece.len(), Arc::clone(&self.to));
        self.waits = Some(spawn_blocking(move || Patient(&*to).write_all(&piece)));
        Poll::Ready(Ok(length))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_written(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_written(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use tokio::io::AsyncWriteExt;

    use super::*;

    /// Writes `pieces` to `to` and returns what a reader of `from` finds.
    fn moved(pieces: &[Vec<u8>], mut from: impl Read + Send + 'static, to: std::fs::File) -> Vec<u8> {
        let reader = std::thread::spawn(move || {
            let mut read = Vec::new();
            from.read_to_end(&mut read).unwrap();
            read
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut direct = NonBlocking::new(to);
            for piece in pieces {
                direct.write_all(piece).await.unwrap();
                direct.flush().await.unwrap();
            }
        });
        reader.join().unwrap()
    }

    fn pieces() -> Vec<Vec<u8>> {
        (0..100u8).map(|number| vec![number; usize::from(number) * 3_001]).collect()
    }

    #[test]
    fn all_arrives_in_order_through_a_pipe_that_is_full_again_and_again() {
        let (from, to) = io::pipe().unwrap();
        assert!(moved(&pieces(), from, std::os::fd::OwnedFd::from(to).into()) == pieces().concat());
    }

    #[test]
    fn all_arrives_in_order_through_an_inherited_non_blocking_pipe() {
        let (from, to) = io::pipe().unwrap();
        rustix::fs::fcntl_setfl(&to, rustix::fs::OFlags::NONBLOCK).unwrap();
        assert!(moved(&pieces(), from, std::os::fd::OwnedFd::from(to).into()) == pieces().concat());
    }

    #[test]
    fn all_arrives_in_order_in_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        moved(&pieces(), io::empty(), file.reopen().unwrap());
        assert!(std::fs::read(file.path()).unwrap() == pieces().concat());
    }

    #[test]
    fn a_reader_that_has_gone_and_a_full_disk_are_distinguished() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let failed = |to: std::fs::File| {
            let mut direct = NonBlocking::new(to);
            runtime.block_on(async {
                // A child that another test starts may hold the reader for a moment.
                loop {
                    let written = async { direct.write_all(b"x").await.and(direct.flush().await) };
                    if let Err(error) = written.await {
                        return error;
                    }
                }
            })
        };
        let (from, to) = io::pipe().unwrap();
        drop(from);
        let closed = failed(std::os::fd::OwnedFd::from(to).into());
        assert_eq!(closed.kind(), io::ErrorKind::BrokenPipe);
        let full = failed(std::fs::File::options().write(true).open("/dev/full").unwrap());
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    }
}
