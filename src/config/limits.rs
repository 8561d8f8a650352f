//! What the task may use of the machine.

use crate::{
    config::{
        group::group,
        value::size::{Cpus, Size},
    },
    error::Error,
};

const LEAST_MEMORY: Size = Size::from_bytes(6 << 20);
const LEAST_NANO_CPUS: u64 = 10_000_000;
/// Whoever writes so few bytes has left out the unit.
const MOST_MEANT_AS_MIB: u64 = 10_000;

group! {
    /// What the task may use of the machine.
    pub struct Limits {
        /// The share of processors the task may use. Unlimited if left out.
        pub cpus: Option<Cpus> = None;
        /// The most memory the task may use, in bytes. Unlimited if left out.
        pub memory: Option<Size> = None;
        /// The most the task may write to its own layer, in bytes (`storage-opt size`). Unlimited if left out.
        pub disk: Option<Size> = None;
        /// Size of `/dev/shm`, in bytes. The engine's default is 64 MiB.
        pub shm_size: Option<Size> = None;
    }
}

impl Limits {
    pub(crate) fn check(&self) -> Result<(), Error> {
        // As for Docker, 0 is no limit.
        if let Some(memory) = self.memory.filter(|m| m.bytes() > 0 && *m < LEAST_MEMORY) {
            return Err(too_little_memory(memory.bytes()));
        }
        match self.cpus.filter(|c| c.nanos() > 0 && c.nanos() < LEAST_NANO_CPUS) {
            Some(cpus) => Err(Error::invalid("number of CPUs", &cpus.to_string(), "the least is 0.01")
                .with_hint("write --cpus 0.01 or more")),
            None => Ok(()),
        }
    }
}

fn too_little_memory(bytes: u64) -> Error {
    let hint = if bytes < MOST_MEANT_AS_MIB {
        format!("give a unit: --memory {bytes}m")
    } else {
        "write --memory 6m or more".into()
    };
    let reason = "the least is 6 MiB (the number is in bytes)";
    Error::invalid("memory limit", &bytes.to_string(), reason).with_hint(hint)
}
