//! The flags of `run` and `with`: Docker's names and meanings.

use clap::Args;

use crate::cli::args::{
    flags::{
        engine::EngineArgs,
        files::FileArgs,
        foreground::StreamArgs,
        health::HealthArgs,
        limits::LimitArgs,
        names::NamesArgs,
        network::NetworkArgs,
        process::ProcessArgs,
        ready::ReadyArgs,
        record::{LogsWhen, RecordArgs},
        result::ResultArgs,
        security::SecurityArgs,
        storage::StorageArgs,
        swarm::SwarmArgs,
    },
    form::Form,
    on_demand::OnDemand,
};

/// `cube run`
#[derive(Args, Debug)]
#[group(skip)]
#[command(disable_help_flag = true)]
#[command(override_usage = "cube run [OPTIONS] <IMAGE> [COMMAND]...\n       \
    cube run [OPTIONS] --image <IMAGE> [COMMAND]...")]
pub struct RunArgs {
    #[command(flatten)]
    pub task: TaskArgs,
    /// In the foreground: keep the container after its end
    #[arg(long, help_heading = "Foreground")]
    pub keep: bool,
    /// In the foreground: longest time that the task may run; then it is stopped (exit code 124)
    #[arg(long, value_name = "DURATION", help_heading = "Foreground")]
    pub timeout: Option<String>,
    #[command(flatten)]
    pub result: ResultArgs,
}

/// `cube with`
#[derive(Args, Debug)]
#[group(skip)]
#[command(disable_help_flag = true)]
#[command(override_usage = "cube with [OPTIONS] <IMAGE> [COMMAND]... -- <HOST-COMMAND>...\n       \
    cube with [OPTIONS] --image <IMAGE> [COMMAND]... -- <HOST-COMMAND>...")]
pub struct WithArgs {
    #[command(flatten)]
    pub task: TaskArgs,
    /// End HOST-COMMAND if the task ends first
    #[arg(long, help_heading = "HOST-COMMAND")]
    pub fail_fast: bool,
    /// Stop the task at the end, but do not remove it
    #[arg(long, help_heading = "HOST-COMMAND")]
    pub keep: bool,
    /// When to show the task's last 50 lines at the end
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, help_heading = "HOST-COMMAND")]
    pub logs: LogsWhen,
    /// Longest time that HOST-COMMAND may run; then it and the task are stopped (exit code 124)
    #[arg(long, value_name = "DURATION", help_heading = "HOST-COMMAND")]
    pub timeout: Option<String>,
    #[command(flatten)]
    pub result: ResultArgs,
    /// The words after the first `--`: the command to run on this machine.
    #[arg(skip)]
    pub host_command: Vec<std::ffi::OsString>,
}

/// What a task is.
#[derive(Args, Debug, Default)]
#[group(skip)]
pub struct TaskArgs {
    /// IMAGE (unless --image is given), then the command [default: the image's]
    #[arg(trailing_var_arg = true, value_name = "COMMAND")]
    pub command: Vec<String>,
    /// The form in which the line was written.
    #[arg(skip)]
    pub form: Form,
    /// The text of the task file, if it was read already.
    #[arg(skip)]
    pub file_text: Option<Vec<u8>>,
    /// `-P=false`.
    #[arg(skip)]
    pub publishes_nothing: bool,
    /// Image to run; chooses the scripting form
    #[arg(long, help_heading = "Task")]
    pub image: Option<String>,
    /// Task file, in the JSON form that --dry-run prints; flags override it
    #[arg(long, help_heading = "Task")]
    pub file: Option<std::path::PathBuf>,
    /// Print all flags; -h as the last word: the common ones
    #[arg(long, action = clap::ArgAction::Help, help_heading = "Task")]
    pub help: Option<bool>,
    /// The page of `-h`
    #[arg(long, hide = true, action = clap::ArgAction::HelpShort)]
    pub help_short: Option<bool>,
    /// Name of the container
    #[arg(long, help_heading = "Task")]
    pub name: Option<String>,
    /// First remove cube's own task with the same name
    #[arg(long, help_heading = "Task")]
    pub replace: bool,
    #[command(flatten)]
    pub streams: StreamArgs,
    #[command(flatten)]
    pub process: ProcessArgs,
    #[command(flatten)]
    pub engine: EngineArgs,
    #[command(flatten)]
    pub swarm: SwarmArgs,
    #[command(flatten)]
    pub network: OnDemand<NetworkArgs>,
    #[command(flatten)]
    pub storage: OnDemand<StorageArgs>,
    #[command(flatten)]
    pub ready: OnDemand<ReadyArgs>,
    #[command(flatten)]
    pub files: OnDemand<FileArgs>,
    #[command(flatten)]
    pub record: OnDemand<RecordArgs>,
    #[command(flatten)]
    pub names: OnDemand<NamesArgs>,
    #[command(flatten)]
    pub limits: OnDemand<LimitArgs>,
    #[command(flatten)]
    pub health: OnDemand<HealthArgs>,
    #[command(flatten)]
    pub security: OnDemand<SecurityArgs>,
}

impl TaskArgs {
    /// Whether every exposed port is published.
    pub fn publishes_all(&self, before: bool) -> bool {
        match self.form {
            Form::Docker => self.network.publish_all,
            Form::Scripting => {
                (before || self.network.publish_all)
                    && !self.network.no_publish_all
                    && !self.publishes_nothing
            }
        }
    }
}
