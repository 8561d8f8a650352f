//! The test bed: the binary, the engines, images and registries that the tests use.

pub mod authority;
pub mod bed;
pub mod cube;
pub mod engine;
pub mod guarded;
pub mod image;
pub mod need;
pub mod nobody;
#[path = "../probe/pattern.rs"]
pub mod pattern;
pub mod private;
pub mod programs;
pub mod proxy;
pub mod quota;
pub mod recorder;
pub mod registry;
pub mod request;
pub mod scripted;
pub mod secured;
pub mod sshd;
pub mod swarm;
pub mod window;

pub use bed::{Bed, Task};
pub use cube::Cube;
pub use engine::Engine;
pub use image::{probe, probe_with, shell, tools};
