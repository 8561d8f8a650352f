//! Signals: those that ask cube to end, and those that are passed on to the task. And a time limit.

pub mod forward;

use std::{
    future::{pending, poll_fn},
    io,
    pin::pin,
    task::Poll,
    time::Duration,
};

use cube::{Error, ErrorKind, Signal};
use nix::sys::signal::{SigSet, SigmaskHow, Signal as ProcessSignal};
use tokio::{
    signal::unix::{self, SignalKind},
    time::sleep,
};

/// This many signals kill the task that is being stopped.
pub const KILL: u32 = 2;
/// This many signals end cube.
pub const LAST: u32 = 3;

const INTERRUPT: i32 = 2;
const TERMINATE: i32 = 15;
const HANGUP: i32 = 1;
const CHILD: i32 = 17;
/// The other signals that are passed on: SIGQUIT, SIGTRAP, SIGABRT, SIGUSR1, SIGUSR2, SIGALRM, SIGSTKFLT, SIGCONT,
/// SIGTSTP, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGWINCH, SIGIO, SIGPWR, SIGSYS. These are the signals of Docker's
/// CLI without crashes (SIGILL, SIGBUS, SIGFPE, SIGSEGV) and terminal access in the background (SIGTTIN, SIGTTOU).
const PASSED_ON: [i32; 17] = [3, 5, 6, 10, 12, 14, 16, 18, 20, 24, 25, 26, 27, WINDOW_CHANGE, 29, 30, 31];
const WINDOW_CHANGE: i32 = 28;
const REAL_TIME: std::ops::RangeInclusive<i32> = 34..=64;

/// Unblocks signals that the parent process may have blocked. Only SIGXFSZ needs this: a write beyond the limit of a
/// file's size then fails with an error, as a write to a full disk does.
pub fn unblock() {
    let mut mask = SigSet::empty();
    mask.add(ProcessSignal::SIGXFSZ);
    let _ = mask.thread_set_mask();
}

/// Starts a child process with no signals blocked.
pub fn with_all<T>(start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let mask = SigSet::empty().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    let started = start();
    mask.thread_set_mask()?;
    started
}

/// Makes sure that the exit codes of child processes can be read: with SIGCHLD ignored, as some parent processes leave
/// it, the kernel discards them. Has to be called within a runtime.
pub fn mind_children() {
    if is_ignored(CHILD) {
        // The listener is not needed: its handler stays installed.
        let _ = unix::signal(SignalKind::child());
    }
}

/// Listens for a set of signals. Each is kept until it is asked for.
pub struct Signals {
    listeners: Vec<(i32, unix::Signal)>,
    /// How many have been returned.
    came: u32,
    first: Option<Signal>,
}

impl Signals {
    /// Listens for SIGINT, SIGTERM and SIGHUP, which ask cube to end. No signal is lost from now on. A SIGHUP that was
    /// ignored when cube started (`nohup`) stays ignored.
    pub fn listen() -> Result<Self, Error> {
        let hangup = (!is_ignored(HANGUP)).then_some(HANGUP);
        Self::of([INTERRUPT, TERMINATE].into_iter().chain(hangup).map(listener))
    }

    /// Listens for the signals that are passed on to a task in the foreground, as with `docker run`. SIGWINCH is left
    /// out if the task has a terminal (`tty`), which gets the new size in another way.
    pub fn passed_on(tty: bool) -> Result<Self, Error> {
        let all = PASSED_ON.into_iter().chain(REAL_TIME);
        // Some signals cannot be received, for example those that an emulator uses itself.
        let is_kept = |heard: &io::Result<_>| {
            heard.as_ref().is_err_and(|error: &io::Error| error.kind() == io::ErrorKind::InvalidInput)
        };
        let heard = all.filter(|number| !(tty && *number == WINDOW_CHANGE)).map(listener);
        Self::of(heard.filter(|heard| !is_kept(heard)))
    }

    fn of(heard: impl IntoIterator<Item = io::Result<(i32, unix::Signal)>>) -> Result<Self, Error> {
        let heard: io::Result<_> = heard.into_iter().collect();
        heard
            .map(|listeners| Self { listeners, came: 0, first: None })
            .map_err(|cause| Error::new(ErrorKind::Output, "cannot listen for signals").with_source(cause))
    }

    /// The next signal.
    pub async fn next(&mut self) -> Result<Signal, Error> {
        let number = poll_fn(|context| {
            let mut came = self
                .listeners
                .iter_mut()
                .filter_map(|(number, listener)| listener.poll_recv(context).is_ready().then_some(*number));
            came.next().map_or(Poll::Pending, Poll::Ready)
        });
        let signal: Signal = number.await.to_string().parse()?;
        self.came += 1;
        self.first.get_or_insert(signal);
        Ok(signal)
    }

    /// How many signals have come so far.
    pub fn came(&self) -> u32 {
        self.came
    }

    /// The signal that ends cube: the first one, once three have come.
    pub fn ended_by(&self) -> Option<Signal> {
        self.first.filter(|_| self.came >= LAST)
    }

    /// The task's stop begins now: the signals so far count as one, if there were any.
    pub fn begin_again(&mut self) {
        self.came = self.came.min(1);
    }

    /// The task's stop begins without a signal: the next signal kills.
    pub fn begin_at_first(&mut self) {
        self.came = self.came.max(1);
    }

    /// The result of `work`; `None` if `count` signals have come before it ends.
    pub async fn until<T>(&mut self, count: u32, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        while self.came < count {
            tokio::select! {
                done = &mut work => return Some(done),
                signal = self.next() => drop(signal),
            }
        }
        None
    }

    /// The result of an optional question to the engine. `None` if a signal comes that is at least the second, or if
    /// three have come already.
    pub async fn ask<T>(&mut self, question: impl Future<Output = T>) -> Option<T> {
        let count = if self.came < LAST { KILL.max(self.came + 1) } else { LAST };
        self.until(count, question).await
    }

    /// The result of `work`; an error if a signal comes first.
    pub async fn unless_one_comes<T>(
        &mut self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        tokio::select! {
            done = work => done,
            signal = self.next() => Err(Error::interrupted(signal?)),
        }
    }
}

fn listener(number: i32) -> io::Result<(i32, unix::Signal)> {
    unix::signal(SignalKind::from_raw(number)).map(|listener| (number, listener))
}

/// Whether this process was started with the signal ignored.
fn is_ignored(number: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask & (1 << (number - 1)) != 0
}

/// Returns after `limit`; never if there is none.
pub async fn after(limit: Option<Duration>) {
    match limit {
        Some(limit) => sleep(limit).await,
        None => pending().await,
    }
}
