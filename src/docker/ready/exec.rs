//! `exec=COMMAND`: a command, run by the container's shell, exits with 0.

use std::time::Duration;

use tokio::time::sleep;

use crate::{
    docker::{
        container::exec::ExecOptions,
        handle::RunningTask,
        http::patience::Patience,
        ready::progress::{Progress, quote},
    },
    error::{Error, ErrorKind},
};

/// The pause between two runs.
const AGAIN: Duration = Duration::from_millis(100);
/// How much of the end of a command's output is kept, in bytes.
const KEPT: usize = 1 << 20;
/// How long to wait for the exit code: the output may end before the engine knows it.
const EXIT_CODE: Patience = Patience { limit: Duration::from_secs(1), pause: Duration::from_millis(10) };

/// A command that ended.
pub(crate) struct FinishedCommand {
    pub(crate) code: i64,
    /// Both streams, in the order in which they came.
    pub(crate) output: String,
}

pub(crate) async fn wait(task: &RunningTask, command: &str, progress: &Progress) -> Result<(), Error> {
    let command = ["sh", "-c", command].map(str::to_owned).to_vec();
    loop {
        match output(task, command.clone()).await {
            Ok(run) if run.code == 0 => return Ok(()),
            Ok(run) if is_missing(&run) => return Err(no_shell()),
            Ok(run) => progress.note(describe(&run)),
            Err(error) if passes(&error) => progress.note(error.to_string()),
            Err(error) if cannot_run(error.kind()) => return Err(no_shell()),
            Err(error) => return Err(error),
        }
        sleep(AGAIN).await;
    }
}

/// Runs a command in the container to its end.
pub(crate) async fn output(task: &RunningTask, command: Vec<String>) -> Result<FinishedCommand, Error> {
    let options = ExecOptions { command, ..ExecOptions::default() };
    let (mut exec, _input) = task.exec(&options).await?;
    let mut kept = Vec::new();
    while let Some(chunk) = exec.next().await? {
        kept.extend_from_slice(&chunk.bytes);
        kept.drain(..kept.len().saturating_sub(KEPT));
    }
    let unknown =
        |code: &Result<i64, Error>| code.as_ref().is_err_and(|error| error.kind() == ErrorKind::BadAnswer);
    let code = EXIT_CODE.ask(|| exec.code(), unknown).await?;
    Ok(FinishedCommand { code, output: String::from_utf8_lossy(&kept).into_owned() })
}

/// Whether a failure to run a command may pass: the task is waiting for its restart, or is paused.
pub(crate) fn passes(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::WrongState | ErrorKind::Engine | ErrorKind::ConnectionLost)
}

fn cannot_run(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::CommandNotFound | ErrorKind::CommandNotExecutable)
}

/// Whether the command's program is not in the image. Engines write that to its output.
pub(crate) fn is_missing(run: &FinishedCommand) -> bool {
    matches!(run.code, 126 | 127) && run.output.contains("exec failed") && run.output.contains("not found")
}

fn no_shell() -> Error {
    Error::new(ErrorKind::Unsupported, "the image has no shell to run the condition's command")
        .with_hint("use another condition: port, log=REGEX or http=PORT/path")
}

fn describe(run: &FinishedCommand) -> String {
    match run.output.lines().rev().find(|line| !line.trim().is_empty()) {
        Some(line) => format!("it exited with {}: {}", run.code, quote(line)),
        None => format!("it exited with {} and printed nothing", run.code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(code: i64, output: &str) -> FinishedCommand {
        FinishedCommand { code, output: output.to_owned() }
    }

    #[test]
    fn the_last_line_of_the_output_is_reported() {
        assert_eq!(describe(&run(2, "one\nno response\n\n")), "it exited with 2: \"no response\"");
        assert_eq!(describe(&run(1, "")), "it exited with 1 and printed nothing");
    }

    #[test]
    fn a_missing_shell_is_not_a_missing_command() {
        let engine = "OCI runtime exec failed: exec failed: container_linux.go:380: starting container process \
                      caused: exec: \"sh\": executable file not found in $PATH: unknown\r\n";
        assert!(is_missing(&run(126, engine)));
        assert!(!is_missing(&run(127, "sh: pg_isready: not found\n")));
    }
}
