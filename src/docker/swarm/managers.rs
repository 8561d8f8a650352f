//! The managers of one swarm. Each can answer for the whole swarm, so if one does not answer, the next is asked. A
//! request that may have taken effect is sent only once.

use std::{
    iter,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use hyper::{Method, header::HeaderValue};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::{
    address::Address,
    docker::http::{client::Transport, patience::when_back, refusal, stream::Body},
    error::{Error, ErrorKind},
};

/// How long a manager may take to answer if there is another one to ask.
const PATIENCE: Duration = Duration::from_secs(10);

/// One manager, with its address and client.
#[derive(Clone)]
pub(in crate::docker) struct Manager {
    pub(in crate::docker) address: Address,
    pub(in crate::docker) transport: Transport,
}

impl Manager {
    /// Checks whether it answers.
    pub(in crate::docker) async fn ping(&self) -> Result<(), Error> {
        in_time(self.transport.bytes(Method::GET, "/_ping")).await.map(drop)
    }
}

/// All managers, in the order in which they are asked.
#[derive(Clone)]
pub(in crate::docker) struct Managers {
    first: Manager,
    others: Arc<[Manager]>,
    /// The index of the one that answered last, shared by clones.
    turn: Arc<AtomicUsize>,
}

impl Managers {
    pub(in crate::docker) fn new(first: Manager, others: Vec<Manager>) -> Self {
        Self { first, others: others.into(), turn: Arc::default() }
    }

    /// Sends a GET request for JSON.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.ask(|manager| async move { manager.json(Method::GET, path).await }).await
    }

    /// Sends a GET request and returns the bytes.
    pub(crate) async fn bytes(&self, path: &str) -> Result<Bytes, Error> {
        self.ask(|manager| async move { manager.bytes(Method::GET, path).await }).await
    }

    /// Sends a GET request and returns the body as a stream.
    pub(crate) async fn stream(&self, path: &str) -> Result<Body, Error> {
        self.ask(|manager| async move { manager.stream(path).await }).await
    }

    /// Sends a DELETE request. Sending it twice does no harm.
    pub(crate) async fn delete(&self, path: &str) -> Result<(), Error> {
        self.ask(|manager| async move { manager.bytes(Method::DELETE, path).await.map(drop) }).await
    }

    /// Posts JSON once; if there are several managers, to one that has just answered.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: Bytes,
        headers: &[(&'static str, HeaderValue)],
    ) -> Result<T, Error> {
        if !self.others.is_empty() {
            when_back(|| self.get::<serde_json::Value>("/swarm")).await?;
        }
        self.current().post(path, body, headers).await
    }

    /// Whether the first manager, which is the engine itself, still answers.
    pub(crate) fn is_first(&self) -> bool {
        self.turn() == 0
    }

    /// The index of the one that answered last.
    pub(crate) fn turn(&self) -> usize {
        self.turn.load(Ordering::Relaxed)
    }

    /// The one that answered last.
    pub(crate) fn current(&self) -> &Transport {
        &self.all().nth(self.turn()).unwrap_or(&self.first).transport
    }

    fn all(&self) -> impl Iterator<Item = &Manager> + Clone {
        iter::once(&self.first).chain(self.others.iter())
    }

    async fn ask<T, F>(&self, question: impl Fn(Transport) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        if self.others.is_empty() {
            return Box::pin(question(self.first.transport.clone())).await;
        }
        let mut open = Vec::new();
        let in_turn = self.all().enumerate().cycle().skip(self.turn()).take(1 + self.others.len());
        for (place, manager) in in_turn {
            match in_time(Box::pin(question(manager.transport.clone()))).await {
                Err(error) if is_open(&error) => open.push((manager.clone(), error)),
                answered => {
                    self.turn.store(place, Ordering::Relaxed);
                    return answered;
                }
            }
        }
        Err(none_answers(&open))
    }
}

async fn in_time<T>(answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    timeout(PATIENCE, answer).await.unwrap_or_else(|_| Err(refusal::too_slow(PATIENCE)))
}

/// Whether another manager may give a better answer: this one did not answer, or manages no swarm.
fn is_open(error: &Error) -> bool {
    let kinds = [ErrorKind::EngineUnreachable, ErrorKind::ConnectionLost, ErrorKind::Unsupported];
    kinds.contains(&error.kind())
}

/// One error for all of them.
pub(in crate::docker) fn none_answers(open: &[(Manager, Error)]) -> Error {
    let is = |kind: &ErrorKind| open.iter().any(|(_, error)| error.kind() == *kind);
    // If one reports that it manages no swarm, there may be none.
    let kind = [ErrorKind::Unsupported, ErrorKind::ConnectionLost].into_iter().find(is);
    let each: Vec<String> = open.iter().map(|(manager, error)| reason_of(&manager.address, error)).collect();
    Error::new(kind.unwrap_or(ErrorKind::EngineUnreachable), "none of the engines can be asked")
        .with_source(each.join("; "))
        .with_hint("see that one of them is up; a swarm answers while more than half of its managers are")
}

fn reason_of(address: &Address, error: &Error) -> String {
    let (address, error) = (address.to_string(), error.to_string());
    if error.contains(&address) { error } else { format!("{address}: {error}") }
}
