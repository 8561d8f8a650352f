//! A task: a config with a UUID and a state.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    config::Config,
    docker::{
        container::networks::joined::JoinedNetwork, details::Details, id::EngineId, labels::owner::Owner,
    },
    error::{Error, ErrorKind},
    random_id::random_id,
    state::State,
};

/// One container that cube runs, for its whole life.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The task's UUID, which is also the container's label `cube.task.id`.
    pub id: Uuid,
    /// The description of the container.
    pub config: Box<Config>,
    /// When its process started, by the engine's clock.
    pub started_at: Option<DateTime<Utc>>,
    /// When its process ended, by the engine's clock.
    pub finished_at: Option<DateTime<Utc>>,
    /// The process that the task must not outlive.
    pub(crate) owner: Option<Owner>,
    /// The initial size of its terminal, in columns and rows.
    pub(crate) console_size: Option<(u16, u16)>,
    /// Its networks, found or made, if the config allows making them.
    pub(crate) networks: Vec<JoinedNetwork>,
    /// Whether a request for a network was sent whose effect is unknown.
    pub(crate) makes_network: bool,
    existence: Existence,
    state: State,
}

/// What may exist of a task on its engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Existence {
    /// Nothing that its caller has to remove.
    Nothing,
    /// A create request was sent whose effect is unknown.
    InDoubt,
    /// A container or service with this id.
    Known(EngineId),
}

/// A pending task.
impl From<Config> for Task {
    fn from(config: Config) -> Self {
        Self::new(config)
    }
}

impl Task {
    /// A pending task with a new random (version 4) UUID.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            id: random_id(),
            config: Box::new(config),
            started_at: None,
            finished_at: None,
            owner: None,
            console_size: None,
            networks: Vec::new(),
            makes_network: false,
            existence: Existence::Nothing,
            state: State::Pending,
        }
    }

    /// The task's state.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Changes the state.
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

    /// Takes over state and times from the engine's details. A state that would go back, as for a service that lost its
    /// node, is ignored.
    pub fn observe(&mut self, details: &Details) {
        self.started_at = details.started_at;
        self.finished_at = details.finished_at;
        if self.state.may_become(details.state()) {
            self.state = details.state();
        }
    }

    /// Sends the request that creates it. Until the answer is understood, something of the task may exist, even if the
    /// future is dropped.
    pub(crate) async fn created_by(
        &mut self,
        request: impl Future<Output = Result<EngineId, Error>>,
    ) -> Result<EngineId, Error> {
        self.existence = Existence::InDoubt;
        let created = request.await;
        self.existence = match &created {
            Ok(id) => Existence::Known(id.clone()),
            // Only a request that was sent, with a lost or malformed answer, leaves the effect unknown.
            Err(error) if error.leaves_doubt() => Existence::InDoubt,
            Err(_) => Existence::Nothing,
        };
        created
    }

    /// The id that its engine gave it; `None` before that.
    #[must_use]
    pub fn engine_id(&self) -> Option<&EngineId> {
        match &self.existence {
            Existence::Known(id) => Some(id),
            Existence::Nothing | Existence::InDoubt => None,
        }
    }

    /// What may exist of it.
    pub(crate) fn existence(&self) -> &Existence {
        &self.existence
    }

    /// Whether anything of it may exist.
    pub(crate) fn may_exist(&self) -> bool {
        self.existence != Existence::Nothing || self.makes_network || !self.networks.is_empty()
    }

    /// Forgets what exists of it: somebody else removes it.
    pub(crate) fn forget(&mut self) {
        self.existence = Existence::Nothing;
        self.networks.clear();
        self.makes_network = false;
    }

    /// The ids of its networks that cube made.
    pub(crate) fn own_networks(&self) -> Vec<&str> {
        self.networks.iter().filter(|network| network.is_own).map(|network| network.id.as_str()).collect()
    }

    /// The same task with its networks named by id, because several networks may have one name.
    pub(crate) fn with_networks_by_id(&self) -> Cow<'_, Self> {
        if self.networks.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut task = self.clone();
        for network in &mut task.config.network.networks {
            if let Some(found) = self.networks.iter().find(|found| found.name == network.name) {
                network.name.clone_from(&found.id);
            }
        }
        Cow::Owned(task)
    }

    /// How messages call the task: its name, else its image.
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
