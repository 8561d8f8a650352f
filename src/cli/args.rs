//! The command line as typed. The doc comments are the help texts; values are checked one stage later.

pub mod doctor;
pub mod names;
pub mod task;

use std::ffi::{OsStr, OsString};

use clap::{
    ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum,
    builder::{FalseyValueParser, Resettable},
};

use task::{RunArgs, WithArgs};

/// Runs one container task well: pull, start, wait until ready, stream, stop, remove.
///
/// A task is one container that cube runs. TASK is a container id, a unique beginning of one, a
/// container name, or the task's UUID.
#[derive(Debug, Parser)]
#[command(name = "cube", version, max_term_width = 100, after_help = EXIT_CODES)]
#[command(disable_help_subcommand = true, arg_required_else_help = true, args_override_self = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(flatten)]
    pub verbose: Verbose,
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  the task's   run --attach, wait, exec; with: HOST-COMMAND's
  0            success
  1            a command failed (no such task, engine unreachable …)
  2            the command line is wrong (any command but run and with)
  124          --timeout, --wait-timeout or wait --timeout ran out
  125          run, with: cube or the engine failed, or the command line is wrong
  126, 127     the task's command cannot be executed, is not found
  130, 143     ended by SIGINT, SIGTERM";

/// Flags of every command.
#[derive(Args, Clone, Debug)]
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
    /// Tell what is done, on stderr; twice for each request; also -v, which is --volume to run and with
    #[arg(long = "verbose", id = "verbose_long", global = true, action = ArgAction::Count)]
    #[arg(env = "CUBE_VERBOSE", hide_env_values = true, value_parser = verbosity)]
    pub verbose: u8,
}

