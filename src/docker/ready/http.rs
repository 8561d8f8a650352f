//! `http=PORT/path`: a request to the published port is answered with the expected status and body.

use std::{io, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{
    Request, StatusCode,
    body::Incoming,
    client::conn::http1,
    header::{HOST, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use regex_lite::Regex;
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    config::value::{
        condition::http::HttpCondition,
        duration,
        port::{Binding, Port, Protocol},
    },
    docker::{
        details::Details,
        handle::RunningTask,
        http::dial::{Stream, tls},
        ready::{
            progress::{Progress, quote},
            published::Published,
        },
    },
    error::{Error, deepest_cause},
};

/// The pause between two requests.
const AGAIN: Duration = Duration::from_millis(20);
/// How long the first request may take. Each request that takes too long doubles the limit, so that a slow server is
/// ready too.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(8);
/// How much of a body is searched, in bytes.
const LONGEST_BODY: usize = 1 << 20;

/// What came back.
#[derive(Debug, PartialEq, Eq)]
enum HttpAnswer {
    Expected,
    OtherStatus(StatusCode),
    OtherBody(String),
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

pub(crate) async fn wait(
    task: &RunningTask,
    container: &Details,
    target: &HttpCondition,
    progress: &Progress,
) -> Result<(), Error> {
    let body = target.body.as_deref().map(pattern).transpose()?;
    let number = Port { number: target.port, protocol: Protocol::Tcp };
    let mut published = Published::of(task, container, number)?;
    let mut limit = FIRST;
    loop {
        // The address that `cube port` prints. Others are not tried: another server may listen there.
        for at in published.bindings(task).await?.iter().take(1) {
            match timeout(limit, ask(at, target, body.as_ref())).await {
                Ok(Ok(HttpAnswer::Expected)) => return Ok(()),
                Ok(Ok(HttpAnswer::OtherStatus(status))) => {
                    progress.note(format!("{at} answered with status {}", status.as_u16()));
                }
                Ok(Ok(HttpAnswer::OtherBody(text))) => {
                    progress.note(format!("the answer of {at} does not match: {}", quote(&text)));
                }
                Ok(Err(failure)) => progress.note(format!("{at}: {}", deepest_cause(failure.as_ref()))),
                Err(_) => {
                    progress.note(format!("{at} did not answer within {}", duration::format(limit)));
                    limit = LONGEST.min(limit * 2);
                }
            }
        }
        sleep(AGAIN).await;
    }
}

fn pattern(text: &str) -> Result<Regex, Error> {
    Regex::new(text).map_err(|error| Error::invalid("regular expression", text, error))
}

async fn ask(at: &Binding, target: &HttpCondition, body: Option<&Regex>) -> Result<HttpAnswer, Failure> {
    let stream = TcpStream::connect((at.host.as_str(), at.port)).await?;
    let stream: Stream = if target.tls {
        let connector = if target.insecure {
            tls::Connector::unchecked(&at.host)
        } else {
            tls::Connector::checked(&at.host)
        };
        Box::new(connector?.connect(stream).await.map_err(explained)?)
    } else {
        Box::new(stream)
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(&target.path)
        .header(HOST, at.to_string())
        .header(USER_AGENT, concat!("cube/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())?;
    // The connection ends when the sender and the answer are dropped.
    tokio::spawn(connection);
    let answer = sender.send_request(request).await?;
    if !target.takes(answer.status().as_u16()) {
        return Ok(HttpAnswer::OtherStatus(answer.status()));
    }
    let Some(pattern) = body else { return Ok(HttpAnswer::Expected) };
    let text = read(answer.into_body()).await?;
    Ok(if pattern.is_match(&text) { HttpAnswer::Expected } else { HttpAnswer::OtherBody(text) })
}

/// The beginning of a body.
async fn read(mut body: Incoming) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    while bytes.len() < LONGEST_BODY
        && let Some(frame) = body.frame().await
    {
        if let Ok(data) = frame?.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    bytes.truncate(LONGEST_BODY);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Adds a hint for a refused certificate, since test servers often have a self-signed one.
fn explained(error: io::Error) -> Failure {
    let is_certificate = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        .is_some_and(|inner| matches!(inner, rustls::Error::InvalidCertificate(_)));
    if is_certificate { format!("{error}; `,insecure` takes any certificate").into() } else { error.into() }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    async fn answered(condition: &str, answer: &'static [u8]) -> Result<HttpAnswer, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = Binding { host: "127.0.0.1".into(), port: listener.local_addr().unwrap().port() };
        let server = async {
            let mut peer = listener.accept().await.unwrap().0;
            let mut request = vec![0; 4096];
            let read = peer.read(&mut request).await.unwrap();
            assert!(request[..read].starts_with(b"GET /up?a=b HTTP/1.1\r\nhost: 127.0.0.1:"));
            peer.write_all(answer).await.unwrap();
        };
        let target = HttpCondition::parse(false, condition).unwrap();
        let body = target.body.as_deref().map(|text| pattern(text).unwrap());
        tokio::join!(ask(&at, &target, body.as_ref()), server).0
    }

    #[tokio::test]
    async fn status_and_body_are_as_the_condition_wants_them() {
        const FOUND: &[u8] = b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 9\r\n\r\n";
        const CHUNKED: &[u8] =
            b"HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nrea\r\n3\r\ndy!\r\n0\r\n\r\n";
        let other = |text: &str| HttpAnswer::OtherBody(text.to_owned());
        for (condition, answer, wanted) in [
            ("80/up?a=b", FOUND, HttpAnswer::Expected),
            ("80/up?a=b,status=200-299", FOUND, HttpAnswer::OtherStatus(StatusCode::FOUND)),
            ("80/up?a=b", CHUNKED, HttpAnswer::OtherStatus(StatusCode::UNAUTHORIZED)),
            ("80/up?a=b,status=401,body=^ready", CHUNKED, HttpAnswer::Expected),
            ("80/up?a=b,status=401,body=^up", CHUNKED, other("ready!")),
        ] {
            assert_eq!(answered(condition, answer).await.unwrap(), wanted, "{condition}");
        }
    }

    #[tokio::test]
    async fn a_connection_that_closes_is_reported() {
        let failure = answered("80/up?a=b", b"").await.unwrap_err();
        assert!(!deepest_cause(failure.as_ref()).to_string().is_empty());
    }
}
