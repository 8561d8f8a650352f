//! The body of a log. podman 4 begins its answer to a request for a followed log with the log's first line, so the
//! answer may be as late as that.

use std::{fmt, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use tokio::{sync::Mutex, time::timeout};

use crate::{docker::http::stream::Body, error::Error};

/// An answer within this time is reported to whoever asks for the log, and a later one to whoever reads it.
const SOON: Duration = Duration::from_millis(250);

/// The body of a log that was asked for.
pub(crate) enum LogBody {
    Open(Body),
    /// Behind a lock that nobody takes, since a future cannot be shared between threads.
    Asked(Mutex<BoxFuture<'static, Result<Body, Error>>>),
    /// The engine has refused it.
    Refused,
}

impl LogBody {
    /// Returns when the engine has answered, or is late with its answer.
    pub(crate) async fn asked(
        answer: impl Future<Output = Result<Body, Error>> + Send + 'static,
    ) -> Result<Self, Error> {
        let mut answer = answer.boxed();
        match timeout(SOON, &mut answer).await {
            Ok(body) => body.map(Self::Open),
            Err(_) => Ok(Self::Asked(Mutex::new(answer))),
        }
    }

    /// As [`Body::next`].
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        if let Self::Asked(answer) = self {
            let answered = answer.get_mut().await;
            *self = Self::Refused;
            *self = Self::Open(answered?);
        }
        match self {
            Self::Open(body) => body.next().await,
            Self::Asked(_) | Self::Refused => Ok(None),
        }
    }
}

impl fmt::Debug for LogBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(body) => body.fmt(f),
            Self::Asked(_) => f.write_str("Asked"),
            Self::Refused => f.write_str("Refused"),
        }
    }
}
