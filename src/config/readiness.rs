//! When the task counts as ready.

use std::time::Duration;

use crate::{
    config::{
        group::group,
        value::{
            condition::{Condition, fail_on::FailOn},
            duration::DurationText,
        },
    },
    error::{Error, ErrorKind},
};

group! {
    /// When the task counts as ready.
    pub struct Readiness {
        /// The conditions for the task to count as ready; all must hold.
        pub wait_for: Vec<Condition> = Vec::new();
        /// Whether one of the conditions is enough. A condition that becomes impossible is then ignored.
        pub wait_any: bool = false;
        /// The signs that the task failed; any of them ends the wait.
        pub fail_on: Vec<FailOn> = Vec::new();
        /// The longest time to wait, with the pull before it. If left out: 60 s from the start on.
        pub wait_timeout: Option<Duration> = None, as DurationText;
    }
}

impl Readiness {
    /// Refuses the other fields if there is no condition to wait for.
    pub(in crate::config) fn check(&self) -> Result<(), Error> {
        let flag = match self {
            Self { wait_for, .. } if !wait_for.is_empty() => return Ok(()),
            Self { wait_any: true, .. } => "--wait-any chooses among conditions",
            Self { fail_on, .. } if !fail_on.is_empty() => "--fail-on ends a wait",
            _ => return Ok(()),
        };
        Err(Error::new(ErrorKind::InvalidInput, format!("{flag}, but nothing is waited for"))
            .with_hint("add --wait-for CONDITION, for example --wait-for port"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_options_need_a_condition() {
        let none = Readiness::default();
        assert!(none.check().is_ok());
        let any = Readiness { wait_any: true, ..none.clone() };
        assert!(any.check().unwrap_err().to_string().starts_with("--wait-any"));
        let fails = Readiness { fail_on: vec!["log=x".parse().unwrap()], ..none };
        assert!(fails.check().unwrap_err().to_string().starts_with("--fail-on"));
        let waits = Readiness { wait_for: vec![Condition::Running], wait_any: true, ..fails };
        assert!(waits.check().is_ok());
    }
}
