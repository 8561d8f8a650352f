//! Why a task failed: one sentence and one remedy. A task that simply exits with a code has no cause.

use serde::Serialize;

/// What made a task fail, as a word that scripts can match (`cause.kind` in the JSON output).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CauseKind {
    /// The kernel ended it because memory ran out, or its runtime reports that its memory is used up.
    OutOfMemory,
    /// A signal that cube did not send ended it.
    Killed,
    /// It crashed: a signal such as SIGSEGV or SIGABRT ended it.
    Crashed,
    /// The program is built for another processor architecture.
    WrongArchitecture,
    /// The script's interpreter, or the program's loader, is not in the image.
    NoInterpreter,
    /// A shared library is not in the image.
    MissingLibrary,
    /// The command is in the image, but it cannot be executed.
    NotExecutable,
    /// The command is not in the image.
    NotFound,
    /// The task's user has no permission for what it tried.
    Permission,
    /// It tried to write to a read-only file system.
    ReadOnly,
    /// A disk or a size limit was full.
    DiskFull,
    /// Another process uses the port.
    PortInUse,
    /// A required environment variable is not set.
    MissingVariable,
    /// A host name has no address.
    NameResolution,
    /// Its health check failed.
    Unhealthy,
    /// Exit code: a time limit ran out.
    TimedOut,
}

/// Why a task failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// The kind.
    pub kind: CauseKind,
    /// One sentence, in lower case and without a full stop. It says "likely" where the reason is inferred.
    pub message: String,
    /// What to try.
    pub remedy: String,
}
