//! What runs in the containers of the simulation: written down as the command of a container, and read from there.

use std::time::Duration;

use crate::random::Random;

/// A process: what it writes, when, and how it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    lines: u64,
    /// Milliseconds between two lines.
    gap: u64,
    /// Its exit code; it runs until a signal ends it if there is none.
    code: Option<i64>,
    /// Its last line has no newline.
    open_end: bool,
    /// Milliseconds from SIGTERM to its end, if it hears that.
    pub hears: Option<u64>,
}

/// A thing that a process does.
#[derive(Debug)]
pub enum Step {
    Pass(Duration),
    Write(u8, Vec<u8>),
    Exit(i64),
}

impl Program {
    /// Any program.
    pub fn choose(random: &mut Random) -> Self {
        let gap = if random.chance(400) { 0 } else { random.millis(2_000) };
        Self {
            lines: random.below(6),
            gap,
            code: (!random.chance(150)).then(|| *random.pick(&[0, 0, 1, 3, 137, 255])),
            open_end: random.chance(300),
            hears: (!random.chance(300)).then(|| random.millis(3_000)),
        }
    }

    /// As a container's command.
    pub fn words(&self) -> Vec<String> {
        let number = |value: Option<i64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        let hears = number(self.hears.and_then(|after| i64::try_from(after).ok()));
        [
            "simulated".to_owned(),
            self.lines.to_string(),
            self.gap.to_string(),
            number(self.code),
            self.open_end.to_string(),
            hears,
        ]
        .into()
    }

    /// From a container's command; one that runs for ever if that is another.
    pub fn read(words: &[String]) -> Self {
        let [name, lines, gap, code, open_end, hears] = words else { return Self::default() };
        if name != "simulated" {
            return Self::default();
        }
        Self {
            lines: lines.parse().unwrap_or_default(),
            gap: gap.parse().unwrap_or_default(),
            code: code.parse().ok(),
            open_end: open_end == "true",
            hears: hears.parse().ok(),
        }
    }

    /// What it does, one after the other.
    pub fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for number in 0..self.lines {
            steps.push(Step::Pass(Duration::from_millis(self.gap)));
            let stream = if number % 3 == 2 { 2 } else { 1 };
            let mut line = format!("line {number} of {}", self.lines).into_bytes();
            if number + 1 < self.lines || !self.open_end {
                line.push(b'\n');
            }
            steps.push(Step::Write(stream, line));
        }
        steps.push(Step::Pass(Duration::from_millis(self.gap)));
        steps.extend(self.code.map(Step::Exit));
        steps
    }

    /// Whether it ends by itself.
    pub fn ends(&self) -> bool {
        self.code.is_some()
    }
}
