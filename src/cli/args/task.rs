//! The flags of `run` and `with`: Docker's names and meanings.

use clap::{
    Args,
    builder::{FalseyValueParser, OsStringValueParser, TypedValueParser as _},
};

use crate::cli::args::{
    docker::DockerArgs,
    files::FileArgs,
    foreground::StreamArgs,
    form::Form,
    names::NamesArgs,
    ready::ReadyArgs,
    record::{LogsWhen, RecordArgs},
};

/// `cube run`
#[derive(Args, Debug)]
#[command(disable_help_flag = true)]
#[command(override_usage = "cube run [OPTIONS] <IMAGE> [COMMAND]...\n       \
    cube run [OPTIONS] --image <IMAGE> [COMMAND]...")]
pub struct RunArgs {
    #[command(flatten)]
    pub task: TaskArgs,
    /// In the foreground: leave the container after its end
    #[arg(long)]
    pub keep: bool,
    /// In the foreground: the longest the task may run; then it is stopped (exit code 124)
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
    /// Write the JSON result to this file
    #[arg(long, value_name = "FILE")]
    pub result_file: Option<std::path::PathBuf>,
    /// Print what would run as JSON, without the values of environment variables, and run nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `cube with`
#[derive(Args, Debug)]
#[command(disable_help_flag = true)]
#[command(override_usage = "cube with [OPTIONS] <IMAGE> [COMMAND]... -- <HOST-COMMAND>...\n       \
    cube with [OPTIONS] --image <IMAGE> [COMMAND]... -- <HOST-COMMAND>...")]
pub struct WithArgs {
    #[command(flatten)]
    pub task: TaskArgs,
    /// End HOST-COMMAND when the task ends first
    #[arg(long)]
    pub fail_fast: bool,
    /// Leave the task stopped at the end, instead of removing it
    #[arg(long)]
    pub keep: bool,
    /// When to show the task's last 50 lines at the end
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub logs: LogsWhen,
    /// The longest HOST-COMMAND may run; then it and the task are stopped (exit code 124)
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
    /// Write the JSON result to this file
    #[arg(long, value_name = "FILE")]
    pub result_file: Option<std::path::PathBuf>,
    /// Print what would run as JSON, without the values of environment variables, and run nothing
    #[arg(long)]
    pub dry_run: bool,
    /// What stands after the first `--`: the command to run on this machine.
    #[arg(skip)]
    pub host_command: Vec<std::ffi::OsString>,
}

/// What a task is.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Args, Debug, Default)]
pub struct TaskArgs {
    /// IMAGE in Docker's own form; then the command and its arguments [default: the image's]
    #[arg(trailing_var_arg = true, value_name = "COMMAND")]
    pub command: Vec<String>,
    /// How the line was written.
    #[arg(skip)]
    pub form: Form,
    /// The task file, if it was read already.
    #[arg(skip)]
    pub file_text: Option<Vec<u8>>,
    /// `-P=false`.
    #[arg(skip)]
    pub publishes_nothing: bool,
    #[command(flatten)]
    pub files: FileArgs,
    #[command(flatten)]
    pub streams: StreamArgs,
    /// Image to run: the scripting form
    #[arg(long)]
    pub image: Option<String>,
    /// Task file: the JSON that --dry-run prints; flags win
    #[arg(long)]
    pub file: Option<std::path::PathBuf>,
    /// Print every flag; -h alone at the end of the line prints the usual ones
    #[arg(long, action = clap::ArgAction::Help)]
    pub help: Option<bool>,
    /// The page of `-h`
    #[arg(long, hide = true, action = clap::ArgAction::HelpShort)]
    pub help_short: Option<bool>,
    /// Name of the container
    #[arg(long)]
    pub name: Option<String>,
    /// First remove cube's own task of the same name
    #[arg(long)]
    pub replace: bool,
    /// Environment variable NAME=VALUE, or NAME from this environment
    #[arg(short, long, value_name = "NAME[=VALUE]", allow_hyphen_values = true, help_heading = "Process")]
    pub env: Vec<String>,
    /// File of environment variables, one a line
    #[arg(long, value_name = "FILE", allow_hyphen_values = true, help_heading = "Process")]
    pub env_file: Vec<std::path::PathBuf>,
    /// Entry point instead of the image's; "" for none
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true, help_heading = "Process")]
    pub entrypoint: Option<String>,
    /// Working directory in the container
    #[arg(short, long, value_name = "PATH", allow_hyphen_values = true, help_heading = "Process")]
    pub workdir: Option<String>,
    /// User or UID, with :GROUP if wanted
    #[arg(short, long, help_heading = "Process")]
    pub user: Option<String>,
    /// Run an init process that forwards signals and reaps orphans
    #[arg(long, help_heading = "Process")]
    pub init: bool,
    /// Signal that stops the task [default: the image's, else SIGTERM]
    #[arg(long, value_name = "SIGNAL", allow_hyphen_values = true, help_heading = "Process")]
    pub stop_signal: Option<String>,
    /// Seconds between that signal and the kill; -1 waits for ever [default: the engine's, 10]
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, help_heading = "Process")]
    pub stop_timeout: Option<i32>,
    /// Restart policy: no, always, unless-stopped, on-failure[:N]; the foreground follows the task through its restarts
    #[arg(long, value_name = "POLICY", allow_hyphen_values = true, help_heading = "Process")]
    pub restart: Option<String>,
    /// Memory limit, for example 512m or 2g
    #[arg(short, long, value_name = "SIZE", allow_hyphen_values = true, help_heading = "Limits")]
    pub memory: Option<String>,
    /// Processor limit, for example 0.5 or 2
    #[arg(
        long,
        visible_alias = "cpu",
        value_name = "NUMBER",
        allow_hyphen_values = true,
        help_heading = "Limits"
    )]
    pub cpus: Option<String>,
    /// Limit of what the task may write to its own layer, for example 1g
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true, help_heading = "Limits")]
    pub disk: Option<String>,
    /// Size of /dev/shm [default: 64m]
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true, help_heading = "Limits")]
    pub shm_size: Option<String>,
    /// Publish a port: [[IP:][HOST]:]PORT[/PROTO]
    #[arg(short, long, value_name = "PORT", allow_hyphen_values = true, help_heading = "Network")]
    pub publish: Vec<String>,
    /// Expose a port: PORT[-PORT][/PROTO]
    #[arg(long, value_name = "PORT", allow_hyphen_values = true, help_heading = "Network")]
    pub expose: Vec<String>,
    /// Publish every exposed port on a free host port; the default of the scripting form
    #[arg(short = 'P', long, help_heading = "Network")]
    pub publish_all: bool,
    /// Publish only what --publish names, not every exposed port
    #[arg(long, help_heading = "Network")]
    pub no_publish_all: bool,
    /// Publish on this host address only
    #[arg(long, value_name = "IP", allow_hyphen_values = true, help_heading = "Network")]
    pub bind: Option<String>,
    /// Host name in the container; `-h` alone at the end of the line is --help
    #[arg(short = 'h', long, value_name = "NAME", allow_hyphen_values = true, help_heading = "Network")]
    pub hostname: Option<String>,
    /// Line for /etc/hosts: NAME:IP
    #[arg(long, value_name = "NAME:IP", allow_hyphen_values = true, help_heading = "Network")]
    pub add_host: Vec<String>,
    /// Mount a volume or a host path: [SOURCE:]PATH[:OPTIONS]
    #[arg(short, long, value_name = "VOLUME", allow_hyphen_values = true, help_heading = "Storage")]
    pub volume: Vec<String>,
    /// Mount a temporary file system: PATH[:OPTIONS]
    #[arg(long, value_name = "PATH", allow_hyphen_values = true, help_heading = "Storage")]
    pub tmpfs: Vec<String>,
    /// Label NAME[=VALUE]
    #[arg(short, long, value_name = "NAME[=VALUE]", allow_hyphen_values = true, help_heading = "Engine")]
    pub label: Vec<String>,
    /// Log driver [default: local, never rotated]
    #[arg(long, value_name = "DRIVER", allow_hyphen_values = true, help_heading = "Engine")]
    pub log_driver: Option<String>,
    /// Option of the log driver: NAME=VALUE
    #[arg(long, value_name = "NAME=VALUE", allow_hyphen_values = true, help_heading = "Engine")]
    pub log_opt: Vec<String>,
    /// When to pull the image: always, missing, never [default: missing]
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true, help_heading = "Engine")]
    pub pull: Option<String>,
    /// How often to try a pull again after a network error or a 5xx answer [default: 3]
    #[arg(long, value_name = "N", allow_hyphen_values = true, help_heading = "Engine")]
    pub pull_retries: Option<u32>,
    /// Platform, as linux/arm64
    #[arg(
        long,
        value_name = "OS[/ARCH]",
        allow_hyphen_values = true,
        env = "DOCKER_DEFAULT_PLATFORM",
        hide_env = true
    )]
    #[arg(help_heading = "Engine")]
    pub platform: Option<String>,
    /// Write the container's id to this file, which must not exist
    #[arg(long, value_name = "FILE", allow_hyphen_values = true, help_heading = "Engine")]
    #[arg(value_parser = OsStringValueParser::new().map(std::path::PathBuf::from))]
    pub cidfile: Option<std::path::PathBuf>,
    /// Past this age any cube command may remove the task
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, help_heading = "Engine")]
    pub ttl: Option<String>,
    /// Run it on the swarm that the engine manages: as a service of one replica
    #[arg(long, env = "CUBE_SWARM", hide_env_values = true, help_heading = "Swarm")]
    #[arg(value_parser = FalseyValueParser::new())]
    pub swarm: bool,
    /// Run only on nodes of which this holds, as node.labels.disk==ssd. Repeatable: all must hold
    #[arg(long, value_name = "KEY==VALUE", allow_hyphen_values = true, help_heading = "Swarm")]
    pub constraint: Vec<String>,
    /// Run on the node of this host name
    #[arg(long, value_name = "NAME", allow_hyphen_values = true, help_heading = "Swarm")]
    pub node: Option<String>,
    /// Health check, run by the image's shell
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true, help_heading = "Health")]
    pub health_cmd: Option<String>,
    /// Time between two checks [default: 30s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, help_heading = "Health")]
    pub health_interval: Option<String>,
    /// Longest a check may take [default: 30s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, help_heading = "Health")]
    pub health_timeout: Option<String>,
    /// Failures in a row that make the task unhealthy [default: 3]
    #[arg(long, value_name = "N", allow_hyphen_values = true, help_heading = "Health")]
    pub health_retries: Option<u32>,
    /// Time after the start in which failures do not count [default: 0s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, help_heading = "Health")]
    pub health_start_period: Option<String>,
    #[command(flatten)]
    pub ready: ReadyArgs,
    #[command(flatten)]
    pub docker: DockerArgs,
    #[command(flatten)]
    pub names: NamesArgs,
    #[command(flatten)]
    pub record: RecordArgs,
}
