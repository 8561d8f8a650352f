//! How many lines to read from a log's end.

/// How many lines to read from a log's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tail {
    /// All lines.
    #[default]
    All,
    /// This many last lines.
    Lines(u64),
}
