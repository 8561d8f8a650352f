//! A second process that gives the terminal back as it was if cube dies without a word. It is a fork of cube that
//! hears no signal and waits for the end of a pipe.

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

/// A keeper on post.
pub struct Keeper(PipeWriter);

impl Keeper {
    /// Posts one for `terminal`, whose settings are to be as they were `before`.
    pub fn post(terminal: &OwnedFd, before: &Termios) -> io::Result<Self> {
        let (word, pipe) = io::pipe()?;
        // From its first moment on; without SIGTTOU a process in the background may change the terminal.
        let mask = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        let forked = fork::fork();
        if matches!(forked, Ok(Fork::Child)) {
            drop(pipe);
            stand(word, terminal, before);
        }
        mask.thread_set_mask()?;
        forked.map(|_| Self(pipe))
    }

    /// The terminal is as it was.
    pub fn release(mut self) {
        let _ = self.0.write_all(b".");
    }
}

#[expect(clippy::exit, reason = "a fork must not return into the work of its parent")]
fn stand(mut word: PipeReader, terminal: &OwnedFd, before: &Termios) -> ! {
    let _ = setpgid(None, None);
    let _ = set_name(c"task-terminal");
    // Whoever reads cube's output must not wait for the keeper's.
    let _ = fork::redirect_stdio();
    if !matches!(word.read(&mut [0]), Ok(1)) {
        let _ = tcsetattr(terminal, OptionalActions::Now, before);
    }
    std::process::exit(0)
}
