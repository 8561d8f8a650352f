//! Progress of a pull: on a terminal one changing line for each layer and a total; elsewhere a line at the start, one
//! every 30 s, and one at the end.

mod frame;
mod layers;
mod screen;
mod speed;

use std::time::{Duration, Instant};

use cube::Event;

use crate::cli::{
    app::App,
    output::{
        progress::{layers::Layers, screen::Screen, speed::Speed},
        stdio,
    },
    record::ci::{Ci, Fold},
};

const HEARTBEAT: Duration = Duration::from_secs(30);
/// The least time between two drawings: after a new step, and after a change in the number of bytes.
const SOON: Duration = Duration::from_millis(20);
const REDRAW: Duration = Duration::from_millis(100);

/// Shows the pull of one command.
pub struct PullReport {
    quiet: bool,
    /// `None` if standard error is not a terminal.
    screen: Option<Screen>,
    image: String,
    layers: Layers,
    speed: Speed,
    last_shown: Instant,
    ci: Ci,
    /// The fold of the current pull in a CI log.
    fold: Option<Fold>,
}

impl PullReport {
    pub fn new(app: &App, ci: Ci) -> Self {
        let quiet = app.global.quiet;
        let screen = (!quiet && stdio::can_write_over()).then(Screen::default);
        let (layers, speed) = (Layers::default(), Speed::default());
        Self {
            quiet,
            screen,
            image: String::new(),
            layers,
            speed,
            last_shown: Instant::now(),
            ci,
            fold: None,
        }
    }

    pub fn show(&mut self, event: Event) {
        if self.quiet {
            return;
        }
        match event {
            Event::PullStarted { image } => {
                self.fold = Some(self.ci.fold(&format!("pull of {image}")));
                self.line(&format!("pulling {image}"));
                self.image = image;
            }
            Event::PullProgress { layer, status, progress } => self.step(&layer, &status, progress),
            Event::PullSilent { .. } => self.refresh(Duration::ZERO),
            Event::PullFinished { image, digest } => {
                let digest = digest.map(|d| format!(" ({d})")).unwrap_or_default();
                self.over(&format!("pulled {image}{digest}"));
                self.fold = None;
            }
            Event::PullRetried { image, reason, delay } => {
                let seconds = delay.as_secs();
                self.over(&format!("pull of {image} failed ({reason}); trying again in {seconds} s"));
            }
            Event::Waiting { state, reason } => self.line(&format!("the task is {state}: {reason}")),
            Event::Warning(text) => self.line(&format!("warning: {text}")),
            _ => {}
        }
    }

    fn step(&mut self, layer: &str, status: &str, progress: Option<(u64, u64)>) {
        let changed = self.layers.step(layer, status, progress);
        self.refresh(if changed { SOON } else { REDRAW });
    }

    /// Shows the progress, unless that was done less than `spacing` ago.
    fn refresh(&mut self, spacing: Duration) {
        let now = Instant::now();
        let since = now.saturating_duration_since(self.last_shown);
        let (bytes, _) = self.layers.bytes();
        self.speed.read(now, bytes);
        let speed = self.speed.per_second(now, bytes);
        match &mut self.screen {
            Some(screen) if since >= spacing && !self.layers.all().is_empty() => {
                let room = Screen::room();
                screen.draw(&frame::lines(&self.layers, speed, room), room);
                self.last_shown = now;
            }
            None if since >= HEARTBEAT => {
                let far = frame::summary(&self.layers, speed);
                self.line(&format!("still pulling {}: {far}", self.image));
            }
            _ => {}
        }
    }

    fn line(&mut self, text: &str) {
        self.clear();
        self.last_shown = Instant::now();
        stdio::step(text);
    }

    /// The last line of a pull, or of a try.
    fn over(&mut self, text: &str) {
        self.line(text);
        (self.layers, self.speed) = (Layers::default(), Speed::default());
    }

    fn clear(&mut self) {
        if let Some(screen) = &mut self.screen {
            screen.clear();
        }
    }
}

impl Drop for PullReport {
    fn drop(&mut self) {
        self.clear();
    }
}
