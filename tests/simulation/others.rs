//! The other clients of the engine: they remove, rename, restart and commit what is there, and take names.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{
    engine::{Engine, short},
    model::{
        Model,
        container::{Labels, Stage},
    },
    random::Random,
};

/// How many things they do one after the other at most, and the longest lull before the next, in milliseconds. Without
/// lulls, quick ones would leave no task the time to get far.
const SQUALL: u64 = 50;
const LULL: u64 = 5_000;

/// Lets other clients do things until the storm is over. Whether they did any.
pub fn let_loose(engine: &Engine, seed: u64) -> bool {
    let mut random = Random::of(seed, "others", 0);
    if random.chance(500) {
        return false;
    }
    let (engine, pause) = (engine.clone(), 1 + random.millis(20_000));
    tokio::spawn(async move {
        loop {
            sleep(Duration::from_millis(random.below(LULL))).await;
            for _ in 0..=random.below(SQUALL) {
                sleep(Duration::from_millis(1 + random.below(pause))).await;
                if Instant::now() >= engine.calm() {
                    return;
                }
                act(&engine, &mut random);
            }
        }
    });
    true
}

fn act(engine: &Engine, random: &mut Random) {
    let number = random.next() % 10_000;
    let chosen = engine.world.with(|model| {
        let cubes: Vec<&String> = model.containers.values().filter(|c| !c.foreign).map(|c| &c.id).collect();
        (!cubes.is_empty()).then(|| (*random.pick(&cubes)).clone())
    });
    match (random.below(6), chosen) {
        (0, Some(id)) => engine.world.change(|model| {
            model.touch(&id, "removed");
            model.remove(&id, true);
        }),
        (1, Some(id)) => engine.world.change(|model| {
            model.touch(&id, "renamed");
            if let Some(container) = model.containers.get_mut(&id) {
                container.name = format!("renamed-{number}");
            }
        }),
        (2, Some(id)) => {
            let free = engine.world.change(|model| {
                model.touch(&id, "restarted");
                model.kill(&id);
                if let Some(container) = model.containers.get_mut(&id) {
                    container.by_hand = false;
                }
                model.containers[&id].stage == Stage::Exited && model.refuses_start(&id).is_none()
            });
            if free {
                engine.world.start(&id);
            }
        }
        (3, Some(id)) => engine.world.change(|model| commit(model, &id, number)),
        (4, _) => engine.world.change(prune_networks),
        _ => engine.world.change(|model| {
            let name = *random.pick(&["web", "db"]);
            if model.find(name).is_none() {
                model.note(&format!("another client takes the name {name}"));
                model.add_foreign("app", name.to_owned());
            }
        }),
    }
}

/// Makes an image of a container, labels and all, and runs that.
fn commit(model: &mut Model, id: &str, number: u64) {
    let labels: Labels = model.containers[id].labels.clone();
    let image = format!("committed-{number}");
    model.note(&format!("another client commits {}", short(id)));
    model.add_image(&image, labels, false);
    model.add_foreign(&image, format!("of-{image}"));
}

/// Removes every network on which nothing runs, as `docker network prune` does.
fn prune_networks(model: &mut Model) {
    let unused: Vec<String> = model
        .networks
        .values()
        .filter(|n| n.is_cubes() && !model.has_endpoints(n))
        .map(|n| n.id.clone())
        .collect();
    for id in unused {
        model.note("another client removes a network");
        model.networks.remove(&id);
    }
}

impl Model {
    fn touch(&mut self, id: &str, what: &str) {
        self.note(&format!("another client: {} {what}", short(id)));
        if let Some(container) = self.containers.get_mut(id) {
            container.touched = true;
        }
    }
}
