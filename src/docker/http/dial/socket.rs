//! A connection to a Unix socket that wakes cube only for what comes in. When the engine reads a request, the kernel
//! reports room to write, so a stream that waits for both is woken twice for each request.

use std::{
    io::{self, IoSlice},
    os::fd::{AsFd, OwnedFd},
    path::Path,
    pin::Pin,
    task::{Context, Poll, ready},
};

use rustix::{
    io::{Errno, retry_on_intr},
    net::{
        AddressFamily, SendAncillaryBuffer, SendFlags, Shutdown, SocketAddrUnix, SocketFlags, SocketType,
        connect, sendmsg, shutdown, socket_with,
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::unix::pipe,
};

/// A connected socket. tokio's pipe types take any descriptor, and wait for one direction only.
#[derive(Debug)]
pub(super) struct Socket {
    incoming: pipe::Receiver,
    /// Waits for room, from the first time on that there was none. It takes a descriptor more.
    outgoing: Option<pipe::Sender>,
}

impl Socket {
    /// Connects to the socket at `path`. [`io::ErrorKind::WouldBlock`] says that its queue is full.
    pub(super) fn connect(path: &Path) -> io::Result<Self> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        connect(&socket, &SocketAddrUnix::new(path)?)?;
        Self::of(socket)
    }

    /// Takes a connected socket that does not block.
    fn of(socket: OwnedFd) -> io::Result<Self> {
        Ok(Self { incoming: pipe::Receiver::from_owned_fd_unchecked(socket)?, outgoing: None })
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        loop {
            let Some(outgoing) = &self.outgoing else {
                match send(&self.incoming, slices) {
                    Err(Errno::AGAIN) => self.outgoing = Some(self.writing_end()?),
                    sent => return Poll::Ready(Ok(sent?)),
                }
                continue;
            };
            ready!(outgoing.poll_write_ready(cx))?;
            match outgoing.try_io(|| Ok(send(outgoing, slices)?)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => return Poll::Ready(sent),
            }
        }
    }

    /// A second descriptor of the socket: one can be waited for only once.
    fn writing_end(&self) -> io::Result<pipe::Sender> {
        pipe::Sender::from_owned_fd_unchecked(self.incoming.as_fd().try_clone_to_owned()?)
    }
}

fn send(socket: impl AsFd, slices: &[IoSlice<'_>]) -> Result<usize, Errno> {
    let mut no_descriptors = SendAncillaryBuffer::default();
    retry_on_intr(|| sendmsg(&socket, slices, &mut no_descriptors, SendFlags::NOSIGNAL))
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.incoming).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_send(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(shutdown(&self.incoming, Shutdown::Write)?))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        os::unix::net::{UnixListener, UnixStream},
        time::Duration,
    };

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        time::timeout,
    };

    use super::*;

    /// More than the kernel keeps for a socket.
    const MUCH: usize = 8 << 20;

    fn pair() -> (Socket, UnixStream) {
        let (own, other) = UnixStream::pair().unwrap();
        own.set_nonblocking(true).unwrap();
        (Socket::of(own.into()).unwrap(), other)
    }

    #[tokio::test]
    async fn more_than_there_is_room_for_goes_out_whole() {
        let (mut socket, mut other) = pair();
        let sent: Vec<u8> = (0..MUCH).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let mut room = 0;
        while let Ok(written) = timeout(Duration::ZERO, socket.write(&sent[room..])).await {
            room += written.unwrap();
        }
        assert!(socket.outgoing.is_some());
        let reader = std::thread::spawn(move || {
            let mut got = Vec::new();
            other.read_to_end(&mut got).unwrap();
            other.write_all(b"done").unwrap();
            got
        });
        socket.write_all(&sent[room..]).await.unwrap();
        socket.shutdown().await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "done");
        assert!(reader.join().unwrap() == sent);
    }

    #[tokio::test]
    async fn it_reads_while_it_has_no_room_to_write() {
        let (mut socket, mut other) = pair();
        let piece = vec![0; 1 << 16];
        while let Ok(Ok(_)) = timeout(Duration::ZERO, socket.write(&piece)).await {}
        other.write_all(b"still here").unwrap();
        let mut got = [0; 10];
        socket.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"still here");
    }

    #[tokio::test]
    async fn an_engine_that_has_gone_is_an_error() {
        let (mut socket, other) = pair();
        // What is only dropped goes on in a child of another test that has not executed its program yet.
        other.shutdown(std::net::Shutdown::Both).unwrap();
        assert_eq!(socket.write(b"x").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(socket.read(&mut [0; 1]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_full_queue_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine");
        let listener = UnixListener::bind(&path).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let _first = Socket::connect(&path).unwrap();
        assert_eq!(Socket::connect(&path).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let missing = Socket::connect(&folder.path().join("none")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
