//! The arguments of the commands that do not start a task, but for `cp` and `doctor`.

use clap::{Args, builder::FalseyValueParser};

use crate::cli::args::flags::attached::{AttachedArgs, DetachArgs};

/// `cube stop`
#[derive(Args, Debug)]
#[group(skip)]
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
    /// A task that is not there is no error
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
    /// Kill a running task at once; a task that is not there is no error
    #[arg(short, long)]
    pub force: bool,
    /// Remove anonymous volumes too: cube always does
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
    /// Also those that do not run
    #[arg(short, long)]
    pub all: bool,
    /// Only those of which this holds: status=, ancestor=, label=, name=, id=, health=; repeatable
    #[arg(short, long, value_name = "KEY=VALUE")]
    pub filter: Vec<String>,
    /// Those on the swarm that the engine manages, instead of the engine's own
    #[arg(long, env = "CUBE_SWARM", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub swarm: bool,
}

/// `cube logs`
#[derive(Args, Debug)]
#[group(skip)]
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
    /// The tasks; of several the codes are printed in this order, one a line
    #[arg(required = true, value_name = "TASK")]
    pub tasks: Vec<String>,
    /// Wait for this instead of the end; repeatable: all must hold. As `run --wait-for`
    #[arg(long = "for", value_name = "CONDITION")]
    pub conditions: Vec<String>,
    /// One of these conditions is enough; one that becomes impossible drops out
    #[arg(long, requires = "conditions")]
    pub wait_any: bool,
    /// End the wait with 1 once a line of the task's output, from its start on, matches. Repeatable
    #[arg(long, value_name = "log=REGEX")]
    pub fail_on: Vec<String>,
    /// The longest to wait [default: for ever]
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
}

/// `cube port`
#[derive(Args, Debug)]
#[group(skip)]
pub struct PortArgs {
    /// The task
    pub task: String,
    /// One port of the task: its first address as HOST:PORT
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
    /// Pass standard input on, where the task has one: the default
    #[arg(short, long)]
    pub interactive: bool,
    /// Leave standard input alone
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
    /// Platform, as linux/arm64
    #[arg(long, value_name = "OS[/ARCH]", env = "DOCKER_DEFAULT_PLATFORM", hide_env = true)]
    pub platform: Option<String>,
    /// How often to try again after a network error or a 5xx answer
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
    /// Only those of which this holds: label=NAME[=VALUE], name=NAME, until=TIME (made before then); repeatable
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
    /// One command, instead of all
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
