//! The flags that say when a task counts as ready.

use clap::Args;
use cube::{Config, Error};

use crate::cli::args::flags::{duration, set};

/// What `run` and `with` wait for.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Readiness")]
pub struct ReadyArgs {
    /// Wait for: ready, running, healthy, port[=5432], log=REGEX, log*2=REGEX, http[s]=PORT/path, postgres,
    /// mysql, redis, amqp, file=/path, exec=COMMAND, exit. Repeatable: all must hold
    ///
    /// `ready` uses the health check if there is one, else the protocols of the exposed ports that cube knows, else
    /// `port`. For another port than the protocol's own, write postgres=5433. http also takes ,status=200-299
    /// ,body=REGEX and ,insecure.
    #[arg(long, value_name = "CONDITION", allow_hyphen_values = true)]
    pub wait_for: Vec<String>,
    /// One of the conditions is enough; one that becomes impossible is ignored
    #[arg(long)]
    pub wait_any: bool,
    /// End the wait as failed when a line of the task's output matches. Repeatable
    #[arg(long, value_name = "log=REGEX", allow_hyphen_values = true)]
    pub fail_on: Vec<String>,
    /// Longest time to wait [default: 60s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    pub wait_timeout: Option<String>,
}

impl ReadyArgs {
    pub fn apply(&self, config: &mut Config) -> Result<(), Error> {
        for condition in &self.wait_for {
            config.readiness.wait_for.push(condition.parse()?);
        }
        config.readiness.wait_any |= self.wait_any;
        for sign in &self.fail_on {
            config.readiness.fail_on.push(sign.parse()?);
        }
        set(&mut config.readiness.wait_timeout, duration(self.wait_timeout.as_deref())?);
        Ok(())
    }
}
