//! Runs one container task well: pull, create, start, wait until ready, stream, stop, remove.

mod decimal;
pub mod duration;
mod error;
mod quantity;
mod text;

pub use error::{Error, ErrorKind, Origin};
pub use quantity::{Cpus, Size};
