//! A login as it is kept, whoever keeps it.

/// What is kept for a registry.
pub(super) enum Login {
    Password(String, String),
    Token(String),
}