/// The short form of --verbose, where `-v` does not mean --volume.
#[derive(Args, Clone, Copy, Debug)]
pub struct Verbose {
    /// The same as --verbose
    #[arg(short = 'v', id = "verbose_short", action = ArgAction::Count, hide = true)]
    pub count: u8,
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

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a task: print its id once it runs (or is ready), or stay with it (--attach)
    Run(Box<RunArgs>),
    /// Run a task exactly as long as a command on this machine
    ///
    /// HOST-COMMAND finds `CUBE_HOST`, `CUBE_PORT`, `CUBE_PORT_5432`, `CUBE_CONTAINER_ID` and `CUBE_NAME` in its
    /// environment. Its exit code is cube's.
    With(Box<WithArgs>),
    /// Stop tasks (signal, grace, kill) and remove them with their anonymous volumes
    Stop(StopArgs),
    /// List cube's tasks
    Ps(PsArgs),
    /// Print a task's output
    Logs(LogsArgs),
    /// Print the engine's own JSON of tasks
    Inspect(InspectArgs),
    /// Wait for a task's end, or for a condition; exit with its exit code
    Wait(WaitArgs),
    /// Tell where a task's ports are published
    Port(PortArgs),
    /// Run a command in a task
    Exec(ExecArgs),
    /// Pull an image and print its digest
    Pull(PullArgs),
    /// Remove cube's finished and expired tasks
    Prune(PruneArgs),
    /// Show which engine answers and which promises hold on it
    Doctor(doctor::DoctorArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Print the manual page
    Man,
}

/// `cube stop`
#[derive(Args, Debug)]
pub struct StopArgs {
    /// The tasks
    #[arg(required = true, value_name = "TASK")]
    pub tasks: Vec<String>,
    /// Seconds between the signal and the kill; -1 waits for ever [default: the task's own, else 10]
    #[arg(short = 't', long = "time", visible_alias = "timeout", value_name = "SECONDS")]
    #[arg(allow_negative_numbers = true)]
    pub time: Option<i32>,
    /// Signal that asks the task to end [default: the task's own, else SIGTERM]
    #[arg(short, long)]
    pub signal: Option<String>,
    #[command(flatten)]
    pub verbose: Verbose,
}

/// `cube ps`
#[derive(Args, Debug)]
pub struct PsArgs {
    /// Also those that do not run
    #[arg(short, long)]
    pub all: bool,
    /// Those on the swarm that the engine manages, instead of the engine's own
    #[arg(long, env = "CUBE_SWARM", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub swarm: bool,
    #[command(flatten)]
    pub verbose: Verbose,
}

/// `cube logs`
#[derive(Args, Debug)]
pub struct LogsArgs {
    /// The task
    pub task: String,
    /// Go on until the task ends
    #[arg(short, long)]
    pub follow: bool,
    /// Only the last lines; `all` for all
    #[arg(short = 'n', long, value_name = "N", default_value = "all", allow_negative_numbers = true)]
    pub tail: String,
    /// A time before each line
    #[arg(short, long)]
    pub timestamps: bool,
    /// Only from then on: RFC 3339, a duration back from now, or unix seconds
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only before then
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    #[command(flatten)]
    pub verbose: Verbose,
}

/// `cube inspect`
#[derive(Args, Debug)]
pub struct InspectArgs {
    /// The tasks
    #[arg(required = true, value_name = "TASK")]
    pub tasks: Vec<String>,
    #[command(flatten)]
    pub verbose: Verbose,
}

/// `cube wait`
#[derive(Args, Debug)]
pub struct WaitArgs {
    /// The task
    pub task: String,
    /// Wait for this instead of the end; repeatable: all must hold. As `run --wait-for`
    #[arg(long = "for", value_name = "CONDITION")]
    pub conditions: Vec<String>,
    /// The longest to wait [default: for ever]
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
    #[command(flatten)]
    pub verbose: Verbose,
}

/// `cube port`
#[derive(Args, Debug)]
pub struct PortArgs {
    /// The task
    pub task: String,
    /// One port of the task: its first address as HOST:PORT
    #[arg(value_name = "PORT[/PROTO]")]
    pub port: Option<String>,
    #[command(flatten)]
    pub verbose: Verbose,
}

/// `cube exec`
#[derive(Args, Debug)]
pub struct ExecArgs {
    /// The task
    pub task: String,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub command: Vec<String>,
    /// Environment variable NAME=VALUE, or NAME from this environment
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    pub env: Vec<String>,
    /// User or UID, with :GROUP if wanted
    #[arg(short, long)]
    pub user: Option<String>,
    /// Working directory in the task
    #[arg(short, long, value_name = "PATH")]
    pub workdir: Option<String>,
    /// Pass standard input on
    #[arg(short, long)]
    pub interactive: bool,
    #[command(flatten)]
    pub verbose: Verbose,
}

/// `cube pull`
#[derive(Args, Debug)]
pub struct PullArgs {
    /// The image
    pub image: String,
    /// Platform, as linux/arm64
    #[arg(long, value_name = "OS[/ARCH]", env = "DOCKER_DEFAULT_PLATFORM", hide_env = true)]
    pub platform: Option<String>,
    /// How often to try again after a network error or a 5xx answer
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub pull_retries: u32,
    #[command(flatten)]
    pub verbose: Verbose,
}

/// `cube prune`
#[derive(Args, Debug)]
pub struct PruneArgs {
    /// Only print what would be removed
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub verbose: Verbose,
}

/// `cube completions`
#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

impl Cli {
    /// Reads a command line. Of `with`, what follows the first `--` is another command line, and clap
    /// must not look into it.
    pub fn read(argv: &[OsString]) -> Result<Self, clap::Error> {
        let (own, host_command) = match verb(argv) {
            Some((at, "with")) => split_at_dashes(argv, at),
            _ => (argv, &[][..]),
        };
        let mut definition = Self::command();
        if std::env::vars_os().any(|(name, value)| value.is_empty() && is_cubes(&name)) {
            definition = without_empty_variables(definition);
        }
        let mut matches = definition.try_get_matches_from_mut(own)?;
        let mut cli = Self::from_arg_matches_mut(&mut matches).map_err(|e| e.format(&mut definition))?;
        if let Command::With(with) = &mut cli.command {
            with.host_command = host_command.to_vec();
        }
        Ok(cli)
    }

