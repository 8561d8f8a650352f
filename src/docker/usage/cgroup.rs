//! Reads the counters of a container's control group on this machine (`cgroups(7)`): version 2, or the controllers of
//! version 1.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::Pid;

use crate::docker::usage::counters::Usage;

/// Where control groups are mounted.
const ROOT: &str = "/sys/fs/cgroup";
/// From this value on, a limit of version 1 means no limit (it is the largest number of pages).
const UNLIMITED: u64 = 1 << 60;

/// Where the counters of one container are.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ControlGroup {
    /// Version 2: one folder.
    Unified(PathBuf),
    /// Version 1: one folder for each controller, with the same path below the controller's root.
    Controllers { root: PathBuf, path: String },
}

impl ControlGroup {
    /// The group of a container, if it is at one of the usual paths.
    pub(super) fn of(id: &str) -> Option<Self> {
        Self::below(Path::new(ROOT), id)
    }

    fn below(root: &Path, id: &str) -> Option<Self> {
        let unified = root.join("cgroup.controllers").exists();
        let top = if unified { root.to_owned() } else { root.join("memory") };
        let path = places(id).into_iter().find(|place| top.join(place).is_dir())?;
        let controllers = |path| Self::Controllers { root: root.to_owned(), path };
        Some(if unified { Self::Unified(root.join(path)) } else { controllers(path) })
    }

    /// Whether it still exists.
    pub(super) fn is_there(&self) -> bool {
        self.folder("memory").is_dir()
    }

    /// The oldest process in it.
    pub(super) fn first_process(&self) -> Option<Pid> {
        let listed = fs::read_to_string(self.folder("memory").join("cgroup.procs")).ok()?;
        let pids = listed.lines().filter_map(|pid| pid.parse().ok());
        // 0 stands for a process of another pid namespace.
        pids.filter(|pid| *pid > 0).min().and_then(Pid::from_raw)
    }

    /// Its counters now; `None` if it is gone.
    pub(super) fn read(&self) -> Option<Usage> {
        let usage = match self {
            Self::Unified(_) => self.read_unified(),
            Self::Controllers { .. } => self.read_controllers(),
        };
        (usage.cpu_seconds.is_some() || usage.memory_peak_bytes.is_some()).then_some(usage)
    }

    fn read_unified(&self) -> Usage {
        let file = |name: &str| fs::read_to_string(self.folder("").join(name)).unwrap_or_default();
        let io = file("io.stat");
        let of = |key: &str| sum(io.lines().filter_map(|line| value(line, key, '=')));
        let cpu = value(&file("cpu.stat"), "usage_usec", ' ');
        Usage {
            cpu_seconds: cpu.map(|micros| Duration::from_micros(micros).as_secs_f64()),
            memory_peak_bytes: number(&file("memory.peak")),
            memory_limit_bytes: number(&file("memory.max")),
            read_bytes: self.folder("").join("io.stat").exists().then(|| of("rbytes")),
            written_bytes: self.folder("").join("io.stat").exists().then(|| of("wbytes")),
            oom_kills: value(&file("memory.events"), "oom_kill", ' '),
            exact: false,
        }
    }

    fn read_controllers(&self) -> Usage {
        let file = |controller: &str, name: &str| fs::read_to_string(self.folder(controller).join(name)).ok();
        let memory = |name: &str| file("memory", name).and_then(|text| number(&text));
        let moved = file("blkio", "blkio.throttle.io_service_bytes_recursive")
            .or_else(|| file("blkio", "blkio.throttle.io_service_bytes"));
        let of = |operation: &str| moved.as_deref().map(|text| serviced(text, operation));
        let cpu = file("cpuacct", "cpuacct.usage").and_then(|text| number(&text));
        Usage {
            cpu_seconds: cpu.map(|nanos| Duration::from_nanos(nanos).as_secs_f64()),
            memory_peak_bytes: memory("memory.max_usage_in_bytes"),
            memory_limit_bytes: memory("memory.limit_in_bytes").filter(|limit| *limit < UNLIMITED),
            read_bytes: of("Read"),
            written_bytes: of("Write"),
            oom_kills: file("memory", "memory.oom_control").and_then(|text| value(&text, "oom_kill", ' ')),
            exact: false,
        }
    }

