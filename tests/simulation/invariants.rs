//! What must hold when everything has calmed down.

use crate::{
    callers::{Caller, Ending, Report, plan::Verb},
    model::{
        Model,
        container::{Container, TASK_ID},
        world::World,
    },
};

/// Before anybody tidies up: nothing is left of what cube, or its guard, took care of, and what cube said is true.
pub fn after_the_storm(world: &World, callers: &[Caller], undisturbed: bool) {
    for caller in callers {
        let report = caller.report().clone();
        world.with(|model| {
            told_the_truth(model, caller, &report);
            if is_cared_for(caller, &report) {
                let left: Vec<String> = model.of_task(&report.task).map(title).collect();
                for left in left {
                    model.violated(format!("left behind: {left}"));
                }
            }
            let ended_well = match &report.ending {
                Ending::Exited(_) | Ending::Left | Ending::Done | Ending::Interrupted => true,
                Ending::Failed(kind, _) => caller.plan.expects(*kind),
                Ending::Killed => false,
            };
            let is_run = !matches!(caller.plan.verb, Verb::Stop | Verb::Exec) && caller.plan.killed.is_none();
            if undisturbed && is_run && !ended_well {
                model.violated(format!("a run that nothing disturbed ends with {:?}", report.ending));
            }
        });
    }
}

/// Whether nothing may be left of its task: cube let it go, or had a guard.
fn is_cared_for(caller: &Caller, report: &Report) -> bool {
    match caller.plan.verb {
        Verb::Foreground | Verb::Detached | Verb::Replace => {
            report.ending != Ending::Left && !caller.guard_dies()
        }
        Verb::Awaited => matches!(report.ending, Ending::Exited(_) | Ending::Done),
        Verb::Stop | Verb::Prune | Verb::Exec => false,
    }
}

fn told_the_truth(model: &mut Model, caller: &Caller, report: &Report) {
    let Some(container) = report.container.as_ref().and_then(|id| model.ever(id)).cloned() else { return };
    let written = [(1, &report.stdout), (2, &report.stderr)];
    if container.touched {
        return;
    }
    for (stream, given) in written {
        let wrote = container.wrote(stream);
        if !wrote.starts_with(given) {
            model.violated(format!(
                "stream {stream} of {}: {given:?} instead of {wrote:?}",
                title(&container)
            ));
        }
    }
    let Ending::Exited(code) = report.ending else { return };
    let is_foreground = caller.plan.verb == Verb::Foreground;
    // An engine that comes up may start again what was stopped, and removed as it ran.
    let is_true = if is_foreground { code == container.code } else { container.codes.contains(&code) };
    if !is_true {
        model.violated(format!("exit code {code} instead of {:?} of {}", container.codes, title(&container)));
    }
    let shows_all = is_foreground || caller.plan.ends();
    if shows_all && written.iter().any(|(stream, given)| container.wrote(*stream) != **given) {
        model.violated(format!("output is missing of {}", title(&container)));
    }
}

/// After a prune: only what was left to itself is there, and what its cube had started when it was killed.
pub fn after_the_prune(world: &World, callers: &[Caller]) {
    world.with(|model| {
        let may_run: Vec<String> = callers
            .iter()
            .filter(|caller| {
                let ending = caller.report().ending.clone();
                let runs_on =
                    matches!(caller.plan.verb, Verb::Detached | Verb::Replace) && ending == Ending::Killed;
                ending == Ending::Left || runs_on
            })
            .map(|caller| caller.report().task.clone())
            .collect();
        let left: Vec<String> = model
            .containers
            .values()
            .filter(|container| container.task().is_some_and(|task| !may_run.iter().any(|may| may == task)))
            .map(title)
            .collect();
        for left in left {
            model.violated(format!("left behind after a prune: {left}"));
        }
    });
}

/// At the very end there is nothing of cube's, and everything of others'.
pub fn at_the_end(world: &World) {
    world.with(|model| {
        let containers: Vec<String> = model.containers.values().filter(|c| !c.foreign).map(title).collect();
        let networks: Vec<String> =
            model.networks.values().filter(|n| n.is_cubes()).map(|n| n.name.clone()).collect();
        let owned: Vec<&String> = model.containers.values().filter_map(|c| c.volume.as_ref()).collect();
        let volumes: Vec<&String> =
            model.volumes.iter().filter(|volume| *volume != "data" && !owned.contains(volume)).collect();
        let what =
            format!("at the end: containers {containers:?}, networks {networks:?}, volumes {volumes:?}");
        let is_clean = containers.is_empty() && networks.is_empty() && volumes.is_empty();
        let lost = ["foreign-app", "foreign-labelled"].iter().any(|name| model.find(name).is_none());
        let kept = model.volumes.contains("data") && model.network("theirs").is_some();
        if !is_clean {
            model.violated(what);
        }
        if lost || !kept {
            model.violated("something foreign is gone");
        }
    });
}

/// Whose container it is, for messages.
fn title(container: &Container) -> String {
    format!("{} of task {}", container.id, container.labels.get(TASK_ID).map_or("none", String::as_str))
}
