//! The flags that copy files, and `cp`.

use clap::Args;
use cube::{Config, CopyOut, Error};

/// Files to copy in before the start and out at the end.
#[derive(Args, Debug, Default)]
#[group(skip)]
pub struct FileArgs {
    /// Copy a file or folder of this machine into the container before it starts; repeatable
    ///
    /// Split at the last `:/`. A folder becomes PATH itself; missing parents are made. A dash for SRC is a tar
    /// archive on standard input. Files keep their owner's number unless chown= gives another. exclude= leaves out
    /// what a pattern as in .gitignore means.
    #[arg(long, value_name = "SRC:PATH[,chown=UID[:GID]][,exclude=GLOB]", help_heading = "Files")]
    #[arg(allow_hyphen_values = true)]
    pub copy_in: Vec<String>,
    /// Copy a file or folder out of the container at its end, whatever the end was; repeatable
    ///
    /// Split at the first `:`. A folder becomes DST itself, a file too unless DST is a folder. Only in the foreground
    /// and with `with`; from a task in the background `cube cp` copies. After the detach keys it is made with --rm
    /// alone, when the task has ended.
    #[arg(long, value_name = "PATH:DST[,on=always|success|failure]", help_heading = "Files")]
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
    /// What is copied: TASK:PATH, a path of this machine, or - for a tar archive on standard input
    #[arg(value_name = "SRC")]
    pub source: String,
    /// Where to: a path of this machine, TASK:PATH, or - for a tar archive on standard output
    #[arg(value_name = "DST")]
    pub target: String,
    /// Follow a link that SRC itself is
    #[arg(short = 'L', long)]
    pub follow_link: bool,
    /// Into a task: give the files to its user, not to the numbers they have here
    #[arg(short, long)]
    pub archive: bool,
}
