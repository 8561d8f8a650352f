//! What doubt a request leaves: only one of which something was sent may have taken effect.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::*;

/// A connection that takes so many bytes and then breaks. Nothing is ever read from it.
struct Breaking(usize);

impl AsyncRead for Breaking {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Breaking {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.0 == 0 {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let taken = buf.len().min(self.0);
        self.0 -= taken;
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn only_a_request_of_which_something_was_sent_leaves_doubt() {
    let address = Address::Unix("/nowhere".into());
    for (taken, doubt) in [(0, false), (1, true), (60, true)] {
        let transport = Transport::new(&address, Duration::from_secs(1)).unwrap();
        let mut connection = transport.over(Box::new(Breaking(taken))).await.unwrap();
        connection.sender.ready().await.unwrap();
        transport.keep(connection);
        let error = transport.bytes(Method::POST, "/containers/create").await.unwrap_err();
        assert_eq!(error.leaves_doubt(), doubt, "{taken} bytes: {error:?}");
    }
}
