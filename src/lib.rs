//! Runs one container task well: pull, create, start, wait until ready, stream, stop, remove.

mod error;

pub use error::{Error, ErrorKind, Origin};
