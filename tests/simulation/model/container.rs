//! A container: what it is, what it does, and what was done to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono::{DateTime, Utc};

use crate::model::{Image, policy::Policy, program::Program};

/// The label of a task.
pub const TASK_ID: &str = "cube.task.id";

/// Labels by name.
pub type Labels = BTreeMap<String, String>;

/// Where a container is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Created,
    Running,
    /// Its policy starts it again in a moment.
    Restarting,
    Exited,
    Removing,
}

/// Bytes that a process wrote: one line, or the last one without its newline.
#[derive(Clone, Debug)]
pub struct Written {
    pub at: DateTime<Utc>,
    pub stream: u8,
    pub bytes: Vec<u8>,
}

/// What a create request asks for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub command: Vec<String>,
    pub labels: Labels,
    pub networks: Vec<String>,
    pub policy: Policy,
    /// Host ports; any free one where it names none.
    pub ports: Vec<Option<u16>>,
    /// How often its health is probed, if it is.
    pub probes: Option<Duration>,
}

/// A container.
#[derive(Clone, Debug)]
pub struct Container {
    pub id: String,
    pub name: String,
    pub image: String,
    pub image_id: String,
    pub labels: Labels,
    pub volume: Option<String>,
    pub wanted: Wanted,
    pub program: Program,
    pub stage: Stage,
    pub code: i64,
    /// The codes of all its ends.
    pub codes: BTreeSet<i64>,
    /// Why its last start failed.
    pub error: String,
    pub created: DateTime<Utc>,
    pub started: Option<DateTime<Utc>>,
    pub finished: Option<DateTime<Utc>>,
    pub log: Vec<Written>,
    /// The host ports that it has while it runs.
    pub bound: Vec<u16>,
    /// Starts that somebody asked for over the API.
    pub starts: u32,
    /// Which of its processes runs, and how many ended.
    pub process: u64,
    pub ends: u64,
    /// Starts by its policy, and the pause before the next.
    pub restarts: u64,
    pub pause: Duration,
    /// Somebody stopped it: its policy does nothing.
    pub by_hand: bool,
    /// Since when its process is ready, and since when one ever was.
    pub ready: Option<DateTime<Utc>>,
    pub first_ready: Option<DateTime<Utc>>,
    /// Made by another client, or by the machine's other users.
    pub foreign: bool,
    /// Another client did something to it.
    pub touched: bool,
}

impl Container {
    /// A container as it is created.
    pub fn new(
        id: String,
        name: String,
        image: &str,
        found: &Image,
        volume: Option<String>,
        wanted: Wanted,
        created: DateTime<Utc>,
    ) -> Self {
        let mut labels = found.labels.clone();
        labels.extend(wanted.labels.clone());
        let program = Program::read(&wanted.command);
        Self {
            id,
            name,
            image: image.to_owned(),
            image_id: found.id.clone(),
            labels,
            volume,
            wanted,
            program,
            stage: Stage::Created,
            code: 0,
            codes: BTreeSet::new(),
            error: String::new(),
            created,
            started: None,
            finished: None,
            log: Vec::new(),
            bound: Vec::new(),
            starts: 0,
            process: 0,
            ends: 0,
            restarts: 0,
            pause: Duration::ZERO,
            by_hand: false,
            ready: None,
            first_ready: None,
            foreign: false,
            touched: false,
        }
    }

    /// The task that its own labels name.
    pub fn task(&self) -> Option<&str> {
        self.labels.get(TASK_ID).map(String::as_str).filter(|_| !self.foreign)
    }

    /// Everything that it wrote to a stream.
    pub fn wrote(&self, stream: u8) -> Vec<u8> {
        let pieces = self.log.iter().filter(|written| written.stream == stream);
        pieces.flat_map(|written| written.bytes.iter().copied()).collect()
    }

    /// Whether one of its lines is this one.
    pub fn has_written(&self, line: &str) -> bool {
        self.log.iter().any(|written| String::from_utf8_lossy(&written.bytes).contains(line))
    }

    /// Whether the engine runs a process for it, or will.
    pub fn is_alive(&self) -> bool {
        matches!(self.stage, Stage::Running | Stage::Restarting)
    }

    /// What the engine's own probes found by `now`: whether it is healthy, if there was one yet.
    pub fn health(&self, now: DateTime<Utc>) -> Option<&'static str> {
        const RETRIES: i32 = 3;
        let interval = self.wanted.probes?;
        let Some(started) = self.started else { return Some("starting") };
        let running = (now - started).to_std().unwrap_or_default();
        let probes = i32::try_from(running.as_millis() / interval.as_millis().max(1)).unwrap_or(i32::MAX);
        let passed =
            self.ready.is_some_and(|ready| started + interval * u32::try_from(probes).unwrap_or(0) >= ready);
        Some(match probes {
            0 => "starting",
            _ if passed => "healthy",
            probes if probes >= RETRIES => "unhealthy",
            _ => "starting",
        })
    }
}
