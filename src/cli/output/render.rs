//! How a command ended, as it is shown: results as JSON or shell lines, errors with causes and hint.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use cube::{DockerResult, Error, ErrorKind, Protocol};

use crate::cli::{
    app::App,
    args::OutputFormat,
    outcome::{FAILED, JsonTarget, Outcome},
    output::stdio,
};

/// Shows how a command ended and gives its exit code.
pub fn outcome(app: &App, outcome: &Outcome) -> u8 {
    let Some(result) = &outcome.result else { return outcome.code };
    if let Some(problem) = &result.error {
        stdio::error(problem, app.colors_errors());
    }
    match show(app.output(), result, outcome) {
        Ok(()) => outcome.code,
        Err(problem) => {
            // An output that takes nothing needs to be told of once.
            let told = result.error.as_ref().map(Error::kind);
            if !matches!(told, Some(ErrorKind::Output | ErrorKind::File)) {
                stdio::error(&problem, app.colors_errors());
            }
            if outcome.code == 0 { FAILED } else { outcome.code }
        }
    }
}

fn show(output: OutputFormat, result: &DockerResult, outcome: &Outcome) -> Result<(), Error> {
    if let Some(path) = &outcome.file {
        write_result(path, result)?;
    }
    match (output, outcome.place) {
        (OutputFormat::Json, JsonTarget::Stdout) => stdio::print(&line(result)),
        (OutputFormat::Json, JsonTarget::Stderr) => {
            let _ = io::stderr().write_all(line(result).as_bytes());
            Ok(())
        }
        (OutputFormat::Env, JsonTarget::Stdout) if result.error.is_none() => {
            stdio::print(&shell_lines(result))
        }
        _ => Ok(()),
    }
}

/// The JSON form, as one line.
pub fn line(value: &impl serde::Serialize) -> String {
    let mut line = escaped(&serde_json::to_string(value).unwrap_or_default());
    line.push('\n');
    line
}

/// JSON with every control character as an escape: its own rules leave DEL and those above it as they are.
pub fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}' => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text
}

/// Sees that a result can be written to `path`, where nothing of an earlier one stays.
pub fn reserve(path: &Path) -> Result<(), Error> {
    write_file(path, "")
}

fn write_result(path: &Path, result: &DockerResult) -> Result<(), Error> {
    write_file(path, &line(result))
}

fn write_file(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|cause| {
        Error::new(ErrorKind::File, format!("cannot write the result file {}", path.display()))
            .with_source(cause)
            .with_hint("name a file in a folder that exists with --result-file")
    })
}

/// The variables that tell a script, or `with`'s command, about a task.
pub fn variables(result: &DockerResult) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            variables.push((name.to_owned(), value));
        }
    };
    add("CUBE_CONTAINER_ID", result.container_id.clone());
    add("CUBE_TASK_ID", result.task_id.map(|id| id.to_string()));
    add("CUBE_NAME", result.name.clone());
    let bound = result.ports.iter().filter_map(|(port, bindings)| Some((port, bindings.first()?)));
    let bound: Vec<_> = bound.collect();
    let lowest_tcp = bound.iter().find(|(port, _)| port.protocol == Protocol::Tcp);
    let host = lowest_tcp.or(bound.first()).map(|(_, binding)| binding.host.clone());
    add("CUBE_HOST", Some(host.unwrap_or_else(|| "127.0.0.1".to_owned())));
    add("CUBE_PORT", lowest_tcp.map(|(_, binding)| binding.port.to_string()));
    for (port, binding) in bound {
        let suffix = match port.protocol {
            Protocol::Tcp => String::new(),
            Protocol::Udp => "_UDP".to_owned(),
            Protocol::Sctp => "_SCTP".to_owned(),
        };
        add(&format!("CUBE_PORT_{}{suffix}", port.number), Some(binding.port.to_string()));
    }
    add("CUBE_EXIT_CODE", result.exit_code.map(|code| code.to_string()));
    variables
}

/// The variables as lines for `eval`.
pub fn shell_lines(result: &DockerResult) -> String {
    let lines = variables(result).into_iter().map(|(name, value)| format!("{name}={}\n", quoted(&value)));
    lines.collect()
}

/// A value as one word of a POSIX shell.
pub fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}
