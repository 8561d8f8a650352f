//! The flags for a script that reads the result, or the config that would run.

use std::path::PathBuf;

use clap::Args;

/// Where the result goes, and whether anything runs at all.
#[derive(Args, Debug)]
#[group(skip)]
pub struct ResultArgs {
    /// Write the JSON result to this file
    #[arg(long, value_name = "FILE", help_heading = "Result")]
    pub result_file: Option<PathBuf>,
    /// Print the task as JSON, and run nothing
    ///
    /// Values of environment variables are left out. --file reads this JSON.
    #[arg(long, help_heading = "Result")]
    pub dry_run: bool,
}
