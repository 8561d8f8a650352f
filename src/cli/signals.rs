//! The signals that ask cube to end: SIGINT, SIGTERM, SIGHUP.

use cube::{Error, ErrorKind, Signal};
use tokio::signal::unix::{self, SignalKind};

const INTERRUPT: i32 = 2;
const TERMINATE: i32 = 15;
const HANGUP: i32 = 1;

/// Listens from its making on, so that no signal is lost.
pub struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    hangup: unix::Signal,
}

impl Signals {
    pub fn listen() -> Result<Self, Error> {
        let listen = |number| {
            unix::signal(SignalKind::from_raw(number))
                .map_err(|e| Error::new(ErrorKind::Output, "cannot listen for signals").with_source(e))
        };
        Ok(Self { interrupt: listen(INTERRUPT)?, terminate: listen(TERMINATE)?, hangup: listen(HANGUP)? })
    }

    /// The next signal.
    pub async fn next(&mut self) -> Result<Signal, Error> {
        let number = tokio::select! {
            _ = self.interrupt.recv() => INTERRUPT,
            _ = self.terminate.recv() => TERMINATE,
            _ = self.hangup.recv() => HANGUP,
        };
        number.to_string().parse()
    }
}
