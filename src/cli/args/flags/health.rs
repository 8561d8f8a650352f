//! The flags of the health check.

use clap::Args;
use cube::{Config, Error};

use crate::cli::args::{
    flags::{duration, given, set},
    number::number,
};

/// How the engine checks that the task is healthy.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Health")]
pub struct HealthArgs {
    /// Health check, run by the image's shell
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    pub health_cmd: Option<String>,
    /// Time between two checks [default: 30s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    pub health_interval: Option<String>,
    /// Longest time that a check may take [default: 30s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    pub health_timeout: Option<String>,
    /// Failures in a row that make the task unhealthy [default: 3]
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = number::<u32>)]
    pub health_retries: Option<u32>,
    /// Time after the start in which failures do not count [default: 0s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    pub health_start_period: Option<String>,
    /// Turn off the image's health check
    #[arg(long)]
    pub no_healthcheck: bool,
    /// Time between two checks while --health-start-period lasts [default: 5s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    pub health_start_interval: Option<String>,
}

impl HealthArgs {
    pub fn apply(&self, config: &mut Config) -> Result<(), Error> {
        let health = &mut config.health;
        set(&mut health.command, given(self.health_cmd.as_ref()));
        set(&mut health.interval, duration(self.health_interval.as_deref())?);
        set(&mut health.timeout, duration(self.health_timeout.as_deref())?);
        set(&mut health.retries, self.health_retries);
        set(&mut health.start_period, duration(self.health_start_period.as_deref())?);
        set(&mut health.start_interval, duration(self.health_start_interval.as_deref())?);
        health.disabled |= self.no_healthcheck;
        Ok(())
    }
}
