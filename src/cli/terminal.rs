//! cube's own terminal while a task uses it: raw mode, its size and changes of it, the detach keys.

pub mod keeper;
pub mod keys;

use std::{
    future::pending,
    io::{self, IsTerminal},
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use cube::{Docker, Error, Input, RunningTask};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
    time::sleep,
};

use crate::cli::{
    output::{patient::read_stdin, stdio},
    terminal::{
        keeper::Keeper,
        keys::{DetachKeys, Typed},
    },
};

/// The byte that a terminal sends for the end of its input (Ctrl-D).
const END_OF_FILE: u8 = 4;
/// How often setting the size is tried: a new process may not have its terminal yet, and no event says when it has.
const SIZE_TRIES: u32 = 10;

/// Whether cube's standard input is a terminal.
pub fn is_at_hand() -> bool {
    io::stdin().is_terminal()
}

/// A terminal in raw mode: what is typed reaches the task unchanged. The settings are restored on drop, or by a second
/// process if cube dies unexpectedly.
pub struct RawMode {
    terminal: OwnedFd,
    before: Termios,
    keeper: Option<Keeper>,
}

impl RawMode {
    /// `None` if standard input is not a terminal.
    pub fn enter() -> Option<Self> {
        let stdin = io::stdin();
        let before = tcgetattr(stdin.as_fd()).ok()?;
        let terminal = stdin.as_fd().try_clone_to_owned().ok()?;
        let keeper = Keeper::post(&terminal, &before).ok();
        let raw = Self { terminal, before, keeper };
        let mut settings = raw.before.clone();
        settings.make_raw();
        tcsetattr(&raw.terminal, OptionalActions::Now, &settings).ok()?;
        stdio::set_raw(true);
        Some(raw)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
        stdio::set_raw(false);
        if let Some(keeper) = self.keeper.take() {
            keeper.release();
        }
    }
}

/// A terminal in a task that follows the size of cube's.
#[derive(Clone)]
pub enum Sized {
    /// The terminal of a task.
    Task(RunningTask),
    /// The terminal of a command run by `exec`.
    Exec(Docker, String),
}

impl Sized {
    async fn resize(&self, (columns, rows): (u16, u16)) -> Result<(), Error> {
        match self {
            Self::Task(task) => task.resize(columns, rows).await,
            Self::Exec(docker, id) => docker.resize_exec(id, columns, rows).await,
        }
    }

    /// Sets its size to that of cube's terminal, now and after each change.
    async fn follow_size(self) {
        let Ok(mut changes) = signal(SignalKind::window_change()) else { return };
        for tried in 1..=SIZE_TRIES {
            let Some(size) = size() else { break };
            if self.resize(size).await.is_ok() {
                break;
            }
            sleep(Duration::from_millis(10) * tried).await;
        }
        while changes.recv().await.is_some() {
            if let Some(size) = size() {
                let _ = self.resize(size).await;
            }
        }
    }
}

fn size() -> Option<(u16, u16)> {
    output_size().or_else(|| size_of(io::stdin()))
}

/// The columns and rows of standard output's terminal; `None` if it is not a terminal.
pub fn output_size() -> Option<(u16, u16)> {
    size_of(io::stdout())
}

fn size_of(terminal: impl AsFd) -> Option<(u16, u16)> {
    let size = tcgetwinsize(terminal).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
}

/// The connection between cube's terminal, or its standard input, and a task that has a terminal.
pub struct Console {
    _raw: Option<RawMode>,
    typed: Option<JoinHandle<bool>>,
    resizing: JoinHandle<()>,
}

impl Console {
    /// Connects them. `input` leads to the task's standard input; `None` passes no input on.
    pub fn connect(input: Option<Input>, keys: &DetachKeys, sized: Sized) -> Self {
        let raw = input.as_ref().and_then(|_| RawMode::enter());
        // Without a terminal there are no detach keys: every byte goes to the task.
        let keys = if raw.is_some() { keys.clone() } else { DetachKeys::none() };
        let typed = input.map(|input| tokio::spawn(pass_on(input, keys)));
        Self { _raw: raw, typed, resizing: tokio::spawn(sized.follow_size()) }
    }

    /// Returns once the detach keys were typed.
    pub async fn detached(&mut self) {
        if let Some(typed) = &mut self.typed {
            let detached = typed.await.unwrap_or_default();
            self.typed = None;
            if detached {
                return;
            }
        }
        pending::<()>().await;
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.resizing.abort();
        // An engine cannot stop the task while its connection is open and nobody reads it.
        if let Some(typed) = &self.typed {
            typed.abort();
        }
    }
}

/// Returns once the detach keys were typed.
pub async fn detached(console: Option<&mut Console>) {
    match console {
        Some(console) => console.detached().await,
        None => pending().await,
    }
}

/// Passes standard input on until its end, and then sends the terminal's end-of-file byte. Returns whether the detach
/// keys were typed.
async fn pass_on(mut input: Input, keys: DetachKeys) -> bool {
    let mut typed = Typed::new(keys);
    let mut at_line_start = true;
    // Reading from a closed terminal fails, which counts as its end.
    while let Ok(read) = read_stdin().await
        && !read.is_empty()
    {
        let (bytes, detached) = typed.take(&read);
        if let Some(last) = bytes.last() {
            at_line_start = *last == b'\n';
        }
        if input.write(&bytes).await.is_err() {
            return false;
        }
        if detached {
            return true;
        }
    }
    // After an incomplete line, the first byte only completes that line.
    let end: &[u8] = if at_line_start { &[END_OF_FILE] } else { &[END_OF_FILE, END_OF_FILE] };
    let _ = input.write(end).await;
    // The connection must stay open: half-closing it would end the output too.
    pending::<()>().await;
    drop(input);
    false
}
