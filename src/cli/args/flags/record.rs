//! The flags of `run` and `with` that keep a record of the task: its output, what it used, why it failed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// The flags that keep a record of a run.
#[derive(Args, Debug, Default)]
pub struct RecordArgs {
    /// Also write the task's output to this file, both streams
    ///
    /// Only in the foreground and in `with`.
    #[arg(long, value_name = "FILE", help_heading = "Record")]
    pub log_file: Option<PathBuf>,
    /// If the task fails, write result.json, task.log, inspect.json and health.json to this folder
    ///
    /// DIR,on=always writes them in any case. Files of --copy-out are in the subfolder copied-out. The values of
    /// environment variables are blanked in what cube writes.
    #[arg(long, value_name = "DIR[,on=failure|always]", help_heading = "Record")]
    pub evidence: Option<String>,
    /// Print one line with the task's usage: CPU time, memory, disk
    #[arg(long, help_heading = "Record")]
    pub usage: bool,
    /// Print folds and annotations for a CI service's log; auto looks at its variables
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
