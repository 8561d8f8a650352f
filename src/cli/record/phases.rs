//! Measures how long each part of a task's life took.

use std::time::{Duration, Instant};

use cube::{Event, Phases};

/// A part whose time the caller measures.
#[derive(Clone, Copy, Debug)]
pub enum Phase {
    Start,
    Ready,
    Stop,
    Remove,
}

/// The times of the finished parts, and the starting points of the others.
#[derive(Debug, Default)]
pub struct Stopwatch {
    pub phases: Phases,
    pull: Option<Instant>,
    run: Option<Instant>,
}

impl Stopwatch {
    /// Measures a pull by its events.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::PullStarted { .. } => self.pull = Some(Instant::now()),
            Event::PullFinished { .. } => {
                let took = self.pull.take().map(|begun| begun.elapsed()).unwrap_or_default();
                self.phases.pull = Some(self.phases.pull.unwrap_or_default() + millis(took));
            }
            _ => {}
        }
    }

    /// Records the creation, without the time of a pull during it.
    pub fn created(&mut self, begun: Instant) {
        let all = millis(begun.elapsed());
        self.phases.create = Some(all.saturating_sub(self.phases.pull.unwrap_or_default()));
    }

    /// Adds the time of a part.
    pub fn add(&mut self, phase: Phase, took: Duration) {
        let sum = match phase {
            Phase::Start => &mut self.phases.start,
            Phase::Ready => &mut self.phases.ready,
            Phase::Stop => &mut self.phases.stop,
            Phase::Remove => &mut self.phases.remove,
        };
        *sum = Some(sum.unwrap_or_default() + millis(took));
    }

    pub fn run_from_now(&mut self) {
        self.run = Some(Instant::now());
    }

    pub fn end_run(&mut self) {
        if let Some(begun) = self.run.take() {
            self.phases.run = Some(millis(begun.elapsed()));
        }
    }
}

/// Whole milliseconds.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pull_is_not_part_of_the_creation() {
        let mut watch = Stopwatch::default();
        let begun = Instant::now().checked_sub(Duration::from_secs(5)).unwrap();
        watch.phases.pull = Some(3000);
        watch.created(begun);
        assert!(
            watch.phases.create.is_some_and(|create| (2000..2900).contains(&create)),
            "{:?}",
            watch.phases
        );
        watch.add(Phase::Stop, Duration::from_millis(5));
        watch.add(Phase::Stop, Duration::from_millis(6));
        assert_eq!((watch.phases.stop, watch.phases.run), (Some(11), None));
    }
}
