//! What asks cube to end: signals and a time limit; and the signals that are the task's.

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

/// So many signals kill the task that is being stopped.
pub const KILL: u32 = 2;
/// So many end cube.
pub const LAST: u32 = 3;

const INTERRUPT: i32 = 2;
const TERMINATE: i32 = 15;
const HANGUP: i32 = 1;
const CHILD: i32 = 17;
/// What Docker's CLI passes on beside those, but for the faults of a program itself (SIGILL, SIGBUS, SIGFPE, SIGSEGV)
/// and what stops one in the background that uses the terminal (SIGTTIN, SIGTTOU): SIGQUIT, SIGTRAP, SIGABRT,
/// SIGUSR1, SIGUSR2, SIGALRM, SIGSTKFLT, SIGCONT, SIGTSTP, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGWINCH, SIGIO,
/// SIGPWR, SIGSYS.
const PASSED_ON: [i32; 17] = [3, 5, 6, 10, 12, 14, 16, 18, 20, 24, 25, 26, 27, WINDOW_CHANGE, 29, 30, 31];
const WINDOW_CHANGE: i32 = 28;
const REAL_TIME: std::ops::RangeInclusive<i32> = 34..=64;

/// Hears what this process's parent blocked. Only SIGXFSZ is: a write past the limit of a file's size fails then, as
/// one to a full disk does, and says so.
pub fn unblock() {
    let mut mask = SigSet::empty();
    mask.add(ProcessSignal::SIGXFSZ);
    let _ = mask.thread_set_mask();
}

/// Starts a child, which has all signals as usual.
pub fn with_all<T>(start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let mask = SigSet::empty().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    let started = start();
    mask.thread_set_mask()?;
    started
}

/// Minds the end of child processes: where SIGCHLD is ignored, as some parents hand it down, it cannot be learned how
/// they ended. In a runtime.
pub fn mind_children() {
    if is_ignored(CHILD) {
        // Whether it is listened to does not matter: the handler stays.
        let _ = unix::signal(SignalKind::child());
    }
}

/// Some signals, each of which is kept until it is asked for.
pub struct Signals {
    listeners: Vec<(i32, unix::Signal)>,
    /// How many were asked for and came.
    came: u32,
    first: Option<Signal>,
}

impl Signals {
    /// SIGINT, SIGTERM and SIGHUP: they ask cube to end. Listens from now on, so that no signal is lost. A SIGHUP that
    /// was ignored when cube began (`nohup`) stays so.
    pub fn listen() -> Result<Self, Error> {
        let hangup = (!is_ignored(HANGUP)).then_some(HANGUP);
        Self::of([INTERRUPT, TERMINATE].into_iter().chain(hangup).map(listener))
    }

    /// Those that mean the task in the foreground, as with `docker run`. With a terminal of its own (`tty`) the task
    /// hears of its size from there.
    pub fn passed_on(tty: bool) -> Result<Self, Error> {
        let all = PASSED_ON.into_iter().chain(REAL_TIME);
        // A signal that the machine keeps for itself, as emulators do, reaches nobody.
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

    /// How many came so far.
    pub fn came(&self) -> u32 {
        self.came
    }

    /// Why cube ends, once the third signal has come: the first.
    pub fn ended_by(&self) -> Option<Signal> {
        self.first.filter(|_| self.came >= LAST)
    }

    /// What came so far was not for the task, whose stop begins now: it counts as the first, if there was one.
    pub fn begin_again(&mut self) {
        self.came = self.came.min(1);
    }

    /// The stop begins without a signal, and says that the next one kills.
    pub fn begin_at_first(&mut self) {
        self.came = self.came.max(1);
    }

    /// What `work` gives, unless so many signals have come by then.
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

    /// What the engine says to a question that can be left out: a signal ends it that is at least the second, and
    /// after the third nothing is asked.
    pub async fn ask<T>(&mut self, question: impl Future<Output = T>) -> Option<T> {
        let count = if self.came < LAST { KILL.max(self.came + 1) } else { LAST };
        self.until(count, question).await
    }

    /// What `work` gives, unless a signal comes first: that is an error then.
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

/// Ends after `limit`; never without one.
pub async fn after(limit: Option<Duration>) {
    match limit {
        Some(limit) => sleep(limit).await,
        None => pending().await,
    }
}
