//! What a task used of the machine, as numbers.

use serde::Serialize;

/// A task's usage. Unknown values are `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Usage {
    /// Processor time, in seconds.
    pub cpu_seconds: Option<f64>,
    /// The highest memory use, with page cache, in bytes.
    pub memory_peak_bytes: Option<u64>,
    /// Its memory limit in bytes, if it has one.
    pub memory_limit_bytes: Option<u64>,
    /// Bytes read from disks.
    pub read_bytes: Option<u64>,
    /// Bytes written to disks.
    pub written_bytes: Option<u64>,
    /// Whether the kernel's counters were read after the end of its process, and not before.
    pub exact: bool,
    /// How often the kernel killed one of its processes because memory ran out.
    #[serde(skip)]
    pub oom_kills: Option<u64>,
}

impl Usage {
    /// The highest memory use in percent of its limit; `None` without a limit.
    #[must_use]
    pub fn memory_percent(&self) -> Option<u64> {
        let limit = self.memory_limit_bytes.filter(|limit| *limit > 0)?;
        Some(self.memory_peak_bytes?.saturating_mul(100) / limit)
    }
}
