//! How much of a log's end is asked for.

/// How many lines from the log's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tail {
    /// All there are.
    #[default]
    All,
    /// The last so many.
    Lines(u64),
}
