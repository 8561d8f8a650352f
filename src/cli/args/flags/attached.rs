//! The flags of the commands that attach cube to a process: `run`, `with`, `attach`, `exec`.

use clap::Args;

/// The flags of a command that attaches to a task.
#[derive(Args, Debug, Default)]
#[group(skip)]
pub struct AttachedArgs {
    /// Pass signals on to the task [default: true]
    ///
    /// With --sig-proxy=false SIGINT, SIGTERM and SIGHUP still stop the task of `run`; of `attach` they end only cube.
    #[arg(long)]
    pub sig_proxy: bool,
    /// `--sig-proxy=false`.
    #[arg(skip)]
    pub hides_signals: bool,
    #[command(flatten)]
    pub detach: DetachArgs,
}

/// The flag of a command that attaches to any process.
#[derive(Args, Debug, Default)]
#[group(skip)]
pub struct DetachArgs {
    /// Keys to detach and leave it running [default: ctrl-p,ctrl-q]
    #[arg(long, value_name = "KEYS")]
    pub detach_keys: Option<String>,
}
