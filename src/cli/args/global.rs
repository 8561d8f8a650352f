//! The flags of every command.

use clap::{ArgAction, Args, ValueEnum, builder::FalseyValueParser};

/// Flags of every command.
#[derive(Args, Clone, Debug)]
#[group(skip)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Engine address: `unix://PATH`, `tcp://HOST:PORT`, `ssh://USER@HOST`; repeatable, the first that answers
    ///
    /// A container stays with the engine that was first to answer. A task on a swarm belongs to all its
    /// managers: when one goes, the next is asked. `CUBE_HOST` may hold several too, parted by spaces.
    #[arg(short = 'H', long, global = true)]
    pub host: Vec<String>,
    /// Docker context to take the engine address from; wins over --host
    #[arg(long, global = true, value_name = "NAME", env = "CUBE_CONTEXT")]
    pub context: Option<String>,
    /// Form of the output
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        default_value_t,
        env = "CUBE_OUTPUT",
        hide_env_values = true
    )]
    pub output: OutputFormat,
    /// No progress and no warnings; ps: ids only
    #[arg(short, long, global = true, env = "CUBE_QUIET", hide_env_values = true)]
    #[arg(value_parser = FalseyValueParser::new())]
    pub quiet: bool,
    /// When to use colours
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t, env = "CUBE_COLOR")]
    #[arg(hide_env_values = true)]
    pub color: When,
    /// The longest an engine may take to begin an answer
    #[arg(long, global = true, value_name = "DURATION", default_value = "120s", env = "CUBE_ENGINE_TIMEOUT")]
    #[arg(hide_env_values = true)]
    pub engine_timeout: String,
    /// Show what is done, on stderr; twice for each request; also -v, where that is no flag of the command
    #[arg(long = "verbose", id = "verbose_long", global = true, action = ArgAction::Count)]
    #[arg(env = "CUBE_VERBOSE", hide_env_values = true, value_parser = verbosity)]
    pub verbose: u8,
}

/// The form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object
    Json,
    /// Lines for `eval "$(…)"` in a POSIX shell
    Env,
    /// Lines NAME=value without quotes, for env files
    Dotenv,
    /// Appended to the file that `GITHUB_ENV` names; the id is printed
    Github,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// A number, or a boolean as for any switch.
fn verbosity(text: &str) -> Result<u8, String> {
    match text.to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "on" => Ok(1),
        "f" | "false" | "n" | "no" | "off" => Ok(0),
        number => number.parse().map_err(|_| "write 0, 1 (steps) or 2 (requests)".to_owned()),
    }
}
