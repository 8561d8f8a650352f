//! Errors: what failed, on what, why, and what to try. The exit code depends on the kind.

use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::config::value::signal::Signal;

/// What went wrong, as a word that scripts can match (`error.kind` in the JSON output).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value from the caller cannot be used.
    InvalidInput,
    /// A file that the caller named cannot be read or written.
    File,
    /// The engine's address, or a file that it needs, cannot be used.
    BadAddress,
    /// No engine answers at the address.
    EngineUnreachable,
    /// The caller has no permission to use the engine's address.
    PermissionDenied,
    /// The connection broke, or the answer did not come in time.
    ConnectionLost,
    /// The engine's answer cannot be understood.
    BadAnswer,
    /// The engine cannot do what was asked (an old engine, a storage driver without quotas).
    Unsupported,
    /// The image is neither on the engine nor in its registry.
    ImageNotFound,
    /// The registry asks for credentials, or for other ones.
    RegistryAuth,
    /// The registry refuses for now: too many requests.
    RateLimited,
    /// The registry failed or cannot be reached.
    RegistryFailed,
    /// No such task.
    TaskNotFound,
    /// The prefix matches several tasks.
    AmbiguousTask,
    /// The name is already in use.
    NameTaken,
    /// The host port is in use.
    PortTaken,
    /// No network of that name.
    NetworkNotFound,
    /// The task is not in a state that allows this.
    WrongState,
    /// The task's command cannot be executed (exit code 126).
    CommandNotExecutable,
    /// The task's command is not found (exit code 127).
    CommandNotFound,
    /// A path to mount does not exist or cannot be mounted.
    BadMount,
    /// The task ended before it was ready.
    TaskDied,
    /// The task's health check says that it is unhealthy.
    Unhealthy,
    /// A line of the task's output matched `--fail-on`.
    FailOn,
    /// A time limit ran out (exit code 124).
    TimedOut,
    /// cube was ended by a signal (exit code 128 + its number).
    Interrupted,
    /// The port is not published.
    NotPublished,
    /// Swarm found no node for the task in time (exit code 124).
    Unschedulable,
    /// Any other refusal of the engine.
    Engine,
    /// Writing the output failed.
    Output,
}

/// Who reported the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// cube itself.
    Cube,
    /// The engine.
    Engine,
    /// The registry, through the engine.
    Registry,
    /// The task.
    Task,
}

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A failure: an operation on a subject, its cause, and a way out.
///
/// `Display` is one line with the operation; the cause is `source()` and is not repeated in it. `Debug`, which
/// `fn main() -> Result<(), Error>` shows, adds the causes and the hint, one on each line.
pub struct Error(Box<Parts>);

struct Parts {
    kind: ErrorKind,
    origin: Origin,
    message: String,
    hint: Option<String>,
    container_id: Option<String>,
    signal: Option<Signal>,
    /// Whether nothing of the failed request was sent.
    unsent: bool,
    source: Option<Source>,
}

