//! The flags for what runs in the container, and how it ends.

use std::path::PathBuf;

use clap::Args;
use cube::{Config, EnvVar, Error};

use crate::cli::args::{
    flags::{Lookup, given, read, set},
    number::number,
};

/// What runs in the container.
#[derive(Args, Debug, Default)]
#[group(skip)]
#[command(next_help_heading = "Process")]
pub struct ProcessArgs {
    /// Variable NAME=VALUE, or NAME from the environment
    #[arg(short, long, value_name = "NAME[=VALUE]", allow_hyphen_values = true)]
    pub env: Vec<String>,
    /// File of environment variables, one on each line
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub env_file: Vec<PathBuf>,
    /// Entry point instead of the image's; "" for none
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    pub entrypoint: Option<String>,
    /// Working directory in the container
    #[arg(short, long, value_name = "PATH", allow_hyphen_values = true)]
    pub workdir: Option<String>,
    /// User name or id, optionally with :GROUP
    #[arg(short, long)]
    pub user: Option<String>,
    /// Init process that forwards signals, reaps orphans
    #[arg(long)]
    pub init: bool,
    /// Signal that stops the task [default: the image's, else SIGTERM]
    #[arg(long, value_name = "SIGNAL", allow_hyphen_values = true)]
    pub stop_signal: Option<String>,
    /// Seconds between that signal and the kill; -1 waits for ever [default: the engine's, 10]
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, value_parser = number::<i32>)]
    pub stop_timeout: Option<i32>,
    /// Restart policy: no, always, unless-stopped, on-failure[:N]
    ///
    /// In the foreground cube follows the task through its restarts.
    #[arg(long, value_name = "POLICY", allow_hyphen_values = true)]
    pub restart: Option<String>,
    /// `--init=false`.
    #[arg(skip)]
    pub has_no_init: bool,
}

impl ProcessArgs {
    pub fn apply(&self, config: &mut Config, lookup: Lookup) -> Result<(), Error> {
        self.apply_env(config, lookup)?;
        let process = &mut config.process;
        set(&mut process.entrypoint, self.entrypoint.clone());
        set(&mut process.workdir, self.workdir.clone());
        set(&mut process.user, self.user.clone());
        set(&mut process.init, self.init.then_some(true));
        set(&mut process.init, self.has_no_init.then_some(false));
        set(&mut process.stop_signal, given(self.stop_signal.as_ref()).map(|s| s.parse()).transpose()?);
        set(&mut process.stop_timeout, self.stop_timeout);
        if let Some(policy) = &self.restart {
            process.restart = policy.parse()?;
        }
        Ok(())
    }

    fn apply_env(&self, config: &mut Config, lookup: Lookup) -> Result<(), Error> {
        let env = &mut config.process.env;
        for file in &self.env_file {
            let text = read(file, "env file")?;
            env.extend(EnvVar::parse_file(&file.display().to_string(), &text, lookup)?);
        }
        let from = env.len();
        for var in &self.env {
            let var = EnvVar::parse(var, lookup)?;
            // The last --env of a name wins; variables of a file come before.
            let known = env.iter().skip(from).position(|other| other.name() == var.name());
            match known.and_then(|at| env.get_mut(from + at)) {
                Some(known) => *known = var,
                None => env.push(var),
            }
        }
        Ok(())
    }
}
