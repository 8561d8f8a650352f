//! What is mounted into the container.

use std::collections::BTreeMap;

use crate::config::{
    group::group,
    value::mount::{Mount, full::FullMount, tmpfs::Tmpfs},
};

group! {
    /// What is mounted into the container.
    pub struct Storage {
        /// Volumes and host paths to mount.
        pub volumes: Vec<Mount> = Vec::new();
        /// Temporary file systems to mount.
        pub tmpfs: Vec<Tmpfs> = Vec::new();
        /// Mounts of any type in the long form.
        pub mount: Vec<FullMount> = Vec::new();
        /// Containers whose mounts the task gets too: `NAME`, `NAME:ro`.
        pub volumes_from: Vec<String> = Vec::new();
        /// The driver for volumes that are made for it.
        pub volume_driver: Option<String> = None;
        /// Options of the storage driver.
        pub storage_opt: BTreeMap<String, String> = BTreeMap::new();
        /// Whether the task may use the engine: it gets the engine's socket and its caller's registry credentials.
        pub use_api_socket: bool = false;
    }
}
