//! The world as the engine's connections, its processes and the other clients share it, and what goes on in it by
//! itself: processes live and end, policies start them again.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::sleep,
};

use crate::{
    model::{
        Model,
        container::Stage,
        policy::Policy,
        program::{Program, Step},
    },
    planted::Planted,
};

/// The world, shared.
#[derive(Clone)]
pub struct World {
    model: Arc<Mutex<Model>>,
    changed: Arc<Notify>,
    /// How often the engine went away.
    pub restarts: watch::Sender<u64>,
}

impl World {
    /// The world as it begins.
    pub fn new(planted: Planted, reads: bool) -> Self {
        let world = Self {
            model: Arc::new(Mutex::new(Model::new(planted, reads))),
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
        self.with(|model| {
            model.note("the engine restarts");
            model.is_down = true;
            // An engine knows nothing of the commands of its former life.
            model.execs.clear();
        });
        self.restarts.send_modify(|count| *count += 1);
    }

    /// The engine is back: it starts what its policies say.
    pub fn boot(&self) {
        let due: Vec<String> = self.change(|model| {
            model.is_down = false;
            let ended = model.containers.values().filter(|c| c.stage == Stage::Exited && !c.foreign);
            ended.filter(|c| c.comes_with_engine()).map(|c| c.id.clone()).collect()
        });
        for id in due {
            self.start_by_policy(&id);
        }
    }

    /// Starts the process of a container.
    pub fn start(&self, id: &str) {
        let begun = self.change(|model| {
            let (now, ports) = (model.now(), model.free_ports_for(id));
            let container = model.containers.get_mut(id)?;
            container.process += 1;
            (container.stage, container.started, container.bound) = (Stage::Running, Some(now), ports);
            container.error.clear();
            Some((container.process, container.program.clone()))
        });
        if let Some((process, program)) = begun {
            let (world, id) = (self.clone(), id.to_owned());
            tokio::spawn(async move { world.live(&id, process, &program).await });
        }
    }

    async fn live(&self, id: &str, process: u64, program: &Program) {
        for step in program.steps(process) {
            match step {
                Step::Pass(Duration::ZERO) => {}
                Step::Pass(time) => sleep(time).await,
                Step::Write(stream, bytes) => {
                    if !self.change(|model| model.write(id, process, stream, bytes)) {
                        return;
                    }
                }
                Step::Ready => self.change(|model| model.is_ready(id, process)),
                Step::Exit(code) => self.ended(id, process, code),
            }
        }
    }

    /// A process ended by itself, or by a signal that it heard: its policy may start it again.
    fn ended(&self, id: &str, process: u64, code: i64) {
        let pause = self.change(|model| {
            if !model.exit(id, process, code) {
                return None;
            }
            let container = model.containers.get_mut(id).filter(|container| container.comes_again())?;
            container.stage = Stage::Restarting;
            container.restarts += 1;
            let pause = container.next_pause();
            model.note("a policy starts a container again");
            Some(pause)
        });
        if let Some(pause) = pause {
            let (world, id) = (self.clone(), id.to_owned());
            tokio::spawn(async move {
                sleep(pause).await;
                world.until(|model| (!model.is_down).then_some(())).await;
                let is_due = world.with(|model| {
                    let container = model.containers.get(&id);
                    container.is_some_and(|c| c.stage == Stage::Restarting && c.process == process)
                });
                if is_due {
                    world.start_by_policy(&id);
                }
            });
        }
    }

    /// What its policy starts again may lack its network meanwhile.
    fn start_by_policy(&self, id: &str) {
        let refusal = self.change(|model| {
            let refusal = model.refuses_start(id);
            if let (Some(refusal), Some(container)) = (&refusal, model.containers.get_mut(id)) {
                (container.stage, container.error) = (Stage::Exited, refusal.text());
                // It gives up.
                container.wanted.policy = Policy::No;
            }
            refusal
        });
        if refusal.is_none() {
            self.start(id);
        }
    }

    /// Sends a signal to the process of a container for somebody: its policy does nothing from now on.
    pub fn signal(&self, id: &str, kills: bool) {
        let hearing = self.change(|model| {
            let container = model.containers.get_mut(id)?;
            container.by_hand = true;
            if container.stage == Stage::Restarting {
                container.stage = Stage::Exited;
            }
            if kills {
                model.kill(id);
                return None;
            }
            let container = model.containers.get(id).filter(|c| c.stage == Stage::Running)?;
            Some((container.process, container.program.hears?))
        });
        if let Some((process, after)) = hearing {
            let (world, id) = (self.clone(), id.to_owned());
            tokio::spawn(async move {
                sleep(Duration::from_millis(after)).await;
                world.ended(&id, process, 143);
            });
        }
    }
}
