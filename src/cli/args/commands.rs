//! The arguments of the commands that do not start a task, but for `cp` and `doctor`.

use std::path::PathBuf;

use clap::{Args, builder::FalseyValueParser};

use crate::cli::args::{
    flags::attached::{AttachedArgs, DetachArgs},
    number::number,
};

/// `cube stop`
#[derive(Args, Debug)]
#[group(skip)]
pub struct StopArgs {
    /// The tasks
    #[arg(required = true, value_name = "TASK")]
    pub tasks: Vec<String>,
    /// Seconds between the signal and the kill; -1 waits for ever [default: the task's own, else 10]
    #[arg(short = 't', long = "time", visible_alias = "timeout", value_name = "SECONDS")]
    #[arg(allow_negative_numbers = true, value_parser = number::<i32>)]
    pub time: Option<i32>,
    /// Signal that asks the task to end [default: the task's own, else SIGTERM]
    #[arg(short, long)]
    pub signal: Option<String>,
    /// Ignore tasks that do not exist
    #[arg(long)]
    pub ignore_missing: bool,
}

/// `cube rm`
#[derive(Args, Debug)]
#[group(skip)]
pub struct RmArgs {
    /// The tasks
    #[arg(required = true, value_name = "TASK")]
    pub tasks: Vec<String>,
    /// Kill a running task at once, and ignore tasks that do not exist
    #[arg(short, long)]
    pub force: bool,
    /// Remove anonymous volumes too (cube always does)
    #[arg(short, long)]
    pub volumes: bool,
}

/// `cube kill`
#[derive(Args, Debug)]
#[group(skip)]
pub struct KillArgs {
    /// The tasks
    #[arg(required = true, value_name = "TASK")]
    pub tasks: Vec<String>,
    /// The signal, by name or number [default: SIGKILL]
    #[arg(short, long)]
    pub signal: Option<String>,
}

/// `cube ps`
#[derive(Args, Debug)]
#[group(skip)]
pub struct PsArgs {
    /// List tasks that do not run too
    #[arg(short, long)]
    pub all: bool,
    /// List only tasks that match: status=, ancestor=, label=, name=, id=, health=. Repeatable
    #[arg(short, long, value_name = "KEY=VALUE")]
    pub filter: Vec<String>,
    /// List the tasks on the engine's swarm instead of its own
    #[arg(long, env = "CUBE_SWARM", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub swarm: bool,
}

/// `cube logs`
#[derive(Args, Debug)]
#[group(skip)]
pub struct LogsArgs {
    /// The task
    pub task: String,
    /// Follow the output until the task ends
    #[arg(short, long)]
    pub follow: bool,
    /// Print only this many last lines, or `all`
    #[arg(short = 'n', long, value_name = "N", default_value = "all", allow_negative_numbers = true)]
    pub tail: String,
    /// Print the time before each line
    #[arg(short, long)]
    pub timestamps: bool,
    /// Print output from this time on: RFC 3339, a duration back from now, or unix seconds
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Print output before this time only
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
}

/// `cube inspect`
#[derive(Args, Debug)]
#[group(skip)]
pub struct InspectArgs {
    /// The tasks
    #[arg(required = true, value_name = "TASK")]
    pub tasks: Vec<String>,
}

/// `cube wait`
#[derive(Args, Debug)]
#[group(skip)]
pub struct WaitArgs {
    /// The tasks; the exit codes of several are printed in this order, one on each line
    #[arg(required = true, value_name = "TASK")]
    pub tasks: Vec<String>,
    /// Wait for this condition instead of the end, as in `run --wait-for`. Repeatable: all must hold
    #[arg(long = "for", value_name = "CONDITION")]
    pub conditions: Vec<String>,
    /// One of the conditions is enough; one that becomes impossible is ignored
    #[arg(long, requires = "conditions")]
    pub wait_any: bool,
    /// End the wait with exit code 1 when a line of the task's output matches. Repeatable
    #[arg(long, value_name = "log=REGEX")]
    pub fail_on: Vec<String>,
    /// Longest time to wait [default: no limit]
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
}

/// `cube port`
#[derive(Args, Debug)]
#[group(skip)]
pub struct PortArgs {
    /// The task
    pub task: String,
    /// Print only the first address of this port of the task, as HOST:PORT
    #[arg(value_name = "PORT[/PROTO]")]
    pub port: Option<String>,
}

/// `cube exec`
#[derive(Args, Debug)]
#[group(skip)]
pub struct ExecArgs {
    /// The task
    pub task: String,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub command: Vec<String>,
    /// Variable NAME=VALUE, or NAME from the environment
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    pub env: Vec<String>,
    /// Read environment variables from a file of NAME=VALUE lines
    #[arg(long, value_name = "FILE")]
    pub env_file: Vec<PathBuf>,
    /// Give the command every capability, whatever the task has
    #[arg(long)]
    pub privileged: bool,
    /// User name or id, optionally with :GROUP
    #[arg(short, long)]
    pub user: Option<String>,
    /// Working directory in the task
    #[arg(short, long, value_name = "PATH")]
    pub workdir: Option<String>,
    /// Pass standard input on
    #[arg(short, long)]
    pub interactive: bool,
    /// Give the command a terminal
    #[arg(short, long)]
    pub tty: bool,
    #[command(flatten)]
    pub detach: DetachArgs,
}

/// For a task that runs without cube, `--sig-proxy=false` is another thing than for one that cube started.
const SIG_PROXY_OF_ATTACH: &str = "Pass signals on to the task; with --sig-proxy=false SIGINT, SIGTERM and SIGHUP end cube alone [default: true]";

/// `cube attach`
#[derive(Args, Debug)]
#[group(skip)]
#[command(mut_arg("sig_proxy", |arg| arg.help(SIG_PROXY_OF_ATTACH)))]
pub struct AttachArgs {
    /// The task
    pub task: String,
    /// Pass standard input on if the task has an open one (the default)
    #[arg(short, long)]
    pub interactive: bool,
    /// Do not read standard input
    #[arg(long)]
    pub no_stdin: bool,
    #[command(flatten)]
    pub attached: AttachedArgs,
}

/// `cube pull`
#[derive(Args, Debug)]
#[group(skip)]
pub struct PullArgs {
    /// The image
    pub image: String,
    /// Platform of the image, for example linux/arm64
    #[arg(long, value_name = "OS[/ARCH]", env = "DOCKER_DEFAULT_PLATFORM", hide_env = true)]
    pub platform: Option<String>,
    /// How often to try again after a network error or a 5xx status
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub pull_retries: u32,
}

/// `cube prune`
#[derive(Args, Debug)]
#[group(skip)]
pub struct PruneArgs {
    /// Only print what would be removed
    #[arg(long)]
    pub dry_run: bool,
    /// Remove only what matches: label=NAME[=VALUE], name=NAME, until=TIME (made before then). Repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    pub filter: Vec<String>,
}

/// `cube completions`
#[derive(Args, Debug)]
#[group(skip)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// `cube man`
#[derive(Args, Debug)]
#[group(skip)]
pub struct ManArgs {
    /// The command [default: cube itself]
    pub command: Option<String>,
    /// Print the names of the commands that have a page
    #[arg(long, hide = true, conflicts_with = "command")]
    pub list: bool,
}

/// `cube help`
#[derive(Args, Debug)]
#[group(skip)]
pub struct HelpArgs {
    /// The command
    #[arg(value_name = "COMMAND")]
    pub command: Option<String>,
}
