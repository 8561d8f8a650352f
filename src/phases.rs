//! How long each part of a task's life took, as measured by cube.

use serde::Serialize;

/// The duration of each part, in whole milliseconds; `None` for a part that did not happen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Phases {
    /// Pulling the image.
    pub pull: Option<u64>,
    /// Creating the container, without the pull.
    pub create: Option<u64>,
    /// Starting it, until the engine reports that the process runs.
    pub start: Option<u64>,
    /// Waiting until it was ready.
    pub ready: Option<u64>,
    /// From the start to the end of the task, or of HOST-COMMAND.
    pub run: Option<u64>,
    /// Stopping it.
    pub stop: Option<u64>,
    /// Removing it.
    pub remove: Option<u64>,
}
