//! `cube completions` and `cube man`: from the definitions that `--help` shows.

use clap::CommandFactory;
use cube::{Action, Error};

use crate::cli::{
    args::{Cli, CompletionsArgs},
    outcome::Outcome,
    output::stdio,
};

pub fn completions(args: &CompletionsArgs) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "cube", &mut script);
    printed(&script)
}

pub fn man() -> Outcome {
    let mut page = Vec::new();
    match clap_mangen::Man::new(Cli::command()).render(&mut page) {
        Ok(()) => printed(&page),
        Err(cause) => Outcome::failure(Action::Inspect, stdio::unwritable(cause)),
    }
}

fn printed(text: &[u8]) -> Outcome {
    let done: Result<(), Error> = stdio::print(&String::from_utf8_lossy(text));
    match done {
        Ok(()) => Outcome::told(0),
        Err(error) => Outcome::failure(Action::Inspect, error),
    }
}
