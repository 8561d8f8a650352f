//! A task's output: live from its streams, or from the engine's log.

pub mod attach;
pub mod cursor;
pub mod follow;
pub mod frames;
pub mod log_body;
pub mod logs;
pub mod lost_newlines;
pub mod tail;
pub mod task_output;
