//! How long the parts of a task's life took, as cube measured them.

use serde::Serialize;

/// Whole milliseconds of each part; `None` for what has not been.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Phases {
    /// The image's pull.
    pub pull: Option<u64>,
    /// The creation of the container, without the pull.
    pub create: Option<u64>,
    /// The start, until the engine says that the process runs.
    pub start: Option<u64>,
    /// The wait until it was ready.
    pub ready: Option<u64>,
    /// From the start to the end of the task, or of the command that it ran for.
    pub run: Option<u64>,
    /// The stop that cube asked for.
    pub stop: Option<u64>,
    /// The removal.
    pub remove: Option<u64>,
}
