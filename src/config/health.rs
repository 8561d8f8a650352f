//! How the engine checks whether the task is healthy.

use std::time::Duration;

use crate::{
    config::{group::group, value::duration::DurationText},
    error::{Error, ErrorKind},
};

group! {
    /// How the engine checks whether the task is healthy. A field left out has the image's value, else the engine's
    /// default: interval and timeout 30 s, 3 retries, no start period.
    pub struct HealthCheck {
        /// The command to run, by the image's shell (`CMD-SHELL`).
        pub command: Option<String> = None;
        /// Time between two runs of the check.
        pub interval: Option<Duration> = None, as DurationText;
        /// How long one run may take.
        pub timeout: Option<Duration> = None, as DurationText;
        /// The number of failures in a row that make the task unhealthy.
        pub retries: Option<u32> = None;
        /// Time after the start in which failures do not count.
        pub start_period: Option<Duration> = None, as DurationText;
        /// Time between two runs during the start period. The engine's default is 5 s.
        pub start_interval: Option<Duration> = None, as DurationText;
        /// Whether the image's own health check is left out.
        pub disabled: bool = false;
    }
}

impl HealthCheck {
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.disabled && *self != (Self { disabled: true, ..Self::default() }) {
            let message = "--no-healthcheck and a health check contradict each other";
            return Err(Error::new(ErrorKind::InvalidInput, message)
                .with_hint("leave out --no-healthcheck, or the --health-… flags"));
        }
        Ok(())
    }

    /// Whether nothing is set, so that the image's own health check is used.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
