//! One schedule: a seed decides all of it. Afterwards, once the engine answers again, what must hold is looked at.

use std::{path::Path, time::Duration};

use cube::{Address, Docker, StopOptions, Surroundings};
use tokio::time::{sleep, sleep_until, timeout};

use crate::{
    callers::{Caller, plan::Plan, prune},
    clock::{self, Activity},
    engine::{Engine, faults::Hits},
    invariants,
    model::world::World,
    others,
    planted::Planted,
    random::{Random, Trace},
};

/// The longest that everything may take, by the engine's clock.
const END: Duration = Duration::from_hours(6);
/// How long the last late requests may take, and the last processes.
const SETTLING: Duration = Duration::from_mins(5);

/// What came of a schedule.
#[derive(Debug)]
pub struct Outcome {
    pub seed: u64,
    pub violations: Vec<String>,
    pub trace: Trace,
    pub hits: Hits,
    pub words: Vec<String>,
}

/// Plays the schedule of a seed, with an engine at `socket`.
pub fn play(seed: u64, socket: &Path, planted: Planted, reads: bool) -> Outcome {
    clock::run(|activity| played(seed, socket, planted, reads, activity))
}

async fn played(seed: u64, socket: &Path, planted: Planted, reads: bool, activity: Activity) -> Outcome {
    let world = World::new(planted, reads);
    let engine = Engine::listen(world.clone(), socket, activity, seed);
    let others = others::let_loose(&engine, seed);
    let callers = Random::of(seed, "callers", 0).below(4) + 1;
    let callers: Vec<Caller> =
        (0..callers).map(|number| Caller::new(&engine, Plan::choose(seed, number))).collect();
    if timeout(END, all(&engine, &callers, others)).await.is_err() {
        world.with(|model| model.violated("it never ends"));
    }
    world.with(|model| Outcome {
        seed,
        violations: std::mem::take(&mut model.violations),
        trace: model.trace,
        hits: std::mem::take(&mut model.hits),
        words: model.words.take().unwrap_or_default(),
    })
}

async fn all(engine: &Engine, callers: &[Caller], others: bool) {
    let lives: Vec<_> = callers.iter().map(|caller| tokio::spawn(caller.clone().live())).collect();
    for life in lives {
        if let Err(error) = life.await {
            engine.world.with(|model| model.violated(format!("a caller panicked: {error}")));
        }
    }
    sleep_until(engine.calm()).await;
    sleep(SETTLING).await;
    engine.world.with(|model| model.note("all is calm"));
    let undisturbed = !others && !engine.fails() && callers.len() == 1;
    invariants::after_the_storm(&engine.world, callers, undisturbed);
    engine.world.with(|model| {
        model.dead.extend(callers.iter().map(|caller| caller.report().task.clone()));
    });
    let docker = connect(&engine.socket);
    if let Err(error) = prune(&docker).await {
        engine.world.with(|model| model.violated(format!("a calm prune fails: {error}")));
    }
    invariants::after_the_prune(&engine.world, callers);
    // What runs on with good reason is stopped by its user.
    for task in callers.iter().map(|caller| caller.report().task.clone()) {
        if engine.world.with(|model| model.of_task(&task).next().is_some()) {
            let stopped = docker.stop(&task.parse().expect("a task"), &StopOptions::default()).await;
            if let Err(error) = stopped {
                engine.world.with(|model| model.violated(format!("a calm stop of {task} fails: {error}")));
            }
        }
    }
    let _ = prune(&docker).await;
    invariants::at_the_end(&engine.world);
}

fn connect(socket: &Path) -> Docker {
    let nobody = Surroundings { env: &|_| None, home: None, uid: 0, exists: &|_| false, warn: &|_| () };
    Docker::connect(Address::Unix(socket.to_owned()), &nobody, Docker::ANSWER_TIMEOUT).expect("a runner")
}
