//! The flags of `run` and `with` that keep a record of the task: its output, what it used, why it failed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// The flags that keep a record of a run.
#[derive(Args, Debug, Default)]
#[group(skip)]
pub struct RecordArgs {
    /// In the foreground and in `with`: also write the task's output, both streams, to this file
    #[arg(long, value_name = "FILE", help_heading = "Record")]
    pub log_file: Option<PathBuf>,
    /// When the task fails, write what is known of it to this folder: result.json, task.log, inspect.json, health.json
    ///
    /// DIR,on=always writes it in any case. What --copy-out fetched is in copied-out. The values of environment
    /// variables are left out everywhere in it.
    #[arg(long, value_name = "DIR[,on=failure|always]", help_heading = "Record")]
    pub evidence: Option<String>,
    /// Print one line with what the task used: processor time, memory, disk
    #[arg(long, help_heading = "Record")]
    pub usage: bool,
    /// Folds and annotations in the log of a CI service; auto goes by its variables
    #[arg(long, value_enum, value_name = "SERVICE", default_value_t, help_heading = "Record")]
    pub ci: CiChoice,
}

/// For which CI service marks are written to standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CiChoice {
    /// The service whose variables are set
    #[default]
    Auto,
    /// None
    Off,
    /// GitHub Actions
    Github,
    /// GitLab CI
    Gitlab,
}

/// When a task's last lines are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogsWhen {
    /// When HOST-COMMAND failed or the task ended before it
    #[default]
    OnFailure,
    /// At the end in any case
    Always,
    /// Never
    Never,
}
