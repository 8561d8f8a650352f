//! How a command ended: its exit code and what is to be shown.

use cube::{Action, DockerResult, Error, ErrorKind, Origin, Signal};

use crate::cli::{output::result_file::ResultFile, record::closing::Closing};

/// The exit codes of the contract that are no task's.
pub const FAILED: u8 = 1;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// A time limit ran out.
pub const TIMED_OUT: u8 = 124;
/// `run` or `with` failed.
pub const RUN_FAILED: u8 = 125;
/// The task's command cannot be executed.
const NOT_EXECUTABLE: u8 = 126;
/// The task's command is not found.
const NOT_FOUND: u8 = 127;

/// How a command ended.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code.
    pub code: u8,
    /// What is known of what was done.
    pub result: Option<DockerResult>,
    /// Where its JSON form goes.
    pub place: JsonTarget,
    /// A file for the JSON form, whatever the form of the output.
    pub file: Option<ResultFile>,
    /// Whether the error was shown already.
    pub error_shown: bool,
    /// What is shown after the error.
    pub closing: Closing,
}

/// Where the JSON form of a result goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonTarget {
    /// Standard output.
    Stdout,
    /// The last line of standard error: standard output is the task's.
    Stderr,
    /// Nowhere: it was reported already.
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

    /// The end of a task that is not this command's own: its exit code, or a failure where no process has that code.
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
            // A user or a folder that there is not: as with Docker the command cannot be executed.
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

    /// The same outcome of a task that failed for `error`, or whose removal was broken off.
    pub fn after(mut self, error: Option<Error>, removed: Result<(), Error>) -> Self {
        let error = error.or_else(|| removed.err().inspect(|cut| self.code = code(cut, self.code)));
        self.result = self.result.map(|result| match error {
            Some(error) => result.failed(error),
            None => result,
        });
        self
    }

    /// The same outcome of a command in the foreground, whose standard output is not cube's: the JSON
    /// form goes to `file`, else to standard error.
    pub fn in_foreground(mut self, file: Option<ResultFile>) -> Self {
        self.place = if file.is_some() { JsonTarget::Nowhere } else { JsonTarget::Stderr };
        self.file = file;
        self
    }

    /// The same outcome, written to `file` too.
    pub fn also_to(mut self, file: Option<ResultFile>) -> Self {
        self.file = file;
        self
    }
}

/// The exit code of a task as a process's own. An engine may report one that no process on Linux has.
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

/// The exit code for an error; `otherwise` where its kind has none of its own.
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
