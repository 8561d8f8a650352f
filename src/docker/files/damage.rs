//! Why an archive cannot be read on.

/// Why an archive cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// No byte of it came.
    Empty,
    /// It ends too early.
    Torn,
    /// It is not a valid tar archive, with the reason.
    Malformed(&'static str),
}

pub(crate) fn damaged(reason: &'static str) -> Damage {
    Damage::Malformed(reason)
}
