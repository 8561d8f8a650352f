//! Threads beside the caller's. They block all signals, which belong to the program that uses the library.

use std::{
    io,
    thread::{Builder, JoinHandle},
};

use nix::sys::signal::{SigSet, SigmaskHow};

/// Starts `work` on a thread of its own.
pub(crate) fn start<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    // A new thread has the mask of the thread that creates it.
    let mask = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    let started = Builder::new().name(name.to_owned()).spawn(work);
    mask.thread_set_mask()?;
    started
}
