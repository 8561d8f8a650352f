//! When the engine starts a container again.

use std::time::Duration;

use crate::model::container::Container;

/// The pause before the first start, which doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// A process that ran for so long begins with the first pause again.
const RAN_WELL: Duration = Duration::from_secs(10);

/// A restart policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    #[default]
    No,
    Always,
    UnlessStopped,
    /// So often at most, or without a limit if that is 0.
    OnFailure(u64),
}

impl Policy {
    /// As a create request has it.
    pub fn read(name: &str, most: u64) -> Self {
        match name {
            "always" => Self::Always,
            "unless-stopped" => Self::UnlessStopped,
            "on-failure" => Self::OnFailure(most),
            _ => Self::No,
        }
    }

    /// Its name, and how often at most.
    pub fn words(self) -> (&'static str, u64) {
        match self {
            Self::No => ("no", 0),
            Self::Always => ("always", 0),
            Self::UnlessStopped => ("unless-stopped", 0),
            Self::OnFailure(most) => ("on-failure", most),
        }
    }
}

impl Container {
    /// Whether its policy starts it again after an end by itself.
    pub fn comes_again(&self) -> bool {
        !self.by_hand && self.would_start()
    }

    /// Whether an engine that comes up starts it: also what was stopped by hand, but for `unless-stopped`.
    pub fn comes_with_engine(&self) -> bool {
        let spared = self.by_hand && self.wanted.policy == Policy::UnlessStopped;
        self.started.is_some() && !spared && self.would_start()
    }

    /// Whether its policy would, had nobody stopped it.
    pub fn would_start(&self) -> bool {
        match self.wanted.policy {
            Policy::No => false,
            Policy::Always | Policy::UnlessStopped => true,
            Policy::OnFailure(0) => self.code != 0,
            Policy::OnFailure(most) => self.code != 0 && self.restarts < most,
        }
    }

    /// The pause before its policy starts it again.
    pub fn next_pause(&mut self) -> Duration {
        let ran = self.started.zip(self.finished).and_then(|(began, ended)| (ended - began).to_std().ok());
        let first = self.pause.is_zero() || ran.is_some_and(|ran| ran >= RAN_WELL);
        self.pause = if first { FIRST_PAUSE } else { LONGEST_PAUSE.min(self.pause * 2) };
        self.pause
    }
}
