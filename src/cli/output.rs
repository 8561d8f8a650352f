//! What cube itself prints, and how a task's output gets to cube's own streams.

pub mod changing_line;
pub mod copy;
pub mod copying;
pub mod draft;
pub mod named_file;
pub mod nonblocking;
pub mod patient;
pub mod progress;
pub mod render;
pub mod result_file;
pub mod size;
pub mod stdio;
pub mod stops;
pub mod table;
pub mod template;
pub mod variables;
pub mod waiting;
