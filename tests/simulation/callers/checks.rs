//! What must hold at the moment at which cube says something: a task is ready, a start failed for a reason, a stop or
//! a command gave a code.

use cube::{Condition, Error, ErrorKind, RunningTask};
use tokio::time::Instant;

use crate::{
    callers::{
        Caller,
        plan::{Plan, Publish},
    },
    model::{
        Model,
        container::Container,
        program::{PANIC, READY, Unstartable},
    },
};

/// How often a start is tried whose host port, which the engine chose, is taken.
const PORT_TRIES: u32 = 4;

impl Caller {
    /// A start that succeeded did, and what was waited for holds, or did a moment ago.
    pub(super) fn check_ready(&self, task: &RunningTask) {
        self.engine.world.with(|model| {
            let Some(container) = model.ever(&task.id().to_string()).cloned() else { return };
            if container.process == 0 {
                model.violated(format!("{} is said to run, and never did", container.id));
            }
            let mut conditions = self.plan.wait.conditions.iter();
            let holds = |condition: &Condition| has_held(condition, &container);
            let is_ready = if self.plan.wait.any { conditions.any(holds) } else { conditions.all(holds) };
            if !is_ready && !self.plan.wait.conditions.is_empty() {
                model.violated(format!("{} is said to be ready, and is not", container.id));
            }
        });
    }

    /// A task that is said to have ended neither runs nor comes again, unless it was stopped and an engine that came up
    /// started it.
    pub(super) fn check_ended(&self, task: &RunningTask) {
        self.engine.world.with(|model| {
            let Some(container) = model.containers.get(&task.id().to_string()) else { return };
            if container.is_alive() && !container.by_hand && !container.touched {
                model.violated(format!("{} is said to have ended, and comes again", container.id));
            }
        });
    }

    /// Whatever cube says went wrong did.
    pub(super) fn check_reason(&self, error: &Error) {
        let lasted = self.begun.get().map(Instant::elapsed).unwrap_or_default();
        let fails = self.engine.fails();
        self.engine.world.with(|model| {
            let unstartable = self.plan.program.unstartable;
            let is_true = match error.kind() {
                ErrorKind::CommandNotFound => unstartable == Some(Unstartable::NotFound),
                ErrorKind::CommandNotExecutable => unstartable == Some(Unstartable::NotExecutable),
                ErrorKind::BadMount => unstartable == Some(Unstartable::BadMount),
                ErrorKind::PortTaken => self.ports_were_taken(model),
                ErrorKind::FailOn => self.of_its_own(model).any(|container| container.has_written(PANIC)),
                ErrorKind::TaskDied => fails || self.of_its_own(model).all(|c| !c.is_alive() || c.touched),
                ErrorKind::Unhealthy => self.plan.wait.conditions.contains(&Condition::Healthy),
                ErrorKind::TimedOut => self.plan.wait.limit.is_none_or(|limit| lasted >= limit),
                _ => true,
            };
            if !is_true {
                model.violated(format!("not true: {error}"));
            }
        });
    }

    fn ports_were_taken(&self, model: &Model) -> bool {
        let refused = model.ports_refused.get(&self.plan.task.to_string()).copied().unwrap_or_default();
        match self.plan.publish {
            Some(Publish::Any) => refused == PORT_TRIES,
            Some(Publish::Fixed) => refused == 1,
            None => false,
        }
    }

    fn of_its_own<'a>(&self, model: &'a Model) -> impl Iterator<Item = &'a Container> {
        let task = self.plan.task.to_string();
        let all = model.containers.values().chain(model.gone.values());
        all.filter(move |container| container.task() == Some(&task))
    }

    /// A stop that succeeded has removed the container, and says how its process ended if it knows.
    pub(super) fn check_stopped(&self, id: &str, code: Option<i64>) {
        self.engine.world.with(|model| {
            if model.containers.contains_key(id) {
                model.violated(format!("{id} was stopped and is still there"));
            }
            let Some(container) = model.ever(id).filter(|container| !container.touched) else { return };
            let never_ran = container.codes.is_empty() && code == Some(container.code);
            if let Some(code) = code
                && !never_ran
                && !container.codes.contains(&code)
            {
                let text = format!("a stop said {code}, and {id} ended with {:?}", container.codes);
                model.violated(text);
            }
        });
    }

    /// What came of a command in a container so far, or all of it with its code.
    pub(super) fn check_command(&self, id: &str, code: Option<i64>) {
        let report = self.report().clone();
        self.engine.world.with(|model| {
            let Some(exec) = model.execs.get(id).cloned() else { return };
            for (stream, given) in [(1, &report.stdout), (2, &report.stderr)] {
                let wrote = exec.wrote(stream);
                let is_whole = code.is_some() && !exec.is_cut;
                if !wrote.starts_with(given) || is_whole && wrote != *given {
                    model.violated(format!("stream {stream} of a command: {given:?} instead of {wrote:?}"));
                }
            }
            if code.is_some() && code != exec.code {
                model.violated(format!("a command gave {code:?} instead of {:?}", exec.code));
            }
        });
    }
}

/// Whether a condition holds, or did once.
fn has_held(condition: &Condition, container: &Container) -> bool {
    match condition {
        Condition::Running => container.process > 0,
        Condition::Log { .. } => container.has_written(READY),
        Condition::Exit => container.ends > 0,
        _ => container.first_ready.is_some(),
    }
}

impl Plan {
    /// Whether an end like this is what comes of it where nothing disturbs it.
    pub fn expects(&self, failed: ErrorKind) -> bool {
        let waits = !self.wait.conditions.is_empty();
        match failed {
            ErrorKind::CommandNotFound | ErrorKind::CommandNotExecutable | ErrorKind::BadMount => {
                self.program.unstartable.is_some()
            }
            ErrorKind::PortTaken => self.publish.is_some(),
            ErrorKind::TaskDied | ErrorKind::TimedOut | ErrorKind::Unhealthy => waits,
            ErrorKind::FailOn => waits && self.wait.fails,
            _ => false,
        }
    }
}
