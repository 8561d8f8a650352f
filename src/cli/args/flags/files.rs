//! The flags that copy files, and `cp`.

use clap::Args;
use cube::{Config, CopyOut, Error};

/// Files to copy in before the start and out at the end.
#[derive(Args, Debug, Default)]
pub struct FileArgs {
    /// Copy a file or folder into the container before it starts. Repeatable
    ///
    /// The value is split at the last `:/`. A folder becomes PATH itself; missing parent folders are made. A dash for
    /// SRC is a tar archive on standard input. Files keep their owner's id unless chown= is given. exclude= takes a
    /// pattern as in .gitignore.
    #[arg(long, value_name = "SRC:PATH[,chown=UID[:GID]][,exclude=GLOB]", help_heading = "Copies")]
    #[arg(allow_hyphen_values = true)]
    pub copy_in: Vec<String>,
    /// Copy a file or folder out of the container at its end. Repeatable
    ///
    /// The value is split at the first `:`. A folder becomes DST itself; a file too, unless DST is a folder. It works
    /// in the foreground and in `with`; for a task in the background, use `cube cp`. After the detach keys the copy is
    /// made only with --rm, when the task has ended.
    #[arg(long, value_name = "PATH:DST[,on=always|success|failure]", help_heading = "Copies")]
    #[arg(allow_hyphen_values = true)]
    pub copy_out: Vec<String>,
}

impl FileArgs {
    pub fn apply(&self, config: &mut Config) -> Result<(), Error> {
        let here = std::env::current_dir().unwrap_or_default();
        for copy in &self.copy_in {
            config.files.copy_in.push(copy.parse()?);
        }
        for copy in &self.copy_out {
            config.files.copy_out.push(copy.parse::<CopyOut>()?.from_folder(&here));
        }
        Ok(())
    }
}

/// `cube cp`
#[derive(Args, Debug)]
#[group(skip)]
#[command(override_usage = "cube cp [OPTIONS] TASK:PATH DST|-\n       cube cp [OPTIONS] SRC|- TASK:PATH")]
pub struct CpArgs {
    /// The source: TASK:PATH, a path of this machine, or - for a tar archive on standard input
    #[arg(value_name = "SRC")]
    pub source: String,
    /// The target: a path of this machine, TASK:PATH, or - for a tar archive on standard output
    #[arg(value_name = "DST")]
    pub target: String,
    /// Follow the link if SRC is one
    #[arg(short = 'L', long)]
    pub follow_link: bool,
    /// Into a task: give the files to the task's user instead of keeping their owner's id
    #[arg(short, long)]
    pub archive: bool,
}
