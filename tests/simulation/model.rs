//! The engine's world: containers, volumes, networks, images, and what is known of who made and touched them.

pub mod container;
pub mod exec;
pub mod policy;
pub mod program;
pub mod start;
pub mod world;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use crate::{
    engine::faults::Hits,
    model::{
        container::{Container, Labels, Stage, TASK_ID, Wanted, Written},
        exec::Exec,
    },
    planted::Planted,
    random::{Hash, Trace},
};

/// The label of a task's owner.
pub const OWNER: &str = "cube.task.owner";
/// The label of a network that cube made.
pub const NETWORK: &str = "cube.network";

/// A network.
#[derive(Clone, Debug)]
pub struct Net {
    pub id: String,
    pub name: String,
    pub labels: Labels,
    pub bridge: Option<String>,
    pub created: DateTime<Utc>,
}

impl Net {
    /// Whether cube made it.
    pub fn is_cubes(&self) -> bool {
        self.labels.contains_key(NETWORK)
    }
}

/// An image.
#[derive(Clone, Debug)]
pub struct Image {
    pub id: String,
    pub name: String,
    pub labels: Labels,
    pub has_volume: bool,
    pub present: bool,
}

/// Everything there is.
#[derive(Debug)]
pub struct Model {
    pub containers: BTreeMap<String, Container>,
    /// What was there once, as it was when it went.
    pub gone: BTreeMap<String, Container>,
    /// Commands in containers.
    pub execs: BTreeMap<String, Exec>,
    pub networks: BTreeMap<String, Net>,
    pub volumes: BTreeSet<String>,
    pub images: Vec<Image>,
    /// Tasks whose cube has ended.
    pub dead: BTreeSet<String>,
    /// Tasks of which cube said that nothing is left, nor will be.
    pub released: BTreeSet<String>,
    /// How often a task's start was refused because a host port was taken.
    pub ports_refused: BTreeMap<String, u32>,
    /// The last host port that the engine chose.
    pub last_port: u16,
    /// The engine is away.
    pub is_down: bool,
    /// What must not happen and did.
    pub violations: Vec<String>,
    pub hits: Hits,
    /// How often each call was made.
    pub calls: BTreeMap<&'static str, u64>,
    /// The last moment at which the engine was asked, and how often it was at that moment.
    asked: (u64, u32),
    pub planted: Planted,
    pub trace: Trace,
    /// What happened, in words, if somebody wants to read it.
    pub words: Option<Vec<String>>,
    begun: Instant,
    last: DateTime<Utc>,
    numbers: u64,
}

impl Model {
    fn new(planted: Planted, reads: bool) -> Self {
        Self {
            containers: BTreeMap::new(),
            gone: BTreeMap::new(),
            execs: BTreeMap::new(),
            networks: BTreeMap::new(),
            volumes: ["data".to_owned()].into(),
            images: Vec::new(),
            dead: BTreeSet::new(),
            released: BTreeSet::new(),
            ports_refused: BTreeMap::new(),
            last_port: 32_767,
            is_down: false,
            violations: Vec::new(),
            hits: Hits::default(),
            calls: BTreeMap::new(),
            asked: (0, 0),
            planted,
            trace: Trace::default(),
            words: reads.then(Vec::new),
            begun: Instant::now(),
            last: DateTime::UNIX_EPOCH,
            numbers: 0,
        }
    }

    /// Two images, of which one brings a task's labels along, and a foreign volume, network and container.
    fn furnish(&mut self) {
        let inherited: Labels =
            [(TASK_ID.to_owned(), "6e1c8a52-3b1c-4ac3-9d3a-0f6f7d1f2a11".to_owned())].into();
        self.add_image("app", Labels::new(), true);
        self.add_image("labelled", inherited, false);
        self.add_image("absent", Labels::new(), false);
        self.images.iter_mut().filter(|image| image.name == "absent").for_each(|image| image.present = false);
        self.add_network("theirs", Labels::new(), None);
        for image in ["app", "labelled"] {
            self.add_foreign(image, format!("foreign-{image}"));
        }
    }

    /// A new id: 64 hex digits.
    pub fn id(&mut self) -> String {
        self.numbers += 1;
        let (high, low) = (Hash::default().number(self.numbers).value(), self.numbers);
        format!("{high:016x}{low:016x}{high:016x}{low:016x}")
    }

    /// The engine's time. Each moment comes once.
    pub fn now(&mut self) -> DateTime<Utc> {
        let begin = DateTime::from_timestamp(1_767_225_600, 0).expect("a time");
        let now = begin + TimeDelta::from_std(self.begun.elapsed()).expect("a short time");
        self.last = now.max(self.last + TimeDelta::nanoseconds(137));
        self.last
    }

    /// Writes down what happened.
    pub fn note(&mut self, words: &str) {
        let moment = self.moment();
        self.trace = self.trace.with(words, moment);
        if let Some(all) = &mut self.words {
            all.push(format!("{:>9}.{:03}  {words}", moment / 1000, moment % 1000));
        }
    }

    /// Counts a request. Whether there were so many at this moment that whoever asks never pauses: time stands still
    /// until then.
    pub fn is_asked_without_pause(&mut self) -> bool {
        const MOST: u32 = 300;
        let moment = self.moment();
        let (last, count) = self.asked;
        self.asked = (moment, if last == moment { count + 1 } else { 1 });
        if self.asked.1 == MOST {
            self.violated(format!("{MOST} requests at one moment"));
        }
        self.asked.1 >= MOST
    }

