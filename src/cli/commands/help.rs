//! `cube help`: the help of cube, or of a command.

use cube::{Error, ErrorKind};

use crate::cli::{
    args::{commands::HelpArgs, help, verbs},
    foreign,
    outcome::Outcome,
    output::stdio,
};

pub fn help(args: &HelpArgs) -> Result<Outcome, Error> {
    let name = args.command.as_deref();
    definition(name)?;
    let words = ["cube"].into_iter().chain(name).chain(["--help"]);
    // clap alone knows whether --help prints its short or its long form.
    match help::all_for(name.and_then(verbs::find).map(|verb| verb.name)).try_get_matches_from(words) {
        Err(page) => match page.print() {
            Err(cause) if !stdio::is_closed_pipe(&cause) => Err(stdio::unwritable(cause)),
            _ => Ok(Outcome::reported(0)),
        },
        Ok(_) => Ok(Outcome::reported(0)),
    }
}

/// The definition of one command, or of all.
pub fn definition(name: Option<&str>) -> Result<clap::Command, Error> {
    of(name, verbs::all())
}

fn of(name: Option<&str>, mut all: clap::Command) -> Result<clap::Command, Error> {
    all.build();
    let Some(name) = name else { return Ok(all) };
    let found = all.find_subcommand(name).cloned();
    found.ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, format!("there is no `cube {name}`"))
            .with_hint(foreign::command(name).unwrap_or("`cube help` lists the commands"))
    })
}
