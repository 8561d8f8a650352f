//! Why an archive cannot be read on.

/// Why an archive cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// Not a byte of it came.
    Empty,
    /// It ends before its end.
    Torn,
    /// It is not what a tar archive may be, in words.
    Malformed(&'static str),
}

pub(crate) fn damaged(reason: &'static str) -> Damage {
    Damage::Malformed(reason)
}
