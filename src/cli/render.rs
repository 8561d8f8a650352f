//! What is shown: errors with causes and hint, results as text, JSON or shell lines.

use std::{ffi::OsString, fs, io, io::Write, process::ExitCode};

use cube::{Action, DockerResult, Error, ErrorKind, Protocol};

use super::{
    app::{self, App},
    args::{self, Output},
    ending::{Ending, FAILED, Place, RUN_FAILED, USAGE},
};

/// Shows how a command ended and gives its exit code.
pub fn ending(app: &App, ending: &Ending) -> u8 {
    let Some(result) = &ending.result else { return ending.code };
    if let Some(problem) = &result.error {
        error(problem, app.colors_errors());
    }
    match show(app.output(), result, ending) {
        Ok(()) => ending.code,
        Err(problem) => {
            // An output that takes nothing needs to be told of once.
            if result.error.as_ref().map(Error::kind) != Some(ErrorKind::Output) {
                error(&problem, app.colors_errors());
            }
            if ending.code == 0 { FAILED } else { ending.code }
        }
    }
}

fn show(output: Output, result: &DockerResult, ending: &Ending) -> Result<(), Error> {
    if let Some(path) = &ending.file {
        write_result(path, result)?;
    }
    match (output, ending.place) {
        (Output::Json, Place::Stdout) => app::print(&line(result)),
        (Output::Json, Place::Stderr) => {
            let _ = io::stderr().write_all(line(result).as_bytes());
            Ok(())
        }
        (Output::Env, Place::Stdout) if result.error.is_none() => app::print(&shell_lines(result)),
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

fn write_result(path: &std::path::Path, result: &DockerResult) -> Result<(), Error> {
    fs::write(path, line(result)).map_err(|cause| {
        Error::new(ErrorKind::File, format!("cannot write the result file {}", path.display()))
            .with_source(cause)
            .with_hint("name a file in a folder that exists with --result-file")
    })
}

/// Prints an error: what failed, why, and what to try.
pub fn error(error: &Error, colors: bool) {
    let mut text = String::new();
    let (bold, plain) = if colors { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
    text.push_str(&format!("{bold}cube:{plain} {}\n", printable(&error.to_string())));
    for cause in error.causes() {
        text.push_str(&format!("  caused by: {}\n", printable(&cause)));
    }
    if let Some(hint) = error.hint() {
        text.push_str(&format!("  hint: {hint}\n"));
    }
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Prints a step on the way to standard error.
pub fn step(text: &str) {
    let _ = io::stderr().write_all(format!("{}\n", printable(text)).as_bytes());
}

/// Prints a warning to standard error.
pub fn note(text: &str) {
    let _ = io::stderr().write_all(format!("cube: {}\n", printable(text)).as_bytes());
}

/// Control characters could rewrite the user's terminal.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A line of standard output with what the engine told.
pub fn told(text: &str) -> String {
    format!("{}\n", printable(text))
}

/// Shows what is wrong with a command line, or the help or version it asked for.
pub fn usage(argv: &[OsString], problem: &clap::Error) -> ExitCode {
    let verb = args::verb(argv).map(|(_, verb)| verb);
    let starts = matches!(verb, Some("run" | "with"));
    if !problem.use_stderr() {
        return match problem.print() {
            Err(cause) if !app::is_closed_pipe(&cause) => {
                error(&app::unwritable(cause), false);
                (if starts { RUN_FAILED } else { FAILED }).into()
            }
            _ => ExitCode::SUCCESS,
        };
    }
    let code = if starts { RUN_FAILED } else { USAGE };
    if problem.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = problem.print();
        return code.into();
    }
    let failure = usage_error(problem, verb);
    error(&failure, false);
    if wants_json(argv) {
        let object = line(&DockerResult::success(action(argv)).failed(failure));
        if is_foreground(argv, verb) {
            let _ = io::stderr().write_all(object.as_bytes());
        } else {
            let _ = app::print(&object);
        }
    }
    code.into()
}

/// Whether standard output is meant for the task's or HOST-COMMAND's output.
fn is_foreground(argv: &[OsString], verb: Option<&str>) -> bool {
    let own = argv.iter().take_while(|word| *word != "--");
    verb == Some("with")
        || verb == Some("run") && own.into_iter().any(|word| word == "-a" || word == "--attach")
}

/// clap's text in cube's form: its first paragraph is the message, its tip the hint.
fn usage_error(problem: &clap::Error, verb: Option<&str>) -> Error {
    let text = problem.to_string();
    let first: Vec<&str> = text.lines().take_while(|l| !l.is_empty()).map(str::trim).collect();
    let message = first.join(" ");
    let tip =
        text.lines().find_map(|l| l.trim().strip_prefix("tip: ")).filter(|tip| !tip.starts_with("to pass"));
    let known = verb.filter(|_| problem.kind() != clap::error::ErrorKind::InvalidSubcommand);
    let help = known.map_or_else(|| "see `cube --help`".to_owned(), |v| format!("see `cube {v} --help`"));
    Error::new(ErrorKind::InvalidInput, message.strip_prefix("error: ").unwrap_or(&message))
        .with_hint(tip.map_or(help, str::to_owned))
}

fn wants_json(argv: &[OsString]) -> bool {
    let words: Vec<&str> = argv.iter().filter_map(|a| a.to_str()).collect();
    let flag = words.windows(2).any(|pair| matches!(pair, ["-o" | "--output", "json"]));
    flag || words.iter().any(|w| matches!(*w, "-ojson" | "-o=json" | "--output=json"))
        || std::env::var("CUBE_OUTPUT").is_ok_and(|o| o == "json")
}

fn action(argv: &[OsString]) -> Action {
    match args::verb(argv).map(|(_, verb)| verb) {
        Some("stop") => Action::Stop,
        Some("ps") => Action::List,
        Some("logs") => Action::Logs,
        Some("inspect") => Action::Inspect,
        Some("wait") => Action::Wait,
        Some("port") => Action::Port,
        Some("exec") => Action::Exec,
        Some("pull") => Action::Pull,
        Some("prune") => Action::Prune,
        _ => Action::Start,
    }
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
