//! The flags of `run` and `with` that name the variables by which scripts find a task.

use clap::Args;

/// The variables through which scripts find a task.
#[derive(Args, Debug, Default)]
pub struct NamesArgs {
    /// Prefix of the variables, for example DB for `DB_HOST`, `DB_PORT`, … [default: CUBE]
    #[arg(long, value_name = "PREFIX", allow_hyphen_values = true, help_heading = "Names for scripts")]
    pub prefix: Option<String>,
    /// Additional variable: NAME=TEMPLATE with {host}, {port}, {port:5432}, {name}, {id}. Repeatable
    ///
    /// For example URL=postgres://u@{host}:{port:5432}/db. {{ stands for a brace.
    #[arg(long, value_name = "NAME=TEMPLATE", allow_hyphen_values = true)]
    #[arg(help_heading = "Names for scripts")]
    pub export: Vec<String>,
}
