//! The id of a service.

/// The length of a service's id, in base-36 digits.
const ID_LENGTH: usize = 25;

/// Whether this full id is that of a service (or of a Swarm task or node). A container's id has 64 digits.
pub(crate) fn is_swarm_id(id: &str) -> bool {
    id.len() == ID_LENGTH && id.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
}
