//! The flags of `doctor`.

use clap::{Args, ValueEnum};

/// `cube doctor`
#[derive(Args, Debug)]
#[group(skip)]
pub struct DoctorArgs {
    /// Exit with 1 unless this holds on the engine; repeatable
    #[arg(long, value_enum, value_name = "NAME")]
    pub require: Vec<Promise>,
}

/// What cube promises where the engine allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Promise {
    /// An engine answers
    Engine,
    /// --disk limits what a task writes to its own layer
    Disk,
    /// The output of a task is kept byte for byte
    Logs,
    /// --wait-for port looks inside the task, not at a proxy in front of it
    Port,
    /// Usage is the kernel's own figure at the task's end
    Usage,
    /// A stop does not wait for a task that cannot hear its signal
    Stop,
    /// What is left when cube is killed is removed
    Guard,
    /// --swarm has a manager
    Swarm,
    /// Credentials of a registry are at hand
    Credentials,
}
