//! The flags of every command.

use clap::{ArgAction, Args, ValueEnum, builder::FalseyValueParser};

/// Flags of every command.
#[derive(Args, Clone, Debug)]
#[group(skip)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Engine address: `unix://PATH`, `tcp://HOST:PORT`, `ssh://USER@HOST`. Repeatable: the first that answers is used
    ///
    /// A container belongs to the engine that answered first. A task on a swarm belongs to all of its managers: if one
    /// does not answer, the next is asked. `CUBE_HOST` may contain several addresses too, separated by spaces.
    #[arg(short = 'H', long, global = true)]
    pub host: Vec<String>,
    /// Docker context with the engine's address; overrides --host
    #[arg(long, global = true, value_name = "NAME", env = "CUBE_CONTEXT")]
    pub context: Option<String>,
    /// Output format
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
    /// Longest time that an engine may take to begin an answer
    #[arg(long, global = true, value_name = "DURATION", default_value = "120s", env = "CUBE_ENGINE_TIMEOUT")]
    #[arg(hide_env_values = true)]
    pub engine_timeout: String,
    /// Print each step to stderr; given twice, each request. Also -v, unless the command has another -v
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
    /// Lines NAME=value without quotes, for an env file
    Dotenv,
    /// Variables appended to the file named by `GITHUB_ENV`; prints the id
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
