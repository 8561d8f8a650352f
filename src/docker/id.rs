//! The id of a task on its engine, which says what the task is there.

use std::{fmt, ops::Deref};

use serde::{Serialize, Serializer};

/// The full id that the engine gave a task. What kind it is was known when it was created or found, so nobody has
/// to read that from its length.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EngineId {
    /// A container of its own: 64 hex digits.
    Container(String),
    /// A service of the swarm that the engine manages: 25 digits of base 36.
    Service(String),
}

impl EngineId {
    /// The id alone.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Container(id) | Self::Service(id) => id,
        }
    }

    /// What it is called where it is not cube's, and what removes it.
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
