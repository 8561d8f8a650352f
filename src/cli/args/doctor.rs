//! The flags of `doctor`.

use clap::{Args, ValueEnum};

/// `cube doctor`
#[derive(Args, Debug)]
#[group(skip)]
pub struct DoctorArgs {
    /// Exit with 1 unless this promise holds on the engine. Repeatable
    #[arg(long, value_enum, value_name = "NAME")]
    pub require: Vec<Promise>,
}

/// What cube promises where the engine allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Promise {
    /// An engine answers
    Engine,
    /// --disk limits the size of a task's writable layer
    Disk,
    /// The engine stores a task's output byte for byte
    Logs,
    /// --wait-for port looks inside the task, not at docker-proxy in front of it
    Port,
    /// Usage is read from the kernel at the task's end
    Usage,
    /// A stop does not wait for a task that cannot receive its signal
    Stop,
    /// A task is removed even if cube is killed
    Guard,
    /// The engine is a swarm manager, as --swarm needs
    Swarm,
    /// There are credentials for a registry
    Credentials,
}
