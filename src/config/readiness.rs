//! When the task counts as ready.

use std::time::Duration;

use crate::config::{
    group::group,
    value::{condition::Condition, duration::DurationText},
};

group! {
    /// When the task counts as ready.
    pub struct Readiness {
        /// What must hold before the task counts as ready; all of them.
        pub wait_for: Vec<Condition> = Vec::new();
        /// How long to wait for that. 60 s by default.
        pub wait_timeout: Option<Duration> = None, as DurationText;
    }
}
