//! What the task may use of the machine.

use crate::{
    config::{
        group::group,
        value::{
            device::rate::{ByteRate, DeviceWeight, OperationRate},
            size::{Cpus, Size, SwapLimit},
            ulimit::Ulimit,
        },
    },
    error::Error,
};

const LEAST_MEMORY: Size = Size::from_bytes(6 << 20);
const LEAST_NANO_CPUS: u64 = 10_000_000;
/// A memory limit of fewer bytes is taken for one without its unit.
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
        /// The limit of memory and swap together, in bytes; -1 is unlimited swap. Twice the memory limit if left out.
        pub memory_swap: Option<SwapLimit> = None;
        /// A soft limit, in bytes: the kernel tries to keep the task below it when memory is short.
        pub memory_reservation: Option<Size> = None;
        /// How eagerly its memory is swapped out, 0 to 100; the machine's setting if left out.
        pub memory_swappiness: Option<i64> = None;
        /// The most kernel memory, in bytes; engines since API 1.42 cannot limit it.
        pub kernel_memory: Option<Size> = None;
        /// Whether the kernel must not kill the task when memory runs out.
        pub oom_kill_disable: bool = false;
        /// How likely the kernel kills it when memory runs out, -1000 (never) to 1000.
        pub oom_score_adj: Option<i64> = None;
        /// The most processes and threads; -1 is unlimited.
        pub pids_limit: Option<i64> = None;
        /// Its weight when processor time is short; the default is 1024.
        pub cpu_shares: Option<i64> = None;
        /// The period for `cpu_quota`, in microseconds. The engine's default is 100000.
        pub cpu_period: Option<i64> = None;
        /// The processor time in each period, in microseconds.
        pub cpu_quota: Option<i64> = None;
        /// The period for `cpu_rt_runtime`, in microseconds.
        pub cpu_rt_period: Option<i64> = None;
        /// The real-time processor time in each period, in microseconds.
        pub cpu_rt_runtime: Option<i64> = None;
        /// The processors that it may use, for example `0-2,4`.
        pub cpuset_cpus: Option<String> = None;
        /// The memory nodes that it may use, for example `0,1`.
        pub cpuset_mems: Option<String> = None;
        /// Its weight among the tasks that use the disks, 10 to 1000; 0 sets no weight.
        pub blkio_weight: Option<u16> = None;
        /// Its weight on single devices.
        pub blkio_weight_device: Vec<DeviceWeight> = Vec::new();
        /// The most it reads from a device, in bytes a second.
        pub device_read_bps: Vec<ByteRate> = Vec::new();
        /// The most it writes to a device, in bytes a second.
        pub device_write_bps: Vec<ByteRate> = Vec::new();
        /// The most it reads from a device, in operations a second.
        pub device_read_iops: Vec<OperationRate> = Vec::new();
        /// The most it writes to a device, in operations a second.
        pub device_write_iops: Vec<OperationRate> = Vec::new();
        /// Limits of its processes; the last of a name wins.
        pub ulimit: Vec<Ulimit> = Vec::new();
    }
}

impl Limits {
    pub(crate) fn check(&self) -> Result<(), Error> {
        // As with Docker, 0 means no limit.
        if let Some(memory) = self.memory.filter(|m| m.bytes() > 0 && *m < LEAST_MEMORY) {
            return Err(too_little_memory(memory));
        }
        self.check_ranges()?;
        match self.cpus.filter(|c| c.nanos() > 0 && c.nanos() < LEAST_NANO_CPUS) {
            Some(cpus) => Err(Error::invalid("number of CPUs", &cpus.to_string(), "the least is 0.01")
                .with_hint("write --cpus 0.01 or more")),
            None => Ok(()),
        }
    }
}

impl Limits {
    fn check_ranges(&self) -> Result<(), Error> {
        let ranges = [
            ("memory swappiness", "--memory-swappiness", self.memory_swappiness, -1..=100),
            ("OOM score", "--oom-score-adj", self.oom_score_adj, -1000..=1000),
        ];
        for (what, flag, value, range) in ranges {
            if let Some(value) = value.filter(|value| !range.contains(value)) {
                let reason = format!("it is a number from {} to {}", range.start(), range.end());
                let hint = format!("write {flag} with such a number");
                return Err(Error::invalid(what, &value.to_string(), reason).with_hint(hint));
            }
        }
        Ok(())
    }
}

fn too_little_memory(memory: Size) -> Error {
    let bytes = memory.bytes();
    // A multiple of 1024 was probably written with a unit, so the hint must not add one.
    let is_bare = !bytes.is_multiple_of(1024);
    let (reason, hint) = if is_bare && (6..MOST_MEANT_AS_MIB).contains(&bytes) {
        ("the least is 6 MiB, and a number alone is in bytes", format!("give a unit: --memory {bytes}m"))
    } else {
        ("the least is 6 MiB", "write --memory 6m or more".to_owned())
    };
    Error::invalid("memory limit", &memory.to_string(), reason).with_hint(hint)
}
