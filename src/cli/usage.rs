//! Answers a wrong command line, or one that asks for help or the version.

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind as ClapKind};
use cube::{Action, DockerResult, Error, ErrorKind};

use crate::cli::{
    args::{Problem, verbs, words::Words},
    foreign,
    outcome::{FAILED, RUN_FAILED, USAGE},
    output::{render::json::line, stdio},
};

/// Commands and flags that remove or end something. They are never suggested for a typing error.
const REMOVES: [&str; 6] = ["stop", "rm", "kill", "prune", "--replace", "--rm"];

const COMMANDS_HINT: &str = "`cube help` lists the commands";

/// What a command line asks for, even if it is wrong.
pub struct Asked {
    verb: Option<String>,
    json: bool,
    /// Whether standard output is for the output of the task or of HOST-COMMAND.
    foreground: bool,
}

impl Asked {
    pub fn of(words: &Words) -> Self {
        let foreground = match words.verb.as_deref() {
            Some("with" | "exec" | "attach" | "logs") => true,
            Some("run") => {
                let docker = !words.rest.is_empty() && !words.has("image") && !words.has("file");
                let stays =
                    ["attach", "attach-stream", "interactive", "tty"].iter().any(|name| words.has(name));
                (docker || stays) && !words.has("detach")
            }
            _ => false,
        };
        Self { verb: words.verb.clone(), json: words.wants_json(), foreground }
    }

    fn starts(&self) -> bool {
        matches!(self.verb.as_deref(), Some("run" | "with"))
    }

    fn action(&self) -> Action {
        let verb = self.verb.as_deref().and_then(verbs::find);
        verb.map_or(Action::Start, verbs::Verb::action)
    }
}

/// Prints the error of a command line, or the help or version it asked for.
pub fn show(asked: &Asked, problem: Problem) -> ExitCode {
    let code = match &problem {
        _ if asked.starts() => RUN_FAILED,
        Problem::Own(error) if error.kind() != ErrorKind::InvalidInput => FAILED,
        _ => USAGE,
    };
    let failure = match problem {
        Problem::Clap(problem) if !problem.use_stderr() => return shown(asked, &problem),
        Problem::Clap(problem) if problem.kind() == ClapKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = problem.print();
            return code.into();
        }
        Problem::Clap(problem) => usage_error(&problem, asked.verb.as_deref()),
        Problem::Own(error) => error,
    };
    stdio::error(&failure, false);
    if asked.json {
        let object = line(&DockerResult::success(asked.action()).failed(failure));
        if asked.foreground {
            stdio::err(&object);
        } else {
            let _ = stdio::print(&object);
        }
    }
    code.into()
}

/// Prints the help or the version.
fn shown(asked: &Asked, text: &clap::Error) -> ExitCode {
    match text.print() {
        Err(cause) if !stdio::is_closed_pipe(&cause) => {
            stdio::error(&stdio::unwritable(cause), false);
            (if asked.starts() { RUN_FAILED } else { FAILED }).into()
        }
        _ => ExitCode::SUCCESS,
    }
}

/// clap's error in cube's form: the message is its first paragraph.
fn usage_error(problem: &clap::Error, verb: Option<&str>) -> Error {
    let word = |kind| problem.get(kind).map(ToString::to_string).unwrap_or_default();
    let error = |message: &str| Error::new(ErrorKind::InvalidInput, message);
    match problem.kind() {
        ClapKind::InvalidSubcommand => {
            let name = word(ContextKind::InvalidSubcommand);
            let advice = foreign::command(&name).map(str::to_owned).or_else(|| suggestion(problem));
            return error(&format!("there is no `cube {name}`"))
                .with_hint(advice.unwrap_or_else(|| COMMANDS_HINT.to_owned()));
        }
        ClapKind::MissingSubcommand => return error("the command is missing").with_hint(COMMANDS_HINT),
        _ => {}
    }
    let text = problem.to_string();
    let first: Vec<&str> = text.lines().take_while(|l| !l.is_empty()).map(str::trim).collect();
    let message = first.join(" ");
    // The hint shows the possible values.
    let message = message.split(" [possible values").next().unwrap_or_default();
    let known = verb.filter(|verb| verbs::find(verb).is_some());
    let advice = known.and_then(|verb| foreign::flag(verb, &word(ContextKind::InvalidArg)));
    let hint = advice.map(str::to_owned).or_else(|| suggestion(problem));
    error(message.strip_prefix("error: ").unwrap_or(message)).with_hint(hint.unwrap_or_else(|| match known {
        Some(verb) => format!("see `cube {verb} --help`"),
        None => "see `cube --help`".to_owned(),
    }))
}

/// The hint with what was probably meant.
fn suggestion(problem: &clap::Error) -> Option<String> {
    let (what, value) =
        match (problem.get(ContextKind::SuggestedSubcommand), problem.get(ContextKind::SuggestedArg)) {
            (Some(commands), _) => ("command", commands),
            (_, Some(flag)) => ("flag", flag),
            _ => return valid_values(problem),
        };
    let names = match value {
        ContextValue::String(name) => vec![name.as_str()],
        ContextValue::Strings(names) => names.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    };
    let names: Vec<&str> = names.into_iter().filter(|name| !REMOVES.contains(name)).collect();
    (!names.is_empty()).then(|| format!("a similar {what} is {}", names.join(", ")))
}

fn valid_values(problem: &clap::Error) -> Option<String> {
    match problem.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) if !values.is_empty() => {
            Some(format!("it is one of {}", values.join(", ")))
        }
        _ => None,
    }
}
