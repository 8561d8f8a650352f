//! Signals: those that ask cube to end, and those that are passed on to the task. And a time limit.

pub mod forward;

use std::{
    fs::File,
    future::{pending, poll_fn},
    io::{self, Read},
    pin::pin,
    sync::OnceLock,
    task::{Context, Poll, ready},
    time::Duration,
};

use cube::{Error, ErrorKind, Signal};
use nix::sys::{
    signal::{SigSet, SigmaskHow, Signal as ProcessSignal},
    signalfd::{SfdFlags, SignalFd},
};
use rustix::io::Errno;
use tokio::{
    io::{Interest, unix::AsyncFd},
    signal::unix::{self, SignalKind},
    time::sleep,
};

/// This many signals kill the task that is being stopped.
pub const KILL: u32 = 2;
/// This many signals end cube.
pub const LAST: u32 = 3;

/// What to do where cube cannot open the files that it needs.
pub const LIMIT_HINT: &str = "raise the limit of open files to 64 or more: ulimit -n 64";

const INTERRUPT: i32 = 2;
const TERMINATE: i32 = 15;
const HANGUP: i32 = 1;
const CHILD: i32 = 17;
/// The signals that are not passed on: those that ask cube to end, those that no process can receive, those that cube
/// needs itself (SIGCHLD, SIGPIPE, SIGURG, and SIGXFSZ, see [`unblock`]), crashes, and terminal access in the
/// background. All others are, real-time signals included. Docker's CLI passes on crashes and terminal access too.
const OWN: [ProcessSignal; 15] = [
    ProcessSignal::SIGHUP,
    ProcessSignal::SIGINT,
    ProcessSignal::SIGTERM,
    ProcessSignal::SIGKILL,
    ProcessSignal::SIGSTOP,
    ProcessSignal::SIGCHLD,
    ProcessSignal::SIGPIPE,
    ProcessSignal::SIGURG,
    ProcessSignal::SIGXFSZ,
    ProcessSignal::SIGILL,
    ProcessSignal::SIGBUS,
    ProcessSignal::SIGFPE,
    ProcessSignal::SIGSEGV,
    ProcessSignal::SIGTTIN,
    ProcessSignal::SIGTTOU,
];

/// Unblocks signals that the parent process may have blocked. SIGXFSZ alone stays blocked: a write beyond the limit of
/// a file's size then fails with an error, as a write to a full disk does.
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

/// Blocks all signals in a thread beside the one that runs the command: otherwise it would receive those that
/// [`Signals::passed_on`] reads, and cube would be ended by them.
pub fn leave_to_main() {
    let _ = SigSet::all().thread_block();
}

/// Listens for a set of signals. Each is kept until it is asked for.
pub struct Signals {
    source: SignalSource,
    /// How many have been returned.
    came: u32,
    first: Option<Signal>,
}

/// Where signals come from.
enum SignalSource {
    Handlers(Vec<(i32, unix::Signal)>),
    /// A descriptor from which blocked signals are read. Fifty handlers would cost as much as half of a start.
    File(AsyncFd<SignalFd>),
}

impl SignalSource {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<io::Result<i32>> {
        match self {
            Self::Handlers(listeners) => {
                let mut came = listeners.iter_mut().filter_map(|(number, listener)| {
                    listener.poll_recv(context).is_ready().then_some(*number)
                });
                came.next().map_or(Poll::Pending, |number| Poll::Ready(Ok(number)))
            }
            Self::File(file) => loop {
                let mut ready = ready!(file.poll_read_ready(context))?;
                match file.get_ref().read_signal()? {
                    Some(signal) => {
                        return Poll::Ready(i32::try_from(signal.ssi_signo).map_err(io::Error::other));
                    }
                    None => ready.clear_ready(),
                }
            },
        }
    }
}

impl Signals {
    /// Listens for SIGINT, SIGTERM and SIGHUP, which ask cube to end. No signal is lost from now on. A SIGHUP that was
    /// ignored when cube started (`nohup`) stays ignored.
    pub fn listen() -> Result<Self, Error> {
        let hangup = (!is_ignored(HANGUP)).then_some(HANGUP);
        let heard: io::Result<_> = [INTERRUPT, TERMINATE].into_iter().chain(hangup).map(listener).collect();
        Self::of(heard.map(SignalSource::Handlers))
    }

    /// Listens for the signals that are passed on to a task in the foreground, as with `docker run`. SIGWINCH is left
    /// out if the task has a terminal (`tty`), which gets the new size in another way.
    pub fn passed_on(tty: bool) -> Result<Self, Error> {
        let mut mask = SigSet::all();
        let window_change = tty.then_some(ProcessSignal::SIGWINCH);
        OWN.into_iter().chain(window_change).for_each(|signal| mask.remove(signal));
        Self::of(read_as_file(&mask).map(SignalSource::File))
    }

    fn of(source: io::Result<SignalSource>) -> Result<Self, Error> {
        source.map(|source| Self { source, came: 0, first: None }).map_err(cannot_listen)
    }

    /// The next signal.
    pub async fn next(&mut self) -> Result<Signal, Error> {
        let number = poll_fn(|context| self.source.poll(context)).await.map_err(cannot_listen)?;
        let signal: Signal = number.to_string().parse()?;
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

fn cannot_listen(cause: io::Error) -> Error {
    let full = matches!(Errno::from_io_error(&cause), Some(Errno::MFILE | Errno::NFILE));
    let error = Error::new(ErrorKind::Output, "cannot listen for signals").with_source(cause);
    if full { error.with_hint(LIMIT_HINT) } else { error }
}

fn read_as_file(signals: &SigSet) -> io::Result<AsyncFd<SignalFd>> {
    signals.thread_block()?;
    let file = SignalFd::with_flags(signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
    #[expect(deprecated, reason = "sound for a file that stays open: the new way is marked unsafe")]
    AsyncFd::with_interest(file, Interest::READABLE)
}

fn listener(number: i32) -> io::Result<(i32, unix::Signal)> {
    unix::signal(SignalKind::from_raw(number)).map(|listener| (number, listener))
}

/// Whether this process was started with the signal ignored.
fn is_ignored(number: i32) -> bool {
    static IGNORED: OnceLock<u64> = OnceLock::new();
    IGNORED.get_or_init(|| ignored().unwrap_or_default()) & (1 << (number - 1)) != 0
}

/// The signals that are ignored, a bit each. Most often one read is enough: each is a system call of every start.
fn ignored() -> Option<u64> {
    let mut status = Vec::with_capacity(4096);
    File::open("/proc/self/status").ok()?.take(1 << 20).read_to_end(&mut status).ok()?;
    let status = String::from_utf8_lossy(&status);
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

/// Returns after `limit`; never if there is none.
pub async fn after(limit: Option<Duration>) {
    match limit {
        Some(limit) => sleep(limit).await,
        None => pending().await,
    }
}
