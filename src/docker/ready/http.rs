//! `http=PORT/path`: a request to where the port is published is answered with 2xx or 3xx.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::{
    Request, StatusCode,
    client::conn::http1,
    header::{HOST, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    config::value::{
        duration,
        port::{Binding, Port, Protocol},
    },
    docker::{
        details::Details,
        handle::RunningTask,
        http::dial::{Stream, tls},
        ready::{progress::Progress, published::Published},
    },
    error::{Error, deepest_cause},
};

/// The pause between two requests.
const AGAIN: Duration = Duration::from_millis(20);
/// How long the first request may take. Each that runs out doubles it: a slow answer is one as well.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(8);

/// What is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) tls: bool,
    pub(crate) port: u16,
    pub(crate) path: &'a str,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

pub(crate) async fn hold(
    task: &RunningTask,
    container: &Details,
    target: &Target<'_>,
    seen: &Progress,
) -> Result<(), Error> {
    let number = Port { number: target.port, protocol: Protocol::Tcp };
    let mut published = Published::of(task, container, number)?;
    let mut limit = FIRST;
    loop {
        // The one that `cube port` names: another may be a foreign server's.
        for at in published.bindings(task).await?.iter().take(1) {
            match timeout(limit, ask(at, target)).await {
                Ok(Ok(status)) if status.is_success() || status.is_redirection() => return Ok(()),
                Ok(Ok(status)) => seen.note(format!("{at} answered with status {}", status.as_u16())),
                Ok(Err(failure)) => seen.note(format!("{at}: {}", deepest_cause(failure.as_ref()))),
                Err(_) => {
                    seen.note(format!("{at} did not answer within {}", duration::format(limit)));
                    limit = LONGEST.min(limit * 2);
                }
            }
        }
        sleep(AGAIN).await;
    }
}

async fn ask(at: &Binding, target: &Target<'_>) -> Result<StatusCode, Failure> {
    let stream = TcpStream::connect((at.host.as_str(), at.port)).await?;
    let stream: Stream = if target.tls {
        Box::new(tls::Connector::unchecked(&at.host)?.connect(stream).await?)
    } else {
        Box::new(stream)
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(target.path)
        .header(HOST, at.to_string())
        .header(USER_AGENT, concat!("cube/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())?;
    // Ends with the sender and the answer, which are dropped here.
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?.status())
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    async fn answered(answer: &'static [u8]) -> Result<StatusCode, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = Binding { host: "127.0.0.1".into(), port: listener.local_addr().unwrap().port() };
        let server = async {
            let mut peer = listener.accept().await.unwrap().0;
            let mut request = vec![0; 4096];
            let read = peer.read(&mut request).await.unwrap();
            assert!(request[..read].starts_with(b"GET /up?a=b HTTP/1.1\r\nhost: 127.0.0.1:"));
            peer.write_all(answer).await.unwrap();
        };
        tokio::join!(ask(&at, &Target { tls: false, port: 80, path: "/up?a=b" }), server).0
    }

    #[tokio::test]
    async fn the_status_is_the_answer() {
        let status =
            answered(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 9\r\n\r\n").await.unwrap();
        assert_eq!(status, 302);
    }

    #[tokio::test]
    async fn a_connection_that_closes_is_told() {
        let failure = answered(b"").await.unwrap_err();
        assert!(!deepest_cause(failure.as_ref()).to_string().is_empty());
    }
}
