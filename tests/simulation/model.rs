//! The engine's world: containers, volumes, networks, images, and what is known of who made and touched them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep},
};

use crate::{
    faults::Hits,
    planted::Planted,
    program::{Program, Step},
    random::Hash,
};

/// The label of a task.
pub const TASK_ID: &str = "cube.task.id";
/// The label of its owner.
pub const OWNER: &str = "cube.task.owner";
/// The label of a network that cube made.
pub const NETWORK: &str = "cube.network";

/// Labels by name.
pub type Labels = BTreeMap<String, String>;

/// Where a container is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Created,
    Running,
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

/// A container.
#[derive(Clone, Debug)]
pub struct Container {
    pub id: String,
    pub name: String,
    pub image: String,
    pub image_id: String,
    pub labels: Labels,
    pub volume: Option<String>,
    pub networks: Vec<String>,
    pub program: Program,
    pub stage: Stage,
    pub code: i64,
    pub created: DateTime<Utc>,
    pub started: Option<DateTime<Utc>>,
    pub finished: Option<DateTime<Utc>>,
    pub log: Vec<Written>,
    /// Starts that somebody asked for over the API.
    pub starts: u32,
    /// Which of its processes runs.
    pub process: u64,
    /// Made by another client, or by the machine's other users.
    pub foreign: bool,
    /// Another client did something to it.
    pub touched: bool,
}

impl Container {
    /// The task that its own labels name.
    pub fn task(&self) -> Option<&str> {
        self.labels.get(TASK_ID).map(String::as_str).filter(|_| !self.foreign)
    }

    /// Everything that it wrote to a stream.
    pub fn wrote(&self, stream: u8) -> Vec<u8> {
        let pieces = self.log.iter().filter(|written| written.stream == stream);
        pieces.flat_map(|written| written.bytes.iter().copied()).collect()
    }
}

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
    pub networks: BTreeMap<String, Net>,
    pub volumes: BTreeSet<String>,
    pub images: Vec<Image>,
    /// Tasks whose cube has ended.
    pub dead: BTreeSet<String>,
    /// Tasks of which cube said that nothing is left, nor will be.
    pub released: BTreeSet<String>,
    /// What must not happen and did.
    pub violations: Vec<String>,
    pub hits: Hits,
    /// How often each call was made.
    pub calls: BTreeMap<&'static str, u64>,
    pub planted: Planted,
    pub trace: Hash,
    /// What happened, in words, if somebody wants to read it.
    pub words: Option<Vec<String>>,
    begun: Instant,
    last: DateTime<Utc>,
    numbers: u64,
}

/// The world, shared by the engine's connections, its processes and the other clients.
#[derive(Clone)]
pub struct World {
    model: Arc<Mutex<Model>>,
    changed: Arc<Notify>,
    /// How often the engine went away.
    pub restarts: watch::Sender<u64>,
}

impl World {
    /// The world as it begins: two images, of which one brings a task's labels along, and a foreign volume, network
    /// and container.
    pub fn new(planted: Planted, reads: bool) -> Self {
        let model = Model {
            containers: BTreeMap::new(),
            gone: BTreeMap::new(),
            networks: BTreeMap::new(),
            volumes: ["data".to_owned()].into(),
            images: Vec::new(),
            dead: BTreeSet::new(),
            released: BTreeSet::new(),
            violations: Vec::new(),
            hits: Hits::default(),
            calls: BTreeMap::new(),
            planted,
            trace: Hash::default(),
            words: reads.then(Vec::new),
            begun: Instant::now(),
            last: DateTime::UNIX_EPOCH,
            numbers: 0,
        };
        let world = Self {
            model: Arc::new(Mutex::new(model)),
            changed: Arc::default(),
            restarts: watch::Sender::new(0),
        };
        world.with(Model::furnish);
        world
    }

    /// Looks at the world, or changes it.
    pub fn with<T>(&self, look: impl FnOnce(&mut Model) -> T) -> T {
        look(&mut self.lock())
    }

    /// The same for a change that others may wait for.
    pub fn change<T>(&self, change: impl FnOnce(&mut Model) -> T) -> T {
        let changed = change(&mut self.lock());
        self.changed.notify_waiters();
        changed
    }

    fn lock(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `look` finds, as soon as it does.
    pub async fn until<T>(&self, mut look: impl FnMut(&mut Model) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            if let Some(found) = self.with(&mut look) {
                return found;
            }
            changed.await;
        }
    }

    /// Takes the engine away: every connection breaks, and so does what is under way.
    pub fn restart(&self) {
        self.with(|model| model.note("the engine restarts"));
        self.restarts.send_modify(|count| *count += 1);
    }

