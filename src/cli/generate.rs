//! `cube completions` and `cube man`: from the definitions that `--help` shows.

use clap::CommandFactory;
use cube::{Action, Error};

use super::{
    args::{Cli, CompletionsArgs},
    ending::Ending,
    stdio,
};

pub fn completions(args: &CompletionsArgs) -> Ending {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "cube", &mut script);
    printed(&script)
}

pub fn man() -> Ending {
    let mut page = Vec::new();
    match clap_mangen::Man::new(Cli::command()).render(&mut page) {
        Ok(()) => printed(&page),
        Err(cause) => Ending::failure(Action::Inspect, stdio::unwritable(cause)),
    }
}

fn printed(text: &[u8]) -> Ending {
    let done: Result<(), Error> = stdio::print(&String::from_utf8_lossy(text));
    match done {
        Ok(()) => Ending::told(0),
        Err(error) => Ending::failure(Action::Inspect, error),
    }
}
