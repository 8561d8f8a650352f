//! Why a task failed: one sentence and one remedy. A task that simply exits with a code has no cause.

use serde::Serialize;

/// What made a task fail, as a word that scripts can match (`cause.kind` in the JSON output).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CauseKind {
    /// The kernel ended it because memory ran out, or its runtime reports that its memory is used up.
    OutOfMemory,
    /// Somebody else than cube ended it by a signal.
    Killed,
    /// It ended by a signal of its own fault: an invalid memory access, an abort.
    Crashed,
    /// The program is made for another processor.
    WrongArchitecture,
    /// What a script or program asks for to be run by is not in the image.
    NoInterpreter,
    /// A shared library is not in the image.
    MissingLibrary,
    /// The command is in the image, but it cannot be executed.
    NotExecutable,
    /// The command is not in the image.
    NotFound,
    /// The task's user may not do what it tried.
    Permission,
    /// It tried to write where nothing can be written.
    ReadOnly,
    /// There was no room for what it wrote.
    DiskFull,
    /// Another process has the port.
    PortInUse,
    /// An environment variable that it needs is not set.
    MissingVariable,
    /// A host name has no address.
    NameResolution,
    /// Its health check failed.
    Unhealthy,
    /// A time limit ran out.
    TimedOut,
}

/// Why a task failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// The kind.
    pub kind: CauseKind,
    /// One sentence, lower case and without a full stop. What is inferred is called likely.
    pub message: String,
    /// What to try.
    pub remedy: String,
}
