//! The id of a task on its engine: a container's or a service's.

use std::{fmt, ops::Deref};

use serde::{Serialize, Serializer};

/// The full id that the engine gave a task, with its kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EngineId {
    /// A container of its own: 64 hex digits.
    Container(String),
    /// A service of the swarm that the engine manages: 25 base-36 digits.
    Service(String),
}

impl EngineId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Container(id) | Self::Service(id) => id,
        }
    }

    /// What it is called if it is not cube's, and the command that removes it.
    pub(crate) fn foreign_words(&self) -> (&'static str, &'static str) {
        match self {
            Self::Container(_) => ("container", "docker rm --force --volumes"),
            Self::Service(_) => ("service", "docker service rm"),
        }
    }
}

/// Whether this is the id of a container, an image or a network, or the beginning of one.
pub(crate) fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

impl Deref for EngineId {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for EngineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<EngineId> for String {
    fn from(id: EngineId) -> Self {
        match id {
            EngineId::Container(id) | EngineId::Service(id) => id,
        }
    }
}

/// The id as a string.
impl Serialize for EngineId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}