    /// Milliseconds since the world began.
    fn moment(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or_default()
    }

    /// Writes down what must not happen.
    pub fn violated(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.note(&format!("VIOLATED: {what}"));
        self.violations.push(what);
    }

    /// Adds an image.
    pub fn add_image(&mut self, name: &str, labels: Labels, has_volume: bool) {
        let id = format!("sha256:{}", self.id());
        self.images.push(Image { id, name: name.to_owned(), labels, has_volume, present: true });
    }

    /// The image that a name or an id means, if it is here.
    pub fn image(&self, name: &str) -> Option<&Image> {
        let plain = name.strip_suffix(":latest").unwrap_or(name);
        let digits = name.strip_prefix("sha256:").unwrap_or(name);
        let is_it = |image: &&Image| image.name == plain || image.id.strip_prefix("sha256:") == Some(digits);
        self.images.iter().filter(|image| image.present).find(is_it)
    }

    /// Adds a network.
    pub fn add_network(&mut self, name: &str, labels: Labels, bridge: Option<String>) -> String {
        let (id, created) = (self.id(), self.now());
        let network = Net { id: id.clone(), name: name.to_owned(), labels, bridge, created };
        self.networks.insert(id.clone(), network);
        id
    }

    /// The network that a name or an id means.
    pub fn network(&self, wanted: &str) -> Option<&Net> {
        self.networks.get(wanted).or_else(|| self.networks.values().find(|network| network.name == wanted))
    }

    /// Whether a container that runs is on the network.
    pub fn has_endpoints(&self, network: &Net) -> bool {
        self.containers.values().any(|container| {
            container.stage == Stage::Running
                && container.wanted.networks.iter().any(|on| *on == network.id || *on == network.name)
        })
    }

    /// Adds a container of another client's, which runs.
    pub fn add_foreign(&mut self, image: &str, name: String) {
        let id = self.put_container(image, name, Wanted::default());
        if let Some(container) = self.containers.get_mut(&id) {
            (container.foreign, container.stage) = (true, Stage::Running);
        }
    }

    /// Adds a container of an image that is here, as cube asked for it.
    pub fn add_container(&mut self, image: &str, name: String, wanted: Wanted) -> String {
        let id = self.put_container(image, name, wanted);
        let task = self.containers[&id].task().unwrap_or_default().to_owned();
        if self.released.contains(&task) {
            self.violated(format!("a container of task {task} came after cube let it go"));
        }
        id
    }

    fn put_container(&mut self, image: &str, name: String, wanted: Wanted) -> String {
        let (id, created) = (self.id(), self.now());
        let found = self.image(image).cloned().expect("the image is here");
        let volume = found.has_volume.then(|| self.id());
        self.volumes.extend(volume.clone());
        let container = Container::new(id.clone(), name, image, &found, volume, wanted, created);
        self.containers.insert(id.clone(), container);
        id
    }

    /// The id of the container that an id, its beginning, or a name means.
    pub fn find(&self, wanted: &str) -> Option<String> {
        let by_name = || self.containers.values().find(|c| c.name == wanted).map(|c| c.id.clone());
        let by_prefix = || self.containers.keys().find(|id| id.starts_with(wanted)).cloned();
        self.containers.get(wanted).map(|c| c.id.clone()).or_else(by_name).or_else(by_prefix)
    }

    fn running(&mut self, id: &str, process: u64) -> Option<&mut Container> {
        let container = self.containers.get_mut(id)?;
        (container.process == process && container.stage == Stage::Running).then_some(container)
    }

    /// Whether the process still runs, and so has written.
    fn write(&mut self, id: &str, process: u64, stream: u8, bytes: Vec<u8>) -> bool {
        let at = self.now();
        let writer = self.running(id, process);
        writer.map(|container| container.log.push(Written { at, stream, bytes })).is_some()
    }

    fn is_ready(&mut self, id: &str, process: u64) {
        let now = self.now();
        if let Some(container) = self.running(id, process) {
            container.ready = Some(now);
            container.first_ready.get_or_insert(now);
        }
    }

    /// Ends a process, if it still runs.
    fn exit(&mut self, id: &str, process: u64, code: i64) -> bool {
        let now = self.now();
        let Some(container) = self.running(id, process) else { return false };
        (container.stage, container.code, container.finished) = (Stage::Exited, code, Some(now));
        (container.ready, container.ends) = (None, container.ends + 1);
        container.bound.clear();
        container.codes.insert(code);
        self.commands_killed(id);
        true
    }

    /// Ends a process at once.
    pub fn kill(&mut self, id: &str) {
        if let Some(process) = self.containers.get(id).map(|c| c.process) {
            self.exit(id, process, 137);
        }
    }

    /// Takes a container away, with its anonymous volume or without.
    pub fn remove(&mut self, id: &str, with_volume: bool) {
        self.kill(id);
        if let Some(container) = self.containers.remove(id) {
            if with_volume && let Some(volume) = &container.volume {
                self.volumes.remove(volume);
            }
            self.gone.insert(id.to_owned(), container);
        }
    }

    /// A container that is there, or was.
    pub fn ever(&self, id: &str) -> Option<&Container> {
        self.containers.get(id).or_else(|| self.gone.get(id))
    }

    /// The containers of a task.
    pub fn of_task<'a>(&'a self, task: &'a str) -> impl Iterator<Item = &'a Container> {
        self.containers.values().filter(move |container| container.task() == Some(task))
    }
}
