//! Progress of a pull: bars on a terminal; elsewhere a line at the start, one at the end, and a sign of
//! life every 30 s.

use std::{
    collections::HashMap,
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use cube::Event;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::cli::{
    app::App,
    output::stdio,
    record::ci::{Ci, Fold},
};

const HEARTBEAT: Duration = Duration::from_secs(30);
/// The most layers that are shown: an image holds 127 at most, and a terminal fewer lines.
const MOST_LAYERS: usize = 200;

/// Shows the events of one command.
pub struct PullDisplay {
    quiet: bool,
    bars: Option<Bars>,
    last_line: Instant,
    ci: Ci,
    /// The fold of the pull that goes on.
    fold: Option<Fold>,
}

struct Bars {
    all: MultiProgress,
    layers: HashMap<String, ProgressBar>,
}

impl PullDisplay {
    pub fn new(app: &App, ci: Ci) -> Self {
        let bars = (!app.global.quiet && io::stderr().is_terminal())
            .then(|| Bars { all: MultiProgress::new(), layers: HashMap::new() });
        Self { quiet: app.global.quiet, bars, last_line: Instant::now(), ci, fold: None }
    }

    pub fn show(&mut self, event: Event) {
        if self.quiet {
            return;
        }
        match event {
            Event::PullStarted { image } => {
                self.fold = Some(self.ci.fold(&format!("pull of {image}")));
                self.line(&format!("pulling {image}"));
            }
            Event::PullProgress { layer, status, progress } => self.step(&layer, &status, progress),
            Event::PullSilent { image } if self.bars.is_none() => {
                self.line(&format!("still pulling {image}"));
            }
            Event::PullFinished { image, digest } => {
                self.clear();
                let digest = digest.map(|d| format!(" ({d})")).unwrap_or_default();
                self.line(&format!("pulled {image}{digest}"));
                self.fold = None;
            }
            Event::PullRetried { image, reason, delay } => {
                let seconds = delay.as_secs();
                self.line(&format!("pull of {image} failed ({reason}); trying again in {seconds} s"));
            }
            Event::Waiting { state, reason } => self.line(&format!("the task is {state}: {reason}")),
            Event::Warning(text) => self.line(&format!("warning: {text}")),
            _ => {}
        }
    }

    fn step(&mut self, layer: &str, status: &str, progress: Option<(u64, u64)>) {
        match &mut self.bars {
            Some(bars) => bars.step(layer, status, progress),
            None if self.last_line.elapsed() >= HEARTBEAT => {
                self.line(&format!("still pulling: {layer} {status}"));
            }
            None => {}
        }
    }

    fn line(&mut self, text: &str) {
        self.last_line = Instant::now();
        match &self.bars {
            Some(bars) => bars.all.suspend(|| stdio::step(text)),
            None => stdio::step(text),
        }
    }

    fn clear(&mut self) {
        if let Some(bars) = &mut self.bars {
            let _ = bars.all.clear();
            bars.layers.clear();
        }
    }
}

impl Bars {
    fn step(&mut self, layer: &str, status: &str, progress: Option<(u64, u64)>) {
        let is_known = self.layers.contains_key(layer);
        if layer.is_empty() || !is_known && self.layers.len() >= MOST_LAYERS {
            return;
        }
        let bar = self.layers.entry(layer.to_owned()).or_insert_with(|| {
            let style = ProgressStyle::with_template("{prefix:12} {msg:20} [{bar:30}] {bytes}/{total_bytes}");
            let bar = self.all.add(ProgressBar::new(0));
            bar.set_prefix(layer.to_owned());
            if let Ok(style) = style {
                bar.set_style(style);
            }
            bar
        });
        bar.set_message(status.to_owned());
        if let Some((done, total)) = progress {
            bar.set_length(total.max(done));
            bar.set_position(done);
        }
    }
}

impl Drop for PullDisplay {
    fn drop(&mut self) {
        self.clear();
    }
}
