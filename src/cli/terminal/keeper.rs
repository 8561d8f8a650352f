//! A second process that restores the terminal if cube dies unexpectedly. It is a fork of cube with all signals
//! blocked, and waits for the end of a pipe.

use std::{
    io::{self, PipeReader, PipeWriter, Read, Write},
    os::fd::OwnedFd,
};

use fork::Fork;
use nix::sys::signal::{SigSet, SigmaskHow};
use rustix::{
    process::setpgid,
    termios::{OptionalActions, Termios, tcsetattr},
    thread::set_name,
};

/// A running keeper.
pub struct Keeper(PipeWriter);

impl Keeper {
    /// Starts a keeper for `terminal`, which restores the settings `before`.
    pub fn post(terminal: &OwnedFd, before: &Termios) -> io::Result<Self> {
        let (word, pipe) = io::pipe()?;
        // Blocked before the fork. With SIGTTOU blocked, a background process may change the terminal.
        let mask = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        let forked = fork::fork();
        if matches!(forked, Ok(Fork::Child)) {
            drop(pipe);
            stand(word, terminal, before);
        }
        mask.thread_set_mask()?;
        forked.map(|_| Self(pipe))
    }

    /// Ends the keeper: the terminal was restored.
    pub fn release(mut self) {
        let _ = self.0.write_all(b".");
    }
}

#[expect(clippy::exit, reason = "a fork must not return into the work of its parent")]
fn stand(mut word: PipeReader, terminal: &OwnedFd, before: &Termios) -> ! {
    let _ = setpgid(None, None);
    let _ = set_name(c"task-terminal");
    // A reader of cube's output must not have to wait for the keeper to end.
    let _ = fork::redirect_stdio();
    if !matches!(word.read(&mut [0]), Ok(1)) {
        let _ = tcsetattr(terminal, OptionalActions::Now, before);
    }
    std::process::exit(0)
}
