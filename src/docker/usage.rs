//! Measures a task's usage. On a local engine it is read from the task's control group, without a request: the kernel
//! wakes a thread at the end of the task's process, and the group exists for some milliseconds more. Otherwise the
//! engine's statistics are sampled.

pub(crate) mod cgroup;
pub mod counters;
mod kernel_log;

use std::{
    os::fd::OwnedFd,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use bollard::{models::ContainerStatsResponse, query_parameters::StatsOptionsBuilder};
use futures_util::StreamExt;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, pidfd_open},
};

use crate::{
    address::Address,
    docker::{
        Docker, thread as background,
        usage::{cgroup::ControlGroup, counters::Usage},
    },
};

/// The pause between two looks for a group that does not exist yet: there is no event.
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// How long the group of a started task may be missing before the engine is asked instead.
const UNSEEN: Duration = Duration::from_secs(2);
/// When a running task is read first, in case its end is missed. Each next pause is twice as long, up to the last one.
const FIRST_SAMPLE: Duration = Duration::from_millis(10);
const LAST_SAMPLE: Duration = Duration::from_secs(1);

/// Measures one task's usage until the last clone is dropped.
#[derive(Clone)]
pub struct UsageWatch(Arc<Look>);

/// Ends the measurement when it is dropped.
struct Look(Arc<SharedReadings>);

#[derive(Default)]
struct SharedReadings {
    state: Mutex<Watched>,
}

#[derive(Default)]
struct Watched {
    usage: Usage,
    group: Option<ControlGroup>,
    /// When the engine reported that the task runs.
    started: Option<Instant>,
    over: bool,
}

impl SharedReadings {
    fn with<T>(&self, change: impl FnOnce(&mut Watched) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep(&self, usage: Usage) {
        self.with(|watched| watched.usage = usage);
    }

    fn is_over(&self) -> bool {
        self.with(|watched| watched.over)
    }

    /// Whether a running task has no group that is visible here.
    fn is_out_of_sight(&self) -> bool {
        self.with(|watched| watched.started.is_some_and(|started| started.elapsed() > UNSEEN))
    }
}

impl Docker {
    /// Measures a container's usage. Call it before the start, so that the end of a short task is not missed. A service
    /// of a swarm cannot be measured.
    #[must_use]
    pub fn watch_usage(&self, id: &str) -> UsageWatch {
        let shared = Arc::new(SharedReadings::default());
        if matches!(self.address, Address::Unix(_)) {
            let (shared, id) = (Arc::clone(&shared), id.to_owned());
            // A thread of its own: the runtime may be busy with the task's output when the group disappears.
            let _ = background::start("cube-usage", move || follow(&shared, &id));
        }
        UsageWatch(Arc::new(Look(shared)))
    }

    /// Whether this machine's kernel reported that it killed a process of the container `id` because its memory limit
    /// was reached. `false` also if the engine is on another machine, or this user may not read the kernel's log.
    #[must_use]
    pub fn has_reached_memory_limit(&self, id: &str) -> bool {
        matches!(self.address, Address::Unix(_)) && kernel_log::has_reached_limit(id)
    }

    /// Samples the engine's statistics until they end, if no control group is visible here but the engine has one.
    pub async fn sample_usage(&self, id: &str, watch: &UsageWatch) {
        if matches!(self.address, Address::Unix(_)) {
            while !watch.0.0.is_out_of_sight() {
                if watch.0.0.is_over() || watch.0.0.with(|watched| watched.group.is_some()) {
                    return;
                }
                tokio::time::sleep(UNSEEN / 4).await;
            }
        }
        if !self.has_control_groups().await {
            return;
        }
        let options = StatsOptionsBuilder::default().stream(true).build();
        let mut samples = self.api.stats(id, Some(options));
        while let Some(Ok(sample)) = samples.next().await {
            watch.0.0.with(|watched| add(&mut watched.usage, &sample));
        }
    }
}

impl UsageWatch {
    /// Notes that the engine reported that the task runs.
    pub fn started(&self) {
        self.0.0.with(|watched| watched.started = Some(Instant::now()));
    }

    /// The task's usage up to now.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let (usage, group) = self.0.0.with(|watched| (watched.usage.clone(), watched.group.clone()));
        if usage.exact {
            return usage;
        }
        // Its group may still exist.
        group.and_then(|group| group.read()).map_or(usage, |now| Usage { exact: false, ..now })
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        self.0.with(|watched| watched.over = true);
    }
}

