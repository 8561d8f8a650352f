//! Runs one container task well: pull, create, start, wait until ready, stream, stop, remove.

mod decimal;
pub mod duration;
mod env;
mod error;
mod host_entry;
mod image;
mod key_value_file;
mod label;
mod mount;
mod name;
mod platform;
mod port;
mod quantity;
mod restart;
mod signal;
mod text;
mod timestamp;
mod tmpfs;

pub use env::EnvVar;
pub use error::{Error, ErrorKind, Origin};
pub use host_entry::HostEntry;
pub use image::ImageRef;
pub use label::{parse_label, parse_label_file};
pub use mount::Mount;
pub use name::{Name, TaskRef};
pub use platform::Platform;
pub use port::{Binding, HostPort, Port, PortMapping, Protocol};
pub use quantity::{Cpus, Size};
pub use restart::RestartPolicy;
pub use signal::Signal;
pub use timestamp::parse_when;
pub use tmpfs::Tmpfs;