    /// Starts the process of a container.
    pub fn start(&self, id: &str) {
        let begun = self.change(|model| {
            let now = model.now();
            let container = model.containers.get_mut(id)?;
            container.process += 1;
            (container.stage, container.started) = (Stage::Running, Some(now));
            Some((container.process, container.program.clone()))
        });
        if let Some((process, program)) = begun {
            let (world, id) = (self.clone(), id.to_owned());
            tokio::spawn(async move { world.live(&id, process, &program).await });
        }
    }

    async fn live(&self, id: &str, process: u64, program: &Program) {
        for step in program.steps() {
            match step {
                Step::Pass(time) => sleep(time).await,
                Step::Write(stream, bytes) => {
                    let alive = self.change(|model| model.write(id, process, stream, bytes));
                    if !alive {
                        return;
                    }
                }
                Step::Exit(code) => {
                    self.change(|model| model.exit(id, process, code));
                }
            }
        }
    }

    /// Sends a signal to the process of a container that runs.
    pub fn signal(&self, id: &str, kills: bool) {
        if kills {
            self.change(|model| model.kill(id));
            return;
        }
        let hearing = self.with(|model| {
            let container = model.containers.get(id).filter(|c| c.stage == Stage::Running)?;
            Some((container.process, container.program.hears?))
        });
        if let Some((process, after)) = hearing {
            let (world, id) = (self.clone(), id.to_owned());
            tokio::spawn(async move {
                sleep(Duration::from_millis(after)).await;
                world.change(|model| model.exit(&id, process, 143));
            });
        }
    }
}

impl Model {
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
        let moment = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or_default();
        self.trace = self.trace.text(words).number(moment);
        if let Some(all) = &mut self.words {
            all.push(format!("{:>9}.{:03}  {words}", moment / 1000, moment % 1000));
        }
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

    /// Adds a container of another client's, which runs.
    pub fn add_foreign(&mut self, image: &str, name: String) {
        let id = self.put_container(image, name, Labels::new(), &[]);
        if let Some(container) = self.containers.get_mut(&id) {
            (container.foreign, container.stage) = (true, Stage::Running);
        }
    }

    /// Adds a container of an image that is here, as cube asked for it.
    pub fn add_container(&mut self, image: &str, name: String, own: Labels, command: &[String]) -> String {
        let id = self.put_container(image, name, own, command);
        let task = self.containers[&id].task().unwrap_or_default().to_owned();
        if self.released.contains(&task) {
            self.violated(format!("a container of task {task} came after cube let it go"));
        }
        id
    }

    fn put_container(&mut self, image: &str, name: String, own: Labels, command: &[String]) -> String {
        let (id, created) = (self.id(), self.now());
        let found = self.image(image).cloned().expect("the image is here");
        let volume = found.has_volume.then(|| self.id());
        self.volumes.extend(volume.clone());
        let mut labels = found.labels;
        labels.extend(own);
        let container = Container {
            id: id.clone(),
            name,
            image: image.to_owned(),
            image_id: found.id,
            labels,
            volume,
            networks: Vec::new(),
            program: Program::read(command),
            stage: Stage::Created,
            code: 0,
            created,
            started: None,
            finished: None,
            log: Vec::new(),
            starts: 0,
            process: 0,
            foreign: false,
            touched: false,
        };
        self.containers.insert(id.clone(), container);
        id
    }

    /// The id of the container that an id, its beginning, or a name means.
    pub fn find(&self, wanted: &str) -> Option<String> {
        let by_name = || self.containers.values().find(|c| c.name == wanted).map(|c| c.id.clone());
        let by_prefix = || self.containers.keys().find(|id| id.starts_with(wanted)).cloned();
        self.containers.get(wanted).map(|c| c.id.clone()).or_else(by_name).or_else(by_prefix)
    }

    /// Whether the process still runs, and so has written.
    fn write(&mut self, id: &str, process: u64, stream: u8, bytes: Vec<u8>) -> bool {
        let at = self.now();
        match self.containers.get_mut(id) {
            Some(c) if c.process == process && c.stage == Stage::Running => {
                c.log.push(Written { at, stream, bytes });
                true
            }
            _ => false,
        }
    }

    fn exit(&mut self, id: &str, process: u64, code: i64) {
        let now = self.now();
        if let Some(c) = self.containers.get_mut(id)
            && c.process == process
            && c.stage == Stage::Running
        {
            (c.stage, c.code, c.finished) = (Stage::Exited, code, Some(now));
        }
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
