//! Addresses where nothing listens.
//!
//! They belong to the listener that comes with them, so nobody else gets them while it is held. It is shut down instead
//! of dropped: what is dropped lives on in a child of another test that has not executed its program yet.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::net::{Shutdown, shutdown};

/// A port of 127.0.0.1.
pub fn port() -> (SocketAddr, TcpListener) {
    let listener = end(TcpListener::bind("127.0.0.1:0").unwrap());
    (listener.local_addr().unwrap(), listener)
}

/// A socket's file.
pub fn socket(path: &Path) -> UnixListener {
    end(UnixListener::bind(path).unwrap())
}

fn end<T: AsFd>(listener: T) -> T {
    shutdown(&listener, Shutdown::Both).unwrap();
    listener
}
