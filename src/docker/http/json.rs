//! Answers in JSON, read as Go writes them.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};

/// Go writes an empty map or list as `null`.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + DeserializeOwned,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
