//! A byte stream with a limit on what is read, so that an endless answer cannot fill the memory: bollard collects whole
//! answers, and neither it nor hyper limits their size. It also knows whether anything was written.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many bytes may still be read, and whether any were written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Budget(Arc<Meter>);

#[derive(Debug, Default)]
struct Meter {
    left: AtomicU64,
    wrote: AtomicBool,
}

impl Budget {
    /// Sets how many bytes may be read from now on. [`Budget::wrote`] begins anew.
    pub(crate) fn allow(&self, bytes: u64) {
        self.leave(bytes);
        self.0.wrote.store(false, Ordering::Relaxed);
    }

    /// Whether a byte was written since the last [`Budget::allow`].
    pub(crate) fn wrote(&self) -> bool {
        self.0.wrote.load(Ordering::Relaxed)
    }

    fn leave(&self, bytes: u64) {
        self.0.left.store(bytes, Ordering::Relaxed);
    }

    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.0.wrote.store(true, Ordering::Relaxed);
        }
        written
    }
}

/// A stream under a [`Budget`].
#[derive(Debug)]
pub(crate) struct Budgeted<S> {
    stream: S,
    budget: Budget,
}

impl<S> Budgeted<S> {
    pub(crate) fn new(stream: S) -> (Self, Budget) {
        let budget = Budget::default();
        budget.allow(u64::MAX);
        (Self { stream, budget: budget.clone() }, budget)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Budgeted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let left = self.budget.0.left.load(Ordering::Relaxed);
        if left == 0 {
            return Poll::Ready(Err(io::Error::other("the answer is too large")));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if left != u64::MAX {
            let read = (buf.filled().len() - before) as u64;
            self.budget.leave(left.saturating_sub(read));
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Budgeted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.budget.note(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.budget.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::Budgeted;

    #[tokio::test]
    async fn reading_past_the_budget_fails() {
        let (mut stream, budget) = Budgeted::new(tokio::io::repeat(1));
        let mut buf = [0; 10];
        stream.read_exact(&mut buf).await.unwrap();
        budget.allow(10);
        stream.read_exact(&mut buf).await.unwrap();
        assert_eq!(stream.read_exact(&mut buf).await.unwrap_err().to_string(), "the answer is too large");
    }

    #[tokio::test]
    async fn what_is_written_is_noted_until_the_next_request() {
        let (mut stream, budget) = Budgeted::new(tokio::io::join(tokio::io::empty(), tokio::io::sink()));
        assert!(!budget.wrote());
        stream.write_all(b"a").await.unwrap();
        assert!(budget.wrote());
        budget.allow(1);
        assert!(!budget.wrote());
    }

    #[tokio::test]
    async fn what_could_not_be_written_is_not_noted() {
        let (near, far) = tokio::io::duplex(1);
        drop(far);
        let (mut stream, budget) = Budgeted::new(near);
        stream.write_all(b"a").await.unwrap_err();
        assert!(!budget.wrote());
    }
}