impl Error {
    /// An error of cube's own with the given one-line message (lower case, no full stop).
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            kind,
            origin: Origin::Cube,
            message: message.into(),
            hint: None,
            container_id: None,
            signal: None,
            unsent: false,
            source: None,
        }))
    }

    /// The error for a signal that asked cube to end.
    #[must_use]
    pub fn interrupted(signal: Signal) -> Self {
        let mut error = Self::new(ErrorKind::Interrupted, format!("interrupted by {signal}"));
        error.0.signal = Some(signal);
        error
    }

    /// The error for a value that cannot be used: what it is, the value as given, and the reason.
    pub fn invalid(what: &str, value: &str, reason: impl fmt::Display) -> Self {
        Self::new(ErrorKind::InvalidInput, format!("invalid {what} {value:?}: {reason}"))
    }

    /// The same error with a hint: a command or flag to try.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The same error of another kind.
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// The same error, reported by `origin`.
    #[must_use]
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.0.origin = origin;
        self
    }

    /// The same error with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same error, with a container that still exists.
    #[must_use]
    pub fn with_container(mut self, id: impl Into<String>) -> Self {
        self.0.container_id = Some(id.into());
        self
    }

    /// Notes whether nothing of the failed request was sent.
    #[must_use]
    pub(crate) fn with_nothing_sent(mut self, is: bool) -> Self {
        self.0.unsent = is;
        self
    }

    /// Wraps this error as the cause of a larger operation. Kind, origin, hint and container stay the same.
    #[must_use]
    pub fn during(mut self, message: impl Into<String>) -> Self {
        let cause = std::mem::replace(&mut self.0.message, message.into());
        let source = self.0.source.take();
        self.0.source = Some(Box::new(InnerError { message: cause, source }));
        self
    }

    /// The same error with the text of each cause changed, for example to leave out what must not be shown.
    #[must_use]
    pub fn with_causes(mut self, change: impl Fn(&str) -> String) -> Self {
        let texts: Vec<String> = self.causes().map(|text| change(&text)).collect();
        self.0.source = texts
            .into_iter()
            .rev()
            .fold(None, |source, message| Some(Box::new(InnerError { message, source }) as Source));
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Who reported the error.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.0.origin
    }

    /// A command or flag to try, if there is one.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The container that still exists, if the failure left one on purpose (`--keep`).
    #[must_use]
    pub fn container_id(&self) -> Option<&str> {
        self.0.container_id.as_deref()
    }

    /// The signal, for [`ErrorKind::Interrupted`].
    #[must_use]
    pub fn signal(&self) -> Option<Signal> {
        self.0.signal
    }

    /// Whether the operation may succeed later, when a restarting engine is back.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self.kind(), ErrorKind::EngineUnreachable | ErrorKind::ConnectionLost)
    }

    /// Whether the failed request may have taken effect: at least a part of it was sent, and the answer was lost or
    /// malformed.
    pub(crate) fn leaves_doubt(&self) -> bool {
        matches!(self.kind(), ErrorKind::ConnectionLost | ErrorKind::BadAnswer) && !self.0.unsent
    }

    /// The chain of causes below the message, outermost first.
    pub fn causes(&self) -> impl Iterator<Item = String> {
        let mut next = std::error::Error::source(self);
        std::iter::from_fn(move || {
            let cause = next?;
            next = cause.source();
            Some(cause.to_string())
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        self.causes().try_for_each(|cause| write!(f, "\n  caused by: {cause}"))?;
        self.hint().map_or(Ok(()), |hint| write!(f, "\n  hint: {hint}"))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|s| s as _)
    }
}

/// The JSON form: `kind`, `message` (with its causes), `hint`, `origin`.
impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let message = std::iter::once(self.to_string()).chain(self.causes()).collect::<Vec<_>>().join(": ");
        let mut out = serializer.serialize_struct("Error", 4)?;
        out.serialize_field("kind", &self.0.kind)?;
        out.serialize_field("message", &message)?;
        out.serialize_field("hint", &self.0.hint)?;
        out.serialize_field("origin", &self.0.origin)?;
        out.end()
    }
}

/// The cause at the end of the chain.
pub(crate) fn deepest_cause<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> &'a (dyn std::error::Error + 'static) {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest
}

/// A cause in the chain that was an [`Error`] of its own before [`Error::during`].
#[derive(Debug)]
struct InnerError {
    message: String,
    source: Option<Source>,
}

impl fmt::Display for InnerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for InnerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|s| s as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_error_keeps_its_kind_and_reports_each_cause_once() {
        let error = Error::new(ErrorKind::PortTaken, "port 80 is in use")
            .with_hint("choose another port")
            .during("cannot start web");
        assert_eq!(error.kind(), ErrorKind::PortTaken);
        assert_eq!(error.to_string(), "cannot start web");
        assert_eq!(error.causes().collect::<Vec<_>>(), ["port 80 is in use"]);
        let shown = "cannot start web\n  caused by: port 80 is in use\n  hint: choose another port";
        assert_eq!(format!("{error:?}"), shown);
        let json = serde_json::to_value(&error).unwrap();
        assert_eq!(json["kind"], "port_taken");
        assert_eq!(json["message"], "cannot start web: port 80 is in use");
        assert_eq!(json["hint"], "choose another port");
        assert_eq!(json["origin"], "cube");
    }
}
