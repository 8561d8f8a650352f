//! What is mounted into the container.

use crate::config::{
    group::group,
    value::{mount::Mount, tmpfs::Tmpfs},
};

group! {
    /// What is mounted into the container.
    pub struct Storage {
        /// Volumes and host paths to mount.
        pub volumes: Vec<Mount> = Vec::new();
        /// Temporary file systems to mount.
        pub tmpfs: Vec<Tmpfs> = Vec::new();
    }
}
