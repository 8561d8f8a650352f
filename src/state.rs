//! The states of a task, and the allowed transitions.

use serde::{Deserialize, Serialize};

/// Where a task is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// Not yet sent to an engine.
    #[default]
    Pending,
    /// Sent to the engine; its process does not run yet.
    Scheduled,
    /// Its process runs, is paused, or waits for a restart by its policy.
    Running,
    /// Its process ended with exit code 0, or cube stopped it.
    Completed,
    /// It never started, or its process ended with another exit code.
    Failed,
}

impl State {
    /// Whether a task in this state may change to `next`. A state may always follow itself.
    #[must_use]
    pub fn may_become(self, next: State) -> bool {
        use State::{Completed, Failed, Pending, Running, Scheduled};
        match self {
            Pending => matches!(next, Pending | Scheduled | Failed),
            Scheduled => matches!(next, Scheduled | Running | Completed | Failed),
            Running => matches!(next, Running | Completed | Failed),
            Completed | Failed => next == self,
        }
    }

    /// Whether it is the last state of a task.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, State::Completed | State::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::State::{Completed, Failed, Pending, Running, Scheduled};

    const ALL: [super::State; 5] = [Pending, Scheduled, Running, Completed, Failed];

    #[test]
    fn a_task_moves_forward_only() {
        let allowed: Vec<_> = ALL
            .iter()
            .flat_map(|a| ALL.iter().map(move |b| (*a, *b)))
            .filter(|(a, b)| a != b && a.may_become(*b))
            .collect();
        assert_eq!(
            allowed,
            [
                (Pending, Scheduled),
                (Pending, Failed),
                (Scheduled, Running),
                (Scheduled, Completed),
                (Scheduled, Failed),
                (Running, Completed),
                (Running, Failed),
            ]
        );
    }

    #[test]
    fn every_state_may_stay_and_only_the_ends_are_final() {
        assert!(ALL.iter().all(|s| s.may_become(*s)));
        assert_eq!(ALL.map(super::State::is_final), [false, false, false, true, true]);
    }
}
