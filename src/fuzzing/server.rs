//! The other end of a connection: it says what it is to say, and closes or goes on for ever.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    runtime::{Builder, Runtime},
};

/// What a server says, in pieces.
#[derive(Default)]
pub(super) struct Server {
    says: VecDeque<Bytes>,
    /// Whether it says the same again and again.
    endless: bool,
    /// Whether it waits for a request.
    waits: bool,
    waker: Option<Waker>,
    /// How many bytes were read of it.
    pub(super) read: usize,
}

impl Server {
    /// It says this and closes.
    pub(super) fn saying(pieces: Vec<Bytes>) -> Self {
        Self { says: pieces.into(), ..Self::default() }
    }

    /// It says this again and again.
    pub(super) fn endless(pieces: Vec<Bytes>) -> Self {
        Self { endless: true, ..Self::saying(pieces) }
    }

    /// It says this once it was asked, and closes.
    pub(super) fn answering(pieces: Vec<Bytes>) -> Self {
        Self { waits: true, ..Self::saying(pieces) }
    }
}

impl AsyncRead for Server {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.waits {
            self.waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        let Some(mut piece) = self.says.pop_front() else { return Poll::Ready(Ok(())) };
        let now = piece.split_to(piece.len().min(buffer.remaining()));
        buffer.put_slice(&now);
        self.read += now.len();
        if !piece.is_empty() {
            self.says.push_front(piece);
        }
        if self.endless {
            self.says.push_back(now);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Server {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.waits = false;
        self.waker.take().into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().enable_time().build().unwrap();
}

/// Runs a future to its end.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.with(|runtime| runtime.block_on(future))
}