    fn folder(&self, controller: &str) -> PathBuf {
        match self {
            Self::Unified(folder) => folder.clone(),
            Self::Controllers { root, path } => root.join(controller).join(path),
        }
    }
}

/// The paths that Docker and podman use, with either driver (cgroupfs, systemd), as root or rootless.
fn places(id: &str) -> Vec<String> {
    let user = rustix::process::getuid().as_raw();
    let own = format!("user.slice/user-{user}.slice/user@{user}.service/user.slice");
    vec![
        format!("docker/{id}"),
        format!("system.slice/docker-{id}.scope"),
        format!("machine.slice/libpod-{id}.scope"),
        format!("libpod_parent/libpod-{id}"),
        format!("{own}/docker-{id}.scope"),
        format!("{own}/libpod-{id}.scope"),
    ]
}

pub(crate) fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// The number after `key` and the separator; `key` must be a whole word.
pub(crate) fn value(text: &str, key: &str, separator: char) -> Option<u64> {
    let words = text
        .split('\n')
        .flat_map(|line| if separator == ' ' { vec![line] } else { line.split(' ').collect() });
    words.filter_map(|word| word.split_once(separator)).find(|(name, _)| *name == key)?.1.trim().parse().ok()
}

/// The sum of the lines `MAJOR:MINOR OPERATION BYTES`.
pub(crate) fn serviced(text: &str, operation: &str) -> u64 {
    let bytes = |line: &str| {
        let mut words = line.split(' ').skip(1);
        if words.next()? == operation { words.next()?.parse::<u64>().ok() } else { None }
    };
    sum(text.lines().filter_map(bytes))
}

fn sum(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn files(root: &Path, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    #[test]
    fn version_1_is_read_by_controller() {
        let root = TempDir::new().unwrap();
        files(
            root.path(),
            &[
                ("memory/docker/ab/memory.max_usage_in_bytes", "4096\n"),
                ("memory/docker/ab/memory.limit_in_bytes", "9223372036854771712\n"),
                ("memory/docker/ab/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"),
                ("memory/docker/ab/cgroup.procs", "30\n20\n"),
                ("cpuacct/docker/ab/cpuacct.usage", "2500000000\n"),
                (
                    "blkio/docker/ab/blkio.throttle.io_service_bytes",
                    "8:0 Read 5\n8:0 Write 6\n7:0 Read 1\nTotal 12\n",
                ),
            ],
        );
        let group = ControlGroup::below(root.path(), "ab").unwrap();
        let usage = group.read().unwrap();
        assert_eq!(
            (usage.cpu_seconds, usage.memory_peak_bytes, usage.memory_limit_bytes),
            (Some(2.5), Some(4096), None)
        );
        assert_eq!((usage.read_bytes, usage.written_bytes, usage.oom_kills), (Some(6), Some(6), Some(2)));
        assert_eq!(group.first_process(), Pid::from_raw(20));
        assert_eq!(ControlGroup::below(root.path(), "cd"), None);
    }

    #[test]
    fn version_2_is_read_from_one_folder() {
        let root = TempDir::new().unwrap();
        let at = |name: &str| format!("system.slice/docker-ab.scope/{name}");
        let names =
            ["cpu.stat", "memory.peak", "memory.max", "memory.events", "io.stat", "cgroup.procs"].map(at);
        let texts = [
            "usage_usec 1500000\nuser_usec 1\n",
            "8192\n",
            "67108864\n",
            "low 0\noom 1\noom_kill 1\n",
            "8:0 rbytes=5 wbytes=6 rios=1\n7:0 rbytes=1 wbytes=0\n",
            "",
        ];
        let all: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(texts).collect();
        files(root.path(), &[&[("cgroup.controllers", "cpu")], all.as_slice()].concat());
        let group = ControlGroup::below(root.path(), "ab").unwrap();
        let usage = group.read().unwrap();
        assert_eq!((usage.cpu_seconds, usage.memory_peak_bytes), (Some(1.5), Some(8192)));
        assert_eq!((usage.memory_limit_bytes, usage.oom_kills), (Some(64 << 20), Some(1)));
        assert_eq!((usage.read_bytes, usage.written_bytes, usage.exact), (Some(6), Some(6), false));
        assert_eq!(group.first_process(), None);
        fs::remove_dir_all(root.path().join("system.slice")).unwrap();
        assert!(!group.is_there() && group.read().is_none());
    }
}
