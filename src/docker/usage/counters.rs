//! What a task used of the machine, as numbers.

use serde::Serialize;

/// What a task used. What is not known is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Usage {
    /// Processor time, in seconds.
    pub cpu_seconds: Option<f64>,
    /// The most memory that it held at once, page cache included, in bytes.
    pub memory_peak_bytes: Option<u64>,
    /// Its memory limit in bytes, if it has one.
    pub memory_limit_bytes: Option<u64>,
    /// Bytes read from disks.
    pub read_bytes: Option<u64>,
    /// Bytes written to disks.
    pub written_bytes: Option<u64>,
    /// Whether the kernel's counters were read after the end of its process, and not some time before.
    pub exact: bool,
    /// How often the kernel ended a process of it because memory ran out.
    #[serde(skip)]
    pub oom_kills: Option<u64>,
}

impl Usage {
    /// How much of its memory limit it used at most, in percent.
    #[must_use]
    pub fn memory_percent(&self) -> Option<u64> {
        let limit = self.memory_limit_bytes.filter(|limit| *limit > 0)?;
        Some(self.memory_peak_bytes?.saturating_mul(100) / limit)
    }
}