    /// How talkative: 0, 1 (steps) or more (requests).
    pub fn verbosity(&self) -> u8 {
        let short = match &self.command {
            Command::Run(_) | Command::With(_) | Command::Completions(_) | Command::Man => 0,
            Command::Stop(args) => args.verbose.count,
            Command::Ps(args) => args.verbose.count,
            Command::Logs(args) => args.verbose.count,
            Command::Inspect(args) => args.verbose.count,
            Command::Wait(args) => args.verbose.count,
            Command::Port(args) => args.verbose.count,
            Command::Exec(args) => args.verbose.count,
            Command::Pull(args) => args.verbose.count,
            Command::Prune(args) => args.verbose.count,
            Command::Doctor(args) => args.verbose.count,
        };
        self.global.verbose.saturating_add(self.verbose.count).saturating_add(short)
    }
}

/// A number, or yes or no as of any flag.
fn verbosity(text: &str) -> Result<u8, String> {
    match text.to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "on" => Ok(1),
        "f" | "false" | "n" | "no" | "off" => Ok(0),
        number => number.parse().map_err(|_| "write 0, 1 (steps) or 2 (requests)".to_owned()),
    }
}

fn is_cubes(variable: &OsStr) -> bool {
    variable.as_encoded_bytes().starts_with(b"CUBE_")
}

/// A variable that is empty is one that is not set.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    let command = command.mut_args(|arg| match arg.get_env() {
        Some(name) if is_empty(name) => arg.env(Resettable::Reset),
        _ => arg,
    });
    command.mut_subcommands(without_empty_variables)
}

/// The flags before the command that take their value from the next word.
const VALUED: [&str; 7] = ["-H", "--host", "--context", "-o", "--output", "--color", "--engine-timeout"];

/// The command's name and its place on the command line.
pub fn verb(argv: &[OsString]) -> Option<(usize, &str)> {
    let mut words = argv.iter().map(|word| word.to_str().unwrap_or_default()).enumerate().skip(1);
    while let Some((at, word)) = words.next() {
        if VALUED.contains(&word) {
            words.next();
        } else if !word.starts_with('-') {
            return Some((at, word));
        }
    }
    None
}

fn split_at_dashes(argv: &[OsString], from: usize) -> (&[OsString], &[OsString]) {
    let dashes = argv.iter().skip(from).position(|word| word == "--").map(|at| at + from);
    match dashes.and_then(|at| argv.split_at_checked(at)) {
        Some((own, rest)) => (own, rest.get(1..).unwrap_or_default()),
        None => (argv, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_definitions_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_verb_is_found_behind_global_flags() {
        assert_eq!(verb(&words("cube -H with -q run --name with")), Some((4, "run")));
        assert_eq!(verb(&words("cube -q")), None);
    }

    #[test]
    fn the_host_command_is_not_looked_into() {
        let cli = Cli::read(&words("cube with --image a sh -c x -- cargo test -- --nocapture")).unwrap();
        let Command::With(with) = cli.command else { panic!() };
        assert_eq!(with.command, ["sh", "-c", "x"]);
        assert_eq!(with.host_command, words("cargo test -- --nocapture"));
    }

    #[test]
    fn a_command_begins_at_the_first_word_that_is_no_flag() {
        for line in
            ["cube run --image a -e B=1 sh -e x --image b", "cube run --image a -e B=1 -- sh -e x --image b"]
        {
            let Command::Run(run) = Cli::read(&words(line)).unwrap().command else { panic!() };
            assert_eq!(run.command, ["sh", "-e", "x", "--image", "b"]);
            assert_eq!(run.task.env, ["B=1"]);
        }
    }
}