/// Follows a container's group from before its process starts until it ends.
fn follow(shared: &SharedReadings, id: &str) {
    let group = loop {
        if shared.is_over() || shared.is_out_of_sight() {
            return;
        }
        match ControlGroup::of(id) {
            Some(group) => break group,
            None => thread::sleep(LOOK_AGAIN),
        }
    };
    shared.with(|watched| watched.group = Some(group.clone()));
    while !shared.is_over() {
        match group.first_process() {
            Some(process) if follow_process(shared, &group, process) => return,
            Some(_) => {}
            None if !group.is_there() => return,
            None => thread::sleep(LOOK_AGAIN),
        }
    }
}

/// Reads the group from time to time and at the end of a process. Returns whether that was the last process in it. A
/// container's first process outlives its others, but the engine's helper processes come before it: at their end the
/// task has used nothing yet.
fn follow_process(shared: &SharedReadings, group: &ControlGroup, process: Pid) -> bool {
    let Ok(handle) = pidfd_open(process, PidfdFlags::empty()) else { return false };
    let mut pause = FIRST_SAMPLE;
    loop {
        let has_ended = has_ended(&handle, pause);
        let Some(usage) = group.read() else { return true };
        let is_last = has_ended && group.first_process().is_none();
        if has_ended && !is_last {
            return false;
        }
        shared.keep(Usage { exact: is_last, ..usage });
        if is_last || shared.is_over() {
            return true;
        }
        pause = LAST_SAMPLE.min(pause * 2);
    }
}

/// Whether a process ends within `limit`.
fn has_ended(process: &OwnedFd, limit: Duration) -> bool {
    let limit = Timespec::try_from(limit).ok();
    matches!(poll(&mut [PollFd::new(process, PollFlags::IN)], limit.as_ref()), Ok(1..))
}

/// Adds a sample of the engine's statistics. Counters only grow; the sample after the end is empty.
fn add(usage: &mut Usage, sample: &ContainerStatsResponse) {
    let cpu = sample.cpu_stats.as_ref().and_then(|cpu| cpu.cpu_usage.as_ref()?.total_usage);
    grow(&mut usage.cpu_seconds, cpu.map(|nanos| Duration::from_nanos(nanos).as_secs_f64()));
    if let Some(memory) = &sample.memory_stats {
        grow(&mut usage.memory_peak_bytes, memory.max_usage.or(memory.usage));
        usage.memory_limit_bytes = memory.limit.or(usage.memory_limit_bytes);
    }
    let moved = sample.blkio_stats.as_ref().and_then(|io| io.io_service_bytes_recursive.as_ref());
    for (operation, counter) in [("read", &mut usage.read_bytes), ("write", &mut usage.written_bytes)] {
        let of = moved.iter().flat_map(|entries| entries.iter());
        let of = of.filter(|entry| entry.op.as_ref().is_some_and(|op| op.eq_ignore_ascii_case(operation)));
        grow(counter, moved.map(|_| of.filter_map(|entry| entry.value).sum()));
    }
}

fn grow<T: PartialOrd>(counter: &mut Option<T>, now: Option<T>) {
    if now > *counter {
        *counter = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_keep_the_highest() {
        let sample = |text: &str| serde_json::from_str::<ContainerStatsResponse>(text).unwrap();
        let mut usage = Usage::default();
        add(
            &mut usage,
            &sample(
                r#"{"cpu_stats":{"cpu_usage":{"total_usage":1500000000}},"memory_stats":{"usage":5,"limit":100},
                    "blkio_stats":{"io_service_bytes_recursive":[{"op":"Read","value":7},{"op":"read","value":1},{"op":"Write","value":3}]}}"#,
            ),
        );
        add(
            &mut usage,
            &sample(r#"{"cpu_stats":{"cpu_usage":{"total_usage":0}},"memory_stats":{},"blkio_stats":{}}"#),
        );
        assert_eq!(
            (usage.cpu_seconds, usage.memory_peak_bytes, usage.memory_limit_bytes),
            (Some(1.5), Some(5), Some(100))
        );
        assert_eq!((usage.read_bytes, usage.written_bytes, usage.exact), (Some(8), Some(3), false));
        assert_eq!(usage.memory_percent(), Some(5));
    }
}
