//! What an engine does to a request besides answering it, and how often it did.

use std::{collections::BTreeMap, fmt};

use crate::random::Random;

/// What becomes of one request. Times are milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is answered at once.
    None,
    /// It is done and answered a little later.
    Delay(u64),
    /// It is done much later, also if nobody waits any more.
    Late(u64),
    /// It is not done, and the connection stays silent for so long.
    Hang(u64),
    /// The connection breaks, and nothing is done.
    CutBefore,
    /// It is done, and the connection breaks within the answer.
    CutWithin,
    /// It is done, and the connection breaks before the answer.
    CutAfter,
    /// It is refused with this status, and nothing is done.
    Refuse(u16),
    /// The engine goes away before it has done it.
    RestartBefore,
    /// The engine goes away when it has done it.
    RestartAfter,
}

impl Fault {
    /// The fault of one request, of which so many of a thousand meet one.
    pub fn choose(random: &mut Random, of_thousand: u64) -> Self {
        if !random.chance(of_thousand) {
            return Self::None;
        }
        match random.below(14) {
            0..=2 => Self::Delay(random.millis(2_000)),
            3..=4 => Self::Late(random.millis(100_000)),
            5 => Self::Hang(random.millis(200_000)),
            6..=7 => Self::CutBefore,
            8 => Self::CutWithin,
            9..=10 => Self::CutAfter,
            11 => Self::Refuse(*random.pick(&[500, 503])),
            12 => Self::RestartBefore,
            _ => Self::RestartAfter,
        }
    }

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "answered",
            Self::Delay(_) => "delayed",
            Self::Late(_) => "late",
            Self::Hang(_) => "hung",
            Self::CutBefore => "cut before",
            Self::CutWithin => "cut within",
            Self::CutAfter => "cut after",
            Self::Refuse(_) => "refused",
            Self::RestartBefore => "restart before",
            Self::RestartAfter => "restart after",
        }
    }
}

/// How often each fault was hit at each call.
#[derive(Debug, Default)]
pub struct Hits(BTreeMap<&'static str, BTreeMap<&'static str, u64>>);

impl Hits {
    /// Counts one.
    pub fn count(&mut self, call: &'static str, fault: Fault) {
        *self.0.entry(call).or_default().entry(fault.name()).or_default() += 1;
    }

    /// Adds those of another schedule.
    pub fn add(&mut self, other: &Self) {
        for (call, faults) in &other.0 {
            for (fault, count) in faults {
                *self.0.entry(call).or_default().entry(fault).or_default() += count;
            }
        }
    }

    /// How often a fault was hit at a call.
    pub fn of(&self, call: &str, fault: &str) -> u64 {
        self.0.get(call).and_then(|faults| faults.get(fault)).copied().unwrap_or_default()
    }
}

const COLUMNS: [&str; 10] = [
    "answered",
    "delayed",
    "late",
    "hung",
    "cut before",
    "cut within",
    "cut after",
    "refused",
    "restart before",
    "restart after",
];

impl fmt::Display for Hits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<16}", "call")?;
        for column in COLUMNS {
            write!(f, " {column:>14}")?;
        }
        for call in self.0.keys() {
            write!(f, "\n{call:<16}")?;
            for column in COLUMNS {
                write!(f, " {:>14}", self.of(call, column))?;
            }
        }
        Ok(())
    }
}
