//! How the task reaches others and is reached.

use std::net::IpAddr;

use crate::config::{
    group::group,
    value::{
        host_entry::HostEntry,
        port::{Port, PortMapping},
    },
};

group! {
    /// How the task reaches others and is reached.
    pub struct Network {
        /// The network to join; the engine's default bridge if left out.
        pub network: Option<String> = None;
        /// Ports to expose beside the image's own.
        pub expose: Vec<Port> = Vec::new();
        /// Ports to publish on chosen host addresses or ports.
        pub publish: Vec<PortMapping> = Vec::new();
        /// Whether every exposed port is published on a free host port. On by default.
        pub publish_all: bool = true;
        /// The one host address to publish on where a mapping names none. All addresses if left out.
        pub bind: Option<IpAddr> = None;
        /// The container's host name.
        pub hostname: Option<String> = None;
        /// Lines for the container's `/etc/hosts`.
        pub add_hosts: Vec<HostEntry> = Vec::new();
    }
}
