//! Time that passes at once. tokio's paused clock goes on to the next timer also where a socket has something to
//! read, so a runtime of the simulation looks at its sockets a few times more before it lets time pass.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio::{runtime::Builder, sync::Notify};

/// How often in a row the sockets are looked at before time passes, since the engine last read or wrote: the caller
/// reads its answer after the first look and sends its next request at once, which the engine reads after the second.
const QUIET_LOOKS: u32 = 2;
/// Of these, how many count as done when time has passed: what a caller sends then, the engine reads after the first.
const SPARED_LOOKS: u32 = 1;

/// Told of everything that the engine reads or writes.
#[derive(Clone)]
pub struct Activity(Arc<AtomicU32>);

impl Activity {
    /// Something came or went: time stands still for now.
    pub fn note(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// Runs `work` in a time of its own.
pub fn run<F: Future>(work: impl FnOnce(Activity) -> F) -> F::Output {
    let (quiet, looks) = (Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
    let (counted, woken) = (Arc::clone(&quiet), Arc::clone(&looks));
    let runtime = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .start_paused(true)
        .on_thread_park(move || {
            if counted.fetch_add(1, Ordering::Relaxed) < QUIET_LOOKS {
                woken.notify_one();
            } else {
                counted.store(SPARED_LOOKS, Ordering::Relaxed);
            }
        })
        .build()
        .expect("a runtime");
    runtime.block_on(async move {
        tokio::spawn(async move {
            loop {
                looks.notified().await;
            }
        });
        work(Activity(quiet)).await
    })
}
