//! Signals by name or number: the values of `--stop-signal`.

mod parse;

use std::fmt;

/// A Linux signal, 1 to 64: `SIGTERM`, `term`, `15`, `RTMIN+3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signal(u8);

const RTMIN: u8 = 34;
const RTMAX: u8 = 64;
/// Names of the signals from 1 on; other names for the same numbers are in [`ALIASES`].
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
    "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
    "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];
const ALIASES: [(&str, u8); 6] =
    [("IOT", 6), ("CLD", 17), ("POLL", 29), ("UNUSED", 31), ("RTMIN", RTMIN), ("RTMAX", RTMAX)];

impl Signal {
    /// The number on Linux.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// `SIGTERM`, `SIGRTMIN+3`; a number where there is no name.
impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = usize::from(self.0).checked_sub(1).and_then(|index| NAMES.get(index));
        match (self.0, name) {
            (_, Some(name)) => write!(f, "SIG{name}"),
            (RTMIN, _) => f.write_str("SIGRTMIN"),
            (RTMAX, _) => f.write_str("SIGRTMAX"),
            (number @ 35..=49, _) => write!(f, "SIGRTMIN+{}", number - RTMIN),
            (number @ 50..=63, _) => write!(f, "SIGRTMAX-{}", RTMAX - number),
            (number, _) => write!(f, "{number}"),
        }
    }
}
