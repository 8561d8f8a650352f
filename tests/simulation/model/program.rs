//! What runs in the containers of the simulation: written down as the command of a container, and read from there.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::random::Random;

/// The first word of a command that is a program of the simulation.
const NAME: &str = "simulated";
/// The line that a program writes once it is ready.
pub const READY: &str = "ready to serve";
/// The file that it makes then.
pub const READY_FILE: &str = "/ready";
/// The line that a program writes when something is wrong with it.
pub const PANIC: &str = "panic: no way on";

/// Why the engine cannot start a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unstartable {
    NotFound,
    NotExecutable,
    BadMount,
}

/// A process: what it writes, when, and how it ends. Times are milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Program {
    pub unstartable: Option<Unstartable>,
    lines: u64,
    /// Between two lines.
    gap: u64,
    /// Its exit codes, one for each time that it is started, the last for all further times; it runs until a signal
    /// ends it if there is none.
    pub codes: Vec<i64>,
    /// Its last line has no newline.
    open_end: bool,
    /// From SIGTERM to its end, if it hears that.
    pub hears: Option<u64>,
    /// From its start until it is ready: then it writes a line, makes a file, and its check passes.
    pub ready: Option<u64>,
    /// From its start until it writes that something is wrong.
    pub panics: Option<u64>,
}

/// A thing that a process does.
#[derive(Clone, Debug)]
pub enum Step {
    Pass(Duration),
    Write(u8, Vec<u8>),
    /// It is ready from now on.
    Ready,
    Exit(i64),
}

impl Program {
    /// Any program, or one that `ends` by itself.
    pub fn choose(random: &mut Random, ends: bool) -> Self {
        let gap = if random.chance(400) { 0 } else { random.millis(2_000) };
        Self {
            unstartable: None,
            lines: random.below(6),
            gap,
            codes: (!random.chance(150) || ends)
                .then(|| *random.pick(&[0, 0, 1, 3, 137, 255]))
                .into_iter()
                .collect(),
            open_end: random.chance(300),
            hears: (!random.chance(300)).then(|| random.millis(3_000)),
            ready: None,
            panics: None,
        }
    }

    /// A check, which passes or not.
    pub fn check(passes: bool) -> Self {
        Self { lines: 1, codes: vec![i64::from(!passes)], ..Self::default() }
    }

    /// The same, which cannot be started.
    pub fn that_cannot_start(self, random: &mut Random) -> Self {
        let reasons = [Unstartable::NotFound, Unstartable::NotExecutable, Unstartable::BadMount];
        Self { unstartable: Some(*random.pick(&reasons)), ..self }
    }

    /// The same, which fails at first or always, for a policy that starts it again.
    pub fn that_comes_again(self, random: &mut Random) -> Self {
        let codes = (0..=random.below(3)).map(|_| *random.pick(&[0, 1, 2, 137])).collect();
        Self { codes, ..self }
    }

    /// The same, which gets ready at some time, perhaps after its end, or says that something is wrong.
    pub fn that_gets_ready(self, random: &mut Random) -> Self {
        let ready = (!random.chance(150)).then(|| random.millis(6_000));
        let panics = random.chance(250).then(|| random.millis(6_000));
        // A line that goes on would be another one.
        Self { ready, panics, open_end: false, ..self }
    }

    /// As a container's command.
    pub fn words(&self) -> Vec<String> {
        vec![NAME.to_owned(), serde_json::to_string(self).expect("a program is written")]
    }

    /// From a container's command; one that runs for ever if that is another.
    pub fn read(words: &[String]) -> Self {
        match words {
            [name, program] if name == NAME => serde_json::from_str(program).unwrap_or_default(),
            _ => Self::default(),
        }
    }

    /// What it does when it is started for the `number`-th time, one after the other.
    pub fn steps(&self, number: u64) -> Vec<Step> {
        let mut timed: Vec<(u64, Step)> = (0..self.lines).map(|line| self.line(line)).collect();
        timed.extend(self.ready.map(|at| (at, Step::Ready)));
        let written = [(self.ready, READY, 1), (self.panics, PANIC, 2)];
        timed.extend(written.into_iter().filter_map(|(at, line, stream)| {
            at.map(|at| (at, Step::Write(stream, format!("{line}\n").into_bytes())))
        }));
        timed.sort_by_key(|(at, _)| *at);
        if let Some(code) = self.code(number) {
            let end = (self.lines + 1) * self.gap;
            timed.retain(|(at, _)| *at <= end);
            timed.push((end, Step::Exit(code)));
        }
        let mut now = 0;
        let paced = timed.into_iter().flat_map(|(at, step)| {
            let pause = Duration::from_millis(at - std::mem::replace(&mut now, at));
            [Step::Pass(pause), step]
        });
        paced.collect()
    }

    fn line(&self, number: u64) -> (u64, Step) {
        let stream = if number % 3 == 2 { 2 } else { 1 };
        let mut line = format!("line {number} of {}", self.lines).into_bytes();
        if number + 1 < self.lines || !self.open_end {
            line.push(b'\n');
        }
        ((number + 1) * self.gap, Step::Write(stream, line))
    }

    /// Its exit code when it was started for the `number`-th time.
    fn code(&self, number: u64) -> Option<i64> {
        let place = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
        self.codes.get(place).or(self.codes.last()).copied()
    }

    /// Whether it ends by itself, each time that it is started.
    pub fn ends(&self) -> bool {
        !self.codes.is_empty()
    }
}
