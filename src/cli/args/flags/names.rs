//! The flags of `run` and `with` that name the variables by which scripts find a task.

use clap::Args;

/// The variables through which scripts find a task.
#[derive(Args, Debug, Default)]
#[group(skip)]
pub struct NamesArgs {
    /// Name the variables `DB_HOST`, `DB_PORT`, … instead of `CUBE_HOST`, `CUBE_PORT`, …, for several tasks side by
    /// side
    #[arg(long, value_name = "PREFIX", allow_hyphen_values = true, help_heading = "Names for scripts")]
    pub prefix: Option<String>,
    /// One more variable, repeatable: NAME=TEMPLATE with {host}, {port}, {port:5432}, {name}, {id}
    ///
    /// For example --export '`DATABASE_URL=postgres://u@{host}:{port:5432}/db`'. {{ is a brace.
    #[arg(long, value_name = "NAME=TEMPLATE", allow_hyphen_values = true)]
    #[arg(help_heading = "Names for scripts")]
    pub export: Vec<String>,
}
