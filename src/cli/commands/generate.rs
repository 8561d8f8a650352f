//! `cube completions`, `cube man` and `cube help`: from the definitions that `--help` shows.

use cube::{Action, Error, ErrorKind};

use crate::cli::{
    args::{
        commands::{CompletionsArgs, HelpArgs, ManArgs},
        verbs,
    },
    foreign,
    outcome::Outcome,
    output::stdio,
};

pub fn completions(args: &CompletionsArgs) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut verbs::all(), "cube", &mut script);
    printed(&script)
}

pub fn man(args: &ManArgs) -> Outcome {
    let mut page = Vec::new();
    let rendered =
        asked(args.command.as_deref()).map(|command| clap_mangen::Man::new(command).render(&mut page));
    match rendered {
        Ok(Ok(())) => printed(&page),
        Ok(Err(cause)) => Outcome::failure(Action::Inspect, stdio::unwritable(cause)),
        Err(error) => Outcome::failure(Action::Inspect, error),
    }
}

pub fn help(args: &HelpArgs) -> Outcome {
    match asked(args.command.as_deref()) {
        Ok(mut command) => match command.print_long_help() {
            Err(cause) if !stdio::is_closed_pipe(&cause) => {
                Outcome::failure(Action::Inspect, stdio::unwritable(cause))
            }
            _ => Outcome::told(0),
        },
        Err(error) => Outcome::failure(Action::Inspect, error),
    }
}

/// The definition of one command, or of all.
fn asked(name: Option<&str>) -> Result<clap::Command, Error> {
    let mut all = verbs::all();
    let Some(name) = name else { return Ok(all) };
    all.build();
    let found = all.find_subcommand(name).cloned();
    found.ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, format!("there is no `cube {name}`"))
            .with_hint(foreign::command(name).unwrap_or("`cube help` lists the commands"))
    })
}

fn printed(text: &[u8]) -> Outcome {
    let done: Result<(), Error> = stdio::print(&String::from_utf8_lossy(text));
    match done {
        Ok(()) => Outcome::told(0),
        Err(error) => Outcome::failure(Action::Inspect, error),
    }
}
