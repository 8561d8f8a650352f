//! A login as it is kept, whoever keeps it.

/// The stored login of a registry.
pub(crate) enum Login {
    Password(String, String),
    Token(String),
}
