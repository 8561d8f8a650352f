//! A task: a config with an identity and a state.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    config::Config,
    error::{Error, ErrorKind},
    state::State,
};

/// One container that cube runs, through its whole life.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The task's identity, carried by the container as the label `cube.task.id`.
    pub id: Uuid,
    /// What it is.
    pub config: Config,
    /// The container, once the engine told its id.
    pub container_id: Option<String>,
    /// When its process started, by the engine's clock.
    pub started_at: Option<DateTime<Utc>>,
    /// When its process ended, by the engine's clock.
    pub finished_at: Option<DateTime<Utc>>,
    /// Whether a create request was sent of which it is not known what it did.
    pub(crate) in_doubt: bool,
    state: State,
}

impl Task {
    /// A pending task with a new random (version 4) UUID.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            id: Uuid::new_v4(),
            config,
            container_id: None,
            started_at: None,
            finished_at: None,
            in_doubt: false,
            state: State::Pending,
        }
    }

    /// Where the task is in its life.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Moves the task on.
    ///
    /// # Errors
    /// [`ErrorKind::WrongState`] if [`State::may_become`] forbids it.
    pub fn transition(&mut self, next: State) -> Result<(), Error> {
        if !self.state.may_become(next) {
            let message = format!("task {} is {:?} and cannot become {next:?}", self.id, self.state);
            return Err(Error::new(ErrorKind::WrongState, message));
        }
        self.state = next;
        Ok(())
    }

    /// How messages name the task: its name, else its image.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.config.name {
            Some(name) => name.to_string(),
            None => self.config.image.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_ended_stays_ended() {
        let mut task = Task::new(Config::new("a".parse().unwrap()));
        task.transition(State::Scheduled).unwrap();
        task.transition(State::Running).unwrap();
        task.transition(State::Completed).unwrap();
        assert_eq!(task.transition(State::Running).unwrap_err().kind(), ErrorKind::WrongState);
    }

    #[test]
    fn every_task_has_an_identity_of_its_own() {
        let config = Config::new("a".parse().unwrap());
        assert_ne!(Task::new(config.clone()).id, Task::new(config).id);
    }
}
