//! `cube man`: man pages, one for each command, made from the same definitions as `--help`.

use std::io;

use clap::Command;
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};
use cube::Error;

use crate::cli::{
    args::{commands::ManArgs, manual, verbs},
    commands::help::definition,
    outcome::Outcome,
    output::stdio,
};

pub fn man(args: &ManArgs) -> Result<Outcome, Error> {
    let text = if args.list { verbs() } else { page(args.command.as_deref())? };
    stdio::print(&text)?;
    Ok(Outcome::reported(0))
}

/// The commands that have a page, a line each.
fn verbs() -> String {
    verbs::names().map(|(name, _)| format!("{name}\n")).collect()
}

fn page(verb: Option<&str>) -> Result<String, Error> {
    let name = verb.map_or("cube".to_owned(), |verb| format!("cube-{verb}"));
    let mut page = Vec::new();
    write(definition(verb)?.display_name(name), verb, &mut page).map_err(stdio::unwritable)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

fn write(command: Command, verb: Option<&str>, page: &mut Vec<u8>) -> io::Result<()> {
    let has_commands = command.has_subcommands();
    let man = Man::new(command.version(env!("CARGO_PKG_VERSION")).after_help("").after_long_help(""))
        .source(concat!("cube ", env!("CARGO_PKG_VERSION")));
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    examples(verb).to_writer(page)?;
    man.render_options_section(page)?;
    if has_commands {
        man.render_subcommands_section(page)?;
    }
    table("ENVIRONMENT", &manual::ENVIRONMENT).to_writer(page)?;
    table("FILES", &manual::FILES).to_writer(page)?;
    table("EXIT STATUS", &manual::EXIT_STATUS).to_writer(page)?;
    man.render_version_section(page)
}

fn examples(verb: Option<&str>) -> Roff {
    let mut roff = Roff::new();
    let examples = manual::examples(verb);
    if !examples.is_empty() {
        roff.control("SH", ["EXAMPLES"]);
    }
    for example in examples {
        roff.control("TP", []);
        roff.text([roman(example.says)]);
        roff.text([bold(example.line)]);
    }
    roff
}

fn table(heading: &str, rows: &[(&str, &str)]) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [heading]);
    for (name, meaning) in rows {
        roff.control("TP", []);
        roff.text([bold(*name)]);
        roff.text([roman(*meaning)]);
    }
    roff
}
