//! Opens connections to the engine, and explains why one cannot be opened or broke.

#[cfg(test)]
pub(crate) mod fake_program;
mod socket;
mod ssh;
pub(crate) mod tls;
mod unreachable;

use std::{error::Error as StdError, ffi::OsString, fmt, io, net::SocketAddr, path::Path, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::{sleep, timeout},
};

use crate::{
    address::Address,
    docker::http::{
        answer_time::answered_within,
        dial::{
            socket::Socket,
            unreachable::{HOST_HINT, START_HINT, TLS_HINT, or_limit, unreachable},
        },
    },
    error::{Error, ErrorKind},
};

/// The longest time for opening a connection, with the TLS handshake. It is the same as for Docker's CLI.
const LIMIT: Duration = Duration::from_secs(30);

/// The pause before a socket whose queue is full is tried again.
const QUEUE_FULL: Duration = Duration::from_millis(10);

/// A stream that can be read and written.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Duplex for T {}

impl fmt::Debug for dyn Duplex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Duplex")
    }
}

/// A connection to the engine.
pub(crate) type Stream = Box<dyn Duplex>;

/// Opens connections to one address. The TLS files are read once.
pub(crate) struct Dialer {
    address: Address,
    tls: Option<tls::Connector>,
    ssh: OsString,
    limit: Duration,
}

impl Dialer {
    /// Reads the TLS files, without connecting.
    pub(crate) fn new(address: Address) -> Result<Self, Error> {
        let tls = match &address {
            Address::Tcp { host, tls: Some(tls), .. } => Some(tls::Connector::new(host, tls)?),
            _ => None,
        };
        Ok(Self { address, tls, ssh: "ssh".into(), limit: LIMIT })
    }

    /// Opens a connection.
    pub(crate) async fn dial(&self) -> Result<Stream, Error> {
        match answered_within(self.limit, self.open()).await {
            Ok(result) => result,
            Err(_) => {
                Err(self.unreachable(format!("no answer within {} s", self.limit.as_secs()), HOST_HINT))
            }
        }
    }

    /// Whether a new connection may still fail when it is first used: with ssh, the login happens in the background.
    pub(crate) fn opens_unproven(&self) -> bool {
        matches!(self.address, Address::Ssh { .. })
    }

    /// Why an open connection broke, if the transport knows more than the HTTP client's `error`: ssh ended, or the
    /// engine refused the client's certificate.
    pub(crate) fn explain(&self, error: &(dyn StdError + 'static)) -> Option<Error> {
        let mut next = Some(error);
        while let Some(error) = next {
            // `source()` of an io::Error is the source of its inner error, so the inner error itself would be skipped.
            if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
                if let Some(exit) = inner.downcast_ref::<ssh::SshExit>() {
                    return Some(exit.explain(&self.address));
                }
                if let Some(error) = inner.downcast_ref::<rustls::Error>() {
                    return Some(tls::explain(&self.address, error));
                }
            }
            next = error.source();
        }
        None
    }

    async fn open(&self) -> Result<Stream, Error> {
        match &self.address {
            Address::Unix(path) => {
                let stream = unix(path).await.map_err(|error| self.no_socket(path, error))?;
                Ok(Box::new(stream))
            }
            Address::Tcp { host, port, .. } => {
                let stream = self.tcp(host, *port).await?;
                match &self.tls {
                    Some(tls) => self.handshake(tls, stream).await,
                    None => Ok(Box::new(stream)),
                }
            }
            Address::Ssh { .. } => {
                let stream = ssh::spawn(&self.ssh, &self.address).map_err(|error| {
                    self.unreachable("ssh cannot be started", "install the OpenSSH client").with_source(error)
                })?;
                Ok(Box::new(stream))
            }
        }
    }

    async fn tcp(&self, host: &str, port: u16) -> Result<TcpStream, Error> {
        let addresses: Vec<SocketAddr> = match lookup_host((host, port)).await {
            Ok(addresses) => addresses.collect(),
            Err(error) => {
                let reason = format!("the name {host:?} cannot be resolved");
                return Err(self.unreachable(reason, HOST_HINT).with_source(error));
            }
        };
        let share = self.limit / u32::try_from(addresses.len()).unwrap_or(1).max(1);
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in addresses {
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Requests are written completely: waiting to fill a packet would only delay them.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => last = error,
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(self.no_tcp(last))
    }

    async fn handshake(&self, tls: &tls::Connector, stream: TcpStream) -> Result<Stream, Error> {
        match tls.connect(stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(self.explain(&error).unwrap_or_else(|| {
                self.unreachable("the connection ended during the TLS handshake", TLS_HINT).with_source(error)
            })),
        }
    }

    fn no_socket(&self, path: &Path, error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::NotFound => self.unreachable("there is no such socket", START_HINT),
            io::ErrorKind::ConnectionRefused => self.unreachable("nothing listens on the socket", START_HINT),
            io::ErrorKind::PermissionDenied => Error::new(
                ErrorKind::PermissionDenied,
                format!("no permission to use the engine's socket {}", path.display()),
            )
            .with_hint(
                "join the group `docker` by `sudo usermod -aG docker $USER` and log in again, use `sudo \"$(command -v cube)\"`, or run a rootless engine",
            ),
            _ => {
                self.unreachable("the socket cannot be used", or_limit(&error, START_HINT)).with_source(error)
            }
        }
    }

    fn no_tcp(&self, error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => self.unreachable("the connection was refused", HOST_HINT),
            io::ErrorKind::TimedOut => {
                self.unreachable(format!("no answer within {} s", self.limit.as_secs()), HOST_HINT)
            }
            _ => {
                self.unreachable("the host cannot be reached", or_limit(&error, HOST_HINT)).with_source(error)
            }
        }
    }

    fn unreachable(&self, reason: impl std::fmt::Display, hint: &str) -> Error {
        unreachable(&self.address, reason, hint)
    }
}

/// Connects to a socket. If its queue is full (many clients at once), tries again, since nothing was sent yet.
async fn unix(path: &Path) -> io::Result<Socket> {
    loop {
        match Socket::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(QUEUE_FULL).await,
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests;
