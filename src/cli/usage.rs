//! A command line that is wrong, or that asks for help.

use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

use cube::{Action, DockerResult, Error, ErrorKind};

use crate::cli::{
    args,
    outcome::{FAILED, RUN_FAILED, USAGE},
    output::{render::line, stdio},
};

/// Shows what is wrong with a command line, or the help or version it asked for.
pub fn show(argv: &[OsString], problem: &clap::Error) -> ExitCode {
    let verb = args::verb(argv).map(|(_, verb)| verb);
    let starts = matches!(verb, Some("run" | "with"));
    if !problem.use_stderr() {
        return match problem.print() {
            Err(cause) if !stdio::is_closed_pipe(&cause) => {
                stdio::error(&stdio::unwritable(cause), false);
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
    stdio::error(&failure, false);
    if wants_json(argv) {
        let object = line(&DockerResult::success(action(argv)).failed(failure));
        if is_foreground(argv, verb) {
            let _ = io::stderr().write_all(object.as_bytes());
        } else {
            let _ = stdio::print(&object);
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
