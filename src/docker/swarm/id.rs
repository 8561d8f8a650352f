//! The id of a service.

/// How long the id of a service is, in digits of base 36.
const ID_LENGTH: usize = 25;

/// Whether this full id is a service's (or a task's, or a node's). A container's has 64 digits.
pub(crate) fn is_swarm_id(id: &str) -> bool {
    id.len() == ID_LENGTH && id.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
}
