//! The HTTP/1.1 client for the engine, used by bollard and by cube itself. It reuses idle connections. A task's output
//! comes over separate connections, see `stream.rs`. A request is sent again only if no byte of it was sent.

use std::{
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use bollard::BollardRequest;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response, StatusCode, Uri,
    body::{Body, Incoming},
    client::conn::http1::{self, SendRequest},
    header::{self, CONTENT_TYPE, HOST, HeaderMap, HeaderValue},
};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;

use crate::{
    address::Address,
    docker::http::{
        answer_time::answered_within,
        budget::{Budget, Budgeted},
        clock::EngineClock,
        dial::{Dialer, Stream},
        json,
        refusal::{self, RefusalText, call::Call},
        version::Engine,
    },
    error::{Error, ErrorKind},
};

/// The largest answer that is not streamed, in bytes.
const LARGEST_ANSWER: u64 = 64 << 20;
/// The size of hyper's read buffer, in bytes.
const READ_BUFFER: usize = 64 << 10;

/// The value of the `User-Agent` header.
pub(crate) const USER_AGENT: &str = concat!("cube/", env!("CARGO_PKG_VERSION"));

type RequestBody = http_body_util::combinators::UnsyncBoxBody<Bytes, std::io::Error>;

/// The HTTP client for one engine. Clones share the idle connections.
#[derive(Clone)]
pub(crate) struct Transport(Arc<Shared>);

struct Shared {
    dialer: Dialer,
    host: HeaderValue,
    limit: Duration,
    idle: Mutex<Vec<PooledConnection>>,
    engine: OnceLock<Engine>,
    clock: OnceLock<EngineClock>,
}

struct PooledConnection {
    sender: SendRequest<RequestBody>,
    budget: Budget,
}

/// Whether an answer is read as a whole or as a stream.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerKind {
    Whole,
    Stream,
}

impl Transport {
    /// A client that waits at most `limit` for the head of an answer.
    pub(crate) fn new(address: &Address, limit: Duration) -> Result<Self, Error> {
        let host = match address {
            Address::Tcp { host, port, .. } => HeaderValue::try_from(format!("{host}:{port}")).ok(),
            _ => None,
        };
        Ok(Self(Arc::new(Shared {
            dialer: Dialer::new(address.clone())?,
            host: host.unwrap_or(HeaderValue::from_static("docker")),
            limit,
            idle: Mutex::default(),
            engine: OnceLock::new(),
            clock: OnceLock::new(),
        })))
    }

    /// The answer timeout: how long this client waits for the head of an answer.
    pub(crate) fn limit(&self) -> Duration {
        self.0.limit
    }

    /// What is known about the engine from its first answer; nothing before that.
    pub(crate) fn engine(&self) -> Engine {
        self.0.engine.get().copied().unwrap_or_default()
    }

    /// The time by the engine's clock; `None` before its first answer.
    pub(crate) fn engine_time(&self) -> Option<DateTime<Utc>> {
        self.0.clock.get().and_then(EngineClock::now)
    }

    fn set_clock(&self, head: &HeaderMap) {
        if self.0.clock.get().is_none()
            && let Some(clock) = EngineClock::of(head)
        {
            let _ = self.0.clock.set(clock);
        }
    }

    /// Sends a request without a body and decodes the JSON answer.
    pub(crate) async fn json<T: DeserializeOwned>(&self, method: Method, path: &str) -> Result<T, Error> {
        let body = self.bytes(method, path).await?;
        json::read(&body).map_err(|e| refusal::bad_answer(path, &e))
    }

    /// Sends a request without a body and returns the answer's bytes.
    pub(crate) async fn bytes(&self, method: Method, path: &str) -> Result<Bytes, Error> {
        let response = self.request(method, path, None, &[], AnswerKind::Whole).await?;
        self.whole(response).await
    }

    /// Posts JSON and decodes the JSON answer.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: Bytes,
        headers: &[(&'static str, HeaderValue)],
    ) -> Result<T, Error> {
        let response = self.request(Method::POST, path, Some(body), headers, AnswerKind::Whole).await?;
        let body = self.whole(response).await?;
        json::read(&body).map_err(|e| refusal::bad_answer(path, &e))
    }

    async fn whole(&self, response: Response<Incoming>) -> Result<Bytes, Error> {
        let body = answered_within(self.0.limit, response.into_body().collect());
        let collected = body.await.map_err(|_| refusal::too_slow(self.0.limit))?;
        Ok(collected.map_err(|e| refusal::broken_by(&e))?.to_bytes())
    }

    /// Sends a HEAD request; `None` if there is nothing at `path`.
    pub(crate) async fn head(&self, path: &str) -> Result<Option<HeaderMap>, Error> {
        let call = Call::of(&Method::HEAD, path);
        let response = self.answer(Method::HEAD, path, None, &[], AnswerKind::Whole).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(None),
            _ => Ok(Some(self.accepted(call, response).await?.headers().clone())),
        }
    }

