//! Shows a wait: one changing line on a terminal; elsewhere a line at its start, every 10 s, and at its end.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cube::Event;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::cli::{
    app::App,
    output::{changing_line, stdio},
    record::output::OutputRecord,
};

/// Seconds between two lines in a log.
const EVERY: u64 = 10;

/// Shows the waits of one command. Clones share one display.
#[derive(Clone)]
pub struct WaitDisplay(Arc<Mutex<WaitsShown>>);

struct WaitsShown {
    form: WaitForm,
    /// The running waits, by the position of their tasks.
    open: BTreeMap<usize, OpenWait>,
    /// The task's output on the same streams.
    output: Option<OutputRecord>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum WaitForm {
    Silent,
    ChangingLine,
    Log,
}

#[derive(Default)]
struct OpenWait {
    text: String,
    /// The second at which its last line was printed.
    last_line: Option<u64>,
}

impl WaitDisplay {
    pub fn new(app: &App) -> Self {
        let form = match app.global.quiet {
            true => WaitForm::Silent,
            // A verbose log would print its lines behind the changing line.
            false if stdio::can_write_over() && app.global.verbose == 0 => WaitForm::ChangingLine,
            false => WaitForm::Log,
        };
        Self(Arc::new(Mutex::new(WaitsShown { form, open: BTreeMap::new(), output: None })))
    }

    /// From now on, a task writes `output` on the same streams. No line of it is interrupted, and nothing is shown if
    /// the task uses the whole terminal (`tty`).
    pub fn beside(&self, output: OutputRecord, tty: bool) {
        self.with(|shown| {
            shown.form = match shown.form {
                WaitForm::Silent => WaitForm::Silent,
                _ if tty => WaitForm::Silent,
                _ => WaitForm::Log,
            };
            shown.output = Some(output);
        });
    }

    /// Shows a step of the wait for the only task.
    pub fn show(&self, event: &Event) {
        self.show_one_of(0, None, event);
    }

    /// Shows a step of the wait for one of several tasks.
    pub fn show_one_of(&self, at: usize, title: Option<&str>, event: &Event) {
        let title = title.map(|title| format!("{title}: ")).unwrap_or_default();
        match event {
            Event::NotReady { waiting_for, elapsed } => {
                self.with(|shown| shown.go_on(at, format!("{title}waiting for {waiting_for}"), *elapsed));
            }
            Event::Ready { elapsed } => {
                let text = format!("{title}ready after {:.1} s", elapsed.as_secs_f64());
                self.with(|shown| shown.end(at, &text));
            }
            _ => {}
        }
    }

    /// Shows a wait for a task's end while `work` runs, and returns the result of `work`. In a log, the first line
    /// comes after 10 s only, so that a short wait prints nothing but the exit code.
    pub async fn until_end<T>(&self, at: usize, title: Option<&str>, work: impl Future<Output = T>) -> T {
        let title = title.map(|title| format!("{title}: ")).unwrap_or_default();
        let (begun, mut work, mut tick) = (Instant::now(), pin!(work), interval(Duration::from_secs(1)));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.with(|shown| shown.open.entry(at).or_default().last_line = Some(0));
        let done = loop {
            tokio::select! {
                biased;
                done = &mut work => break done,
                _ = tick.tick() => {
                    self.with(|shown| shown.go_on(at, format!("{title}waiting for its end"), begun.elapsed()));
                }
            }
        };
        self.with(|shown| shown.forget(at));
        done
    }

    fn with(&self, change: impl FnOnce(&mut WaitsShown)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl WaitsShown {
    fn go_on(&mut self, at: usize, text: String, elapsed: Duration) {
        let second = (elapsed + Duration::from_millis(500)).as_secs();
        self.open.entry(at).or_default().text = text;
        match self.form {
            WaitForm::Silent => {}
            WaitForm::ChangingLine => self.draw(second),
            WaitForm::Log => self.log(at, second),
        }
    }

    fn end(&mut self, at: usize, text: &str) {
        self.open.remove(&at);
        match self.form {
            WaitForm::Log if self.may_write() => stdio::step(text),
            WaitForm::ChangingLine => changing_line::clear(),
            WaitForm::Silent | WaitForm::Log => {}
        }
    }

    fn forget(&mut self, at: usize) {
        self.open.remove(&at);
        if self.open.is_empty() {
            changing_line::clear();
        }
    }

    /// Draws the first of the running waits.
    fn draw(&self, second: u64) {
        let Some((_, first)) = self.open.first_key_value() else { return };
        let more = match self.open.len() {
            1 => String::new(),
            count => format!(", {} more", count - 1),
        };
        changing_line::show(&first.text, &format!(" ({second} s{more})"));
    }

    fn log(&mut self, at: usize, second: u64) {
        let may_write = self.may_write();
        let Some(wait) = self.open.get_mut(&at) else { return };
        let due = wait.last_line.is_none_or(|last| second >= last + EVERY);
        if due && may_write {
            let time = wait.last_line.map(|_| format!(" ({second} s)")).unwrap_or_default();
            stdio::step(&format!("{}{time}", wait.text));
            wait.last_line = Some(second);
        }
    }

    /// Whether the task's output is at the beginning of a line.
    fn may_write(&self) -> bool {
        self.output.as_ref().is_none_or(|output| !output.is_within_line())
    }
}
