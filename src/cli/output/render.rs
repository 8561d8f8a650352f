//! Prints how a command ended: results as JSON or shell lines, errors with their causes and hint.

pub mod json;

use cube::{DockerResult, Error, ErrorKind};

use crate::cli::{
    app::App,
    args::global::OutputFormat,
    outcome::{FAILED, JsonTarget, Outcome, RUN_FAILED},
    output::{
        render::json::line,
        stdio,
        variables::{self, Names},
    },
};

/// Prints how a command ended, and returns the exit code.
pub fn outcome(app: &App, outcome: &Outcome) -> u8 {
    let Some(result) = &outcome.result else { return outcome.code };
    if let Some(problem) = result.error.as_ref().filter(|_| !outcome.error_shown) {
        stdio::error(problem, app.colors_errors());
    }
    outcome.closing.show(result.cause.as_ref());
    match show(app.output(), result, outcome) {
        Ok(()) => outcome.code,
        Err(problem) => {
            // A failure to write the output is reported once.
            let kind = result.error.as_ref().map(Error::kind);
            if !matches!(kind, Some(ErrorKind::Output | ErrorKind::File)) {
                stdio::error(&problem, app.colors_errors());
            }
            match (outcome.code, &outcome.file) {
                (0, None) => FAILED,
                // Only commands that start a task have one.
                (0, Some(_)) => RUN_FAILED,
                (code, _) => code,
            }
        }
    }
}

fn show(output: OutputFormat, result: &DockerResult, outcome: &Outcome) -> Result<(), Error> {
    if let Some(file) = &outcome.file {
        file.write(result)?;
    }
    match (output, outcome.place) {
        (OutputFormat::Json, JsonTarget::Stdout) => stdio::print(&line(result)),
        (OutputFormat::Json, JsonTarget::Stderr) => {
            stdio::err(&line(result));
            Ok(())
        }
        (OutputFormat::Env | OutputFormat::Dotenv | OutputFormat::Github, JsonTarget::Stdout)
            if result.error.is_none() =>
        {
            stdio::print(&script_text(output, result, &Names::default())?)
        }
        _ => Ok(()),
    }
}

/// The text of a result for standard output. With `-o github` the variables go to their file instead.
pub fn script_text(output: OutputFormat, result: &DockerResult, names: &Names) -> Result<String, Error> {
    let id = || result.container_id.iter().map(|id| format!("{id}\n")).collect();
    match output {
        OutputFormat::Text => Ok(id()),
        OutputFormat::Json => Ok(line(result)),
        OutputFormat::Env => Ok(variables::shell_lines(&names.variables(result))),
        OutputFormat::Dotenv => variables::dotenv_lines(&names.variables(result)),
        OutputFormat::Github => variables::append_github(&names.variables(result)).map(|()| id()),
    }
}
