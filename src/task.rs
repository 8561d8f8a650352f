//! A task: a config with an identity and a state.

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

/// One container that cube runs, through its whole life.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The task's identity, carried by the container as the label `cube.task.id`.
    pub id: Uuid,
    /// What it is.
    pub config: Box<Config>,
    /// When its process started, by the engine's clock.
    pub started_at: Option<DateTime<Utc>>,
    /// When its process ended, by the engine's clock.
    pub finished_at: Option<DateTime<Utc>>,
    /// The process that it must not outlive.
    pub(crate) owner: Option<Owner>,
    /// The size of its caller's terminal, in columns and rows.
    pub(crate) console_size: Option<(u16, u16)>,
    /// The networks that were found or made for it, if its config says that they may be made.
    pub(crate) networks: Vec<JoinedNetwork>,
    /// Whether a request for a network was sent, and nobody knows what it did.
    pub(crate) makes_network: bool,
    existence: Existence,
    state: State,
}

/// What there may be of a task on its engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Existence {
    /// Nothing that its caller has to care for.
    Nothing,
    /// A create request was sent, and nobody knows what it did.
    InDoubt,
    /// What the engine gave the id of.
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

    /// Takes over what the engine says of it: state and times. A service that lost its node is behind where it was,
    /// and stays there.
    pub fn observe(&mut self, details: &Details) {
        self.started_at = details.started_at;
        self.finished_at = details.finished_at;
        if self.state.may_become(details.state()) {
            self.state = details.state();
        }
    }

    /// Sends the request that creates it. Until the answer is understood, something may exist of the task, also if
    /// the future is dropped.
    pub(crate) async fn created_by(
        &mut self,
        request: impl Future<Output = Result<EngineId, Error>>,
    ) -> Result<EngineId, Error> {
        self.existence = Existence::InDoubt;
        let created = request.await;
        self.existence = match &created {
            Ok(id) => Existence::Known(id.clone()),
            // Only an answer that was lost or is no answer leaves it open what was done.
            Err(e) if matches!(e.kind(), ErrorKind::ConnectionLost | ErrorKind::BadAnswer) => {
                Existence::InDoubt
            }
            Err(_) => Existence::Nothing,
        };
        created
    }

    /// The id that its engine gave it, once there is one.
    #[must_use]
    pub fn engine_id(&self) -> Option<&EngineId> {
        match &self.existence {
            Existence::Known(id) => Some(id),
            Existence::Nothing | Existence::InDoubt => None,
        }
    }

    /// What there may be of it.
    pub(crate) fn existence(&self) -> &Existence {
        &self.existence
    }

    /// Whether there may be anything of it.
    pub(crate) fn may_exist(&self) -> bool {
        self.existence != Existence::Nothing || self.makes_network || !self.networks.is_empty()
    }

    /// Leaves what there is of it to another.
    pub(crate) fn forget(&mut self) {
        self.existence = Existence::Nothing;
        self.networks.clear();
        self.makes_network = false;
    }

    /// Ids of the networks that it joins and cube made.
    pub(crate) fn own_networks(&self) -> Vec<&str> {
        self.networks.iter().filter(|network| network.is_own).map(|network| network.id.as_str()).collect()
    }

    /// The same task with its networks by their ids: of a name there may be several.
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
