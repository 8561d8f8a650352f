//! Runs one container task well: pull, create, start, wait until ready, stream, stop, remove.

mod address;
mod docker;
mod error;

pub use address::{Address, AddressChoice, Surroundings, Tls};
pub use error::{Error, ErrorKind, Origin};
