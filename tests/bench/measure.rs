//! Runs commands and measures their usage. This is done in a separate small process, so that the benchmark's own memory
//! does not count, and processes that a command leaves behind (cube's guard) do.

use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, UNIX_EPOCH};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// Between two commands on the command line of a measuring process.
const NEXT: &str = "--next--";

/// Commands that do one job.
#[derive(Clone)]
pub struct Job {
    pub commands: Vec<Vec<String>>,
    /// All at once, not one after the other.
    pub together: bool,
}

/// The usage of a job.
#[derive(Clone, Copy)]
pub struct Used {
    pub wall: Duration,
    /// User and system time of all its processes.
    pub cpu: Duration,
    /// The largest resident size of one of its processes.
    pub peak_kib: u64,
    /// When it ended, since the Unix epoch.
    pub ended: Duration,
}

impl Job {
    pub fn one(command: Vec<String>) -> Self {
        Self::sequence(vec![command])
    }

    pub fn sequence(commands: Vec<Vec<String>>) -> Self {
        Self { commands, together: false }
    }

    pub fn together(commands: Vec<Vec<String>>) -> Self {
        Self { commands, together: true }
    }

    /// Runs the job on the engine at `host`.
    pub fn run(&self, host: &str) -> Used {
        let mut process = Command::new(std::env::current_exe().unwrap());
        process.arg(if self.together { "measure-together" } else { "measure" }).env("DOCKER_HOST", host);
        let socket = host.trim_start_matches("unix://");
        for command in &self.commands {
            process.args(command.iter().map(|word| word.replace("{socket}", socket))).arg(NEXT);
        }
        let output = process.stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "a measured command failed: {:?}", self.commands.first());
        let text = String::from_utf8(output.stdout).unwrap();
        let mut numbers = text.split_whitespace().map(|word| word.parse::<u64>().unwrap());
        let mut next = || numbers.next().unwrap();
        Used {
            wall: Duration::from_micros(next()),
            cpu: Duration::from_micros(next()),
            peak_kib: next(),
            ended: Duration::from_nanos(next()),
        }
    }
}

/// The measuring process: runs `words` and prints wall (µs), CPU (µs), peak (KiB) and the end (ns).
pub fn serve(words: &[String], together: bool) {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).unwrap();
    let commands: Vec<_> = words.split(|word| word == NEXT).filter(|command| !command.is_empty()).collect();
    let begun = Instant::now();
    if together {
        let children: Vec<_> = commands.iter().map(|command| start(command).unwrap()).collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
    } else {
        for command in commands {
            let status = start(command).unwrap().wait().unwrap();
            assert!(status.success(), "{command:?}: {status}");
        }
    }
    let (wall, ended) = (begun.elapsed(), UNIX_EPOCH.elapsed().unwrap());
    // Processes that the commands left behind count for the CPU time, but not for the wall time.
    while rustix::process::wait(rustix::process::WaitOptions::empty()).is_ok() {}
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let cpu = (used.user_time() + used.system_time()).num_microseconds();
    println!("{} {cpu} {} {}", wall.as_micros(), used.max_rss(), ended.as_nanos());
}

fn start(command: &[String]) -> io::Result<std::process::Child> {
    Command::new(&command[0]).args(&command[1..]).stdin(Stdio::null()).stdout(Stdio::null()).spawn()
}
