//! How a command ended: its exit code and what is shown at the end.

use cube::{Action, DockerResult, Error, ErrorKind, Origin, Signal};

use crate::cli::{output::result_file::ResultFile, record::closing::Closing};

/// Exit code: a command other than `run` and `with` failed.
pub const FAILED: u8 = 1;
/// Exit code: the command line is wrong.
pub const USAGE: u8 = 2;
/// Exit code: a time limit ran out.
pub const TIMED_OUT: u8 = 124;
/// Exit code: `run` or `with` failed.
pub const RUN_FAILED: u8 = 125;
/// Exit code: the task's command cannot be executed.
const NOT_EXECUTABLE: u8 = 126;
/// Exit code: the task's command is not found.
const NOT_FOUND: u8 = 127;

/// How a command ended.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code.
    pub code: u8,
    /// The result, if there is one to print.
    pub result: Option<DockerResult>,
    /// Where the result's JSON goes.
    pub place: JsonTarget,
    /// A file that gets the result's JSON as well (`--result-file`).
    pub file: Option<ResultFile>,
    /// Whether the error was shown already.
    pub error_shown: bool,
    /// What is shown after the error.
    pub closing: Closing,
}

/// Where a result's JSON goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonTarget {
    /// Standard output.
    Stdout,
    /// The last line of standard error: standard output belongs to the task.
    Stderr,
    /// Nowhere: the result was reported already.
    Nowhere,
}

impl Outcome {
    /// A success with nothing left to print.
    pub fn reported(code: u8) -> Self {
        Self {
            code,
            result: None,
            place: JsonTarget::Nowhere,
            file: None,
            error_shown: false,
            closing: Closing::default(),
        }
    }

    /// A success with a result to print.
    pub fn success(result: DockerResult) -> Self {
        Self {
            code: 0,
            result: Some(result),
            place: JsonTarget::Stdout,
            file: None,
            error_shown: false,
            closing: Closing::default(),
        }
    }

    /// The end of another command's task: its exit code becomes cube's. A code that no process can have is a failure.
    pub fn of_task(exit_code: i64, result: DockerResult) -> Self {
        let result = DockerResult { exit_code: Some(exit_code), ..result };
        match task_code(exit_code) {
            Ok(code) => Self { code, ..Self::success(result) },
            Err(odd) => Self { code: FAILED, ..Self::success(result.failed(odd)) },
        }
    }

    /// A failure of `action`.
    pub fn failure(action: Action, error: Error) -> Self {
        let code = match (action, error.kind()) {
            (Action::Exec, ErrorKind::CommandNotExecutable) => NOT_EXECUTABLE,
            (Action::Exec, ErrorKind::CommandNotFound) => NOT_FOUND,
            // A missing user or folder: as with Docker, the command cannot be executed.
            (Action::Exec, ErrorKind::InvalidInput) if error.origin() == Origin::Engine => NOT_EXECUTABLE,
            _ => code(&error, FAILED),
        };
        Self {
            code,
            result: Some(DockerResult::success(action).failed(error)),
            place: JsonTarget::Stdout,
            file: None,
            error_shown: false,
            closing: Closing::default(),
        }
    }

    /// A failed start of a task.
    pub fn failed_start(result: DockerResult, error: Error) -> Self {
        let code = code(&error, RUN_FAILED);
        Self {
            code,
            result: Some(result.failed(error)),
            place: JsonTarget::Stdout,
            file: None,
            error_shown: false,
            closing: Closing::default(),
        }
    }

    /// Adds the error that ended the task, or the one that interrupted its removal.
    pub fn after(mut self, error: Option<Error>, removed: Result<(), Error>) -> Self {
        let error = error.or_else(|| removed.err().inspect(|cut| self.code = code(cut, self.code)));
        self.result = self.result.map(|result| match error {
            Some(error) => result.failed(error),
            None => result,
        });
        self
    }

    /// For a command in the foreground, where standard output belongs to the task: the JSON goes to `file`, else to
    /// standard error.
    pub fn in_foreground(mut self, file: Option<ResultFile>) -> Self {
        self.place = if file.is_some() { JsonTarget::Nowhere } else { JsonTarget::Stderr };
        self.file = file;
        self
    }

    /// Writes the result to `file` too.
    pub fn also_to(mut self, file: Option<ResultFile>) -> Self {
        self.file = file;
        self
    }
}

/// A task's exit code as cube's own. Fails for a code that no process on Linux can have.
pub fn task_code(code: i64) -> Result<u8, Error> {
    u8::try_from(code).map_err(|_| {
        Error::new(
            ErrorKind::BadAnswer,
            format!("the engine reports the exit code {code}, which no process has"),
        )
        .with_origin(Origin::Engine)
        .with_hint("`docker version` shows what answers at this address, its log how the task ended")
    })
}

/// The exit code for an error; `otherwise` if its kind has no code of its own.
fn code(error: &Error, otherwise: u8) -> u8 {
    match error.kind() {
        ErrorKind::Interrupted => error.signal().map_or(otherwise, signal_code),
        ErrorKind::InvalidInput if otherwise == FAILED && error.origin() == Origin::Cube => USAGE,
        ErrorKind::TimedOut | ErrorKind::Unschedulable => TIMED_OUT,
        ErrorKind::CommandNotExecutable if otherwise == RUN_FAILED => NOT_EXECUTABLE,
        ErrorKind::CommandNotFound if otherwise == RUN_FAILED => NOT_FOUND,
        _ => otherwise,
    }
}

/// The exit code of a process ended by `signal`.
pub fn signal_code(signal: Signal) -> u8 {
    128_u8.saturating_add(signal.number())
}