    /// Sends a request and returns the answer when its head has come; a refusal becomes an error.
    pub(crate) async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
        headers: &[(&'static str, HeaderValue)],
        answer: AnswerKind,
    ) -> Result<Response<Incoming>, Error> {
        let call = Call::of(&method, path);
        let response = self.answer(method, path, body, headers, answer).await?;
        self.accepted(call, response).await
    }

    /// The answer, unless it is a refusal.
    async fn accepted(&self, call: Call, response: Response<Incoming>) -> Result<Response<Incoming>, Error> {
        if response.status().is_success() { Ok(response) } else { Err(self.refusal(call, response).await) }
    }

    async fn answer(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
        headers: &[(&'static str, HeaderValue)],
        answer: AnswerKind,
    ) -> Result<Response<Incoming>, Error> {
        let mut request = Request::builder().method(method).uri(path);
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let body = Full::new(body.unwrap_or_default()).map_err(|never| match never {}).boxed_unsync();
        let request = request.body(body).map_err(|e| Error::new(ErrorKind::Engine, e.to_string()))?;
        let sent = answered_within(self.0.limit, self.send(request, answer));
        sent.await.map_err(|_| refusal::too_slow(self.0.limit))?
    }

    async fn refusal(&self, call: Call, response: Response<Incoming>) -> Error {
        let status = response.status().as_u16();
        let (mut body, mut text) = (response.into_body(), RefusalText::default());
        let reading =
            async { while matches!(next_piece(&mut body).await, Ok(Some(piece)) if text.take(&piece)) {} };
        // The part that came before the connection broke is used.
        let _ = tokio::time::timeout(self.0.limit, reading).await;
        text.error(call, status, self.engine())
    }

    /// Sends one request of bollard. The authority in its URI is dropped: the connection determines it.
    pub(crate) async fn carry(self, request: BollardRequest) -> Result<Response<Incoming>, Error> {
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |p| p.as_str()).to_owned();
        parts.uri = path.parse().map_err(|_| Error::invalid("request path", &path, "not a path"))?;
        let request = Request::from_parts(parts, body.map_err(std::io::Error::other).boxed_unsync());
        let call = Call::of(request.method(), &path);
        let response = self.send(request, AnswerKind::Whole).await?;
        // bollard would read a refusal completely, however long it is.
        match response.status().as_u16() {
            400.. => Err(self.refusal(call, response).await),
            _ => Ok(response),
        }
    }

    async fn send(
        &self,
        mut request: Request<RequestBody>,
        answer: AnswerKind,
    ) -> Result<Response<Incoming>, Error> {
        self.address(&mut request);
        tracing::debug!("{} {}", request.method(), request.uri().path());
        loop {
            let (mut connection, reused) = self.connection().await?;
            connection.budget.allow(if answer == AnswerKind::Whole { LARGEST_ANSWER } else { u64::MAX });
            match connection.sender.try_send_request(request).await {
                Ok(response) => {
                    self.0.engine.get_or_init(|| Engine::of(response.headers()));
                    self.set_clock(response.headers());
                    self.keep(connection);
                    return Ok(response);
                }
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) if reused => request = unsent,
                    _ => {
                        let nothing_sent = !connection.budget.wrote();
                        return Err(self.broken(failed.error()).with_nothing_sent(nothing_sent));
                    }
                },
            }
        }
    }

    /// A separate connection, not used for other requests.
    pub(crate) async fn dial(&self) -> Result<Stream, Error> {
        self.0.dialer.dial().await
    }

    /// The value of the `Host` header.
    pub(crate) fn host(&self) -> &str {
        self.0.host.to_str().unwrap_or_default()
    }

    /// The error for a connection that broke.
    pub(crate) fn broken(&self, cause: &(dyn std::error::Error + 'static)) -> Error {
        self.0.dialer.explain(cause).unwrap_or_else(|| refusal::broken_by(cause))
    }

    /// An idle or new connection, and whether it was used before.
    async fn connection(&self) -> Result<(PooledConnection, bool), Error> {
        if let Some(idle) = self.take_idle() {
            return Ok((idle, true));
        }
        let mut connection = self.over(self.0.dialer.dial().await?).await?;
        if self.0.dialer.opens_unproven() {
            self.prove(&mut connection).await?;
        }
        Ok((connection, false))
    }

    /// An HTTP connection over `stream`.
    async fn over(&self, stream: Stream) -> Result<PooledConnection, Error> {
        let (stream, budget) = Budgeted::new(stream);
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(READ_BUFFER)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|e| self.broken(&e))?;
        tokio::spawn(connection);
        Ok(PooledConnection { sender, budget })
    }

    /// Adds the `Host` and `User-Agent` headers.
    fn address(&self, request: &mut Request<RequestBody>) {
        request.headers_mut().insert(HOST, self.0.host.clone());
        request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    }

    /// Checks a new connection with a ping before the first real request. If it breaks after that, the connection was
    /// lost; if it breaks here, the engine could not be reached.
    async fn prove(&self, connection: &mut PooledConnection) -> Result<(), Error> {
        let body = Full::new(Bytes::new()).map_err(|never| match never {}).boxed_unsync();
        let mut ping = Request::new(body);
        *ping.uri_mut() = Uri::from_static("/_ping");
        self.address(&mut ping);
        connection.budget.allow(LARGEST_ANSWER);
        let answer = connection.sender.send_request(ping).await.map_err(|e| self.broken(&e))?;
        self.whole(answer).await.map(drop)?;
        connection.sender.ready().await.map_err(|e| self.broken(&e))
    }

    fn take_idle(&self) -> Option<PooledConnection> {
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|c| !c.sender.is_closed());
        let ready = idle.iter().position(|c| c.sender.is_ready())?;
        Some(idle.swap_remove(ready))
    }

    fn keep(&self, connection: PooledConnection) {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }
}

/// The next piece of a streamed body; `None` at its end.
pub(crate) async fn next_piece<B>(body: &mut B) -> Result<Option<Bytes>, Error>
where
    B: Body<Data = Bytes, Error = hyper::Error> + Unpin,
{
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Err(e)) => return Err(refusal::broken_by(&e)),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
