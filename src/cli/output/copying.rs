//! Progress of a copy that takes longer than a second: one changing line on a terminal, elsewhere a line every 10 s.

use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

use cube::Event;

use crate::cli::{
    app::App,
    output::{size::size, stdio},
};

/// Shorter copies are not reported.
const MOMENT: Duration = Duration::from_secs(1);
/// The time between two lines in a log, and between two changes of the line on a terminal.
const HEARTBEAT: Duration = Duration::from_secs(10);
const REDRAW: Duration = Duration::from_millis(200);

/// Shows the events of copies.
pub struct CopyDisplay {
    quiet: bool,
    terminal: bool,
    path: String,
    next: Instant,
    drawn: bool,
}

impl CopyDisplay {
    pub fn new(app: &App) -> Self {
        let terminal = stdio::can_write_over();
        let next = Instant::now() + MOMENT;
        Self { quiet: app.global.quiet, terminal, path: String::new(), next, drawn: false }
    }

    pub fn show(&mut self, event: Event) {
        match event {
            Event::Copying { path, bytes } => self.step(path, bytes),
            Event::Warning(text) if !self.quiet => {
                self.clear();
                stdio::step(&format!("warning: {text}"));
            }
            _ => {}
        }
    }

    fn step(&mut self, path: String, bytes: u64) {
        let now = Instant::now();
        if path != self.path {
            self.path = path;
            self.next = now + MOMENT;
        }
        if self.quiet || now < self.next {
            return;
        }
        self.next = now + if self.terminal { REDRAW } else { HEARTBEAT };
        let text = stdio::printable(&format!("copying {}: {}", self.path, size(bytes)));
        if self.terminal {
            self.drawn = true;
            let _ = io::stderr().write_all(format!("\r\x1b[K{text}").as_bytes());
        } else {
            stdio::step(&text);
        }
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let _ = io::stderr().write_all(b"\r\x1b[K");
        }
    }
}

impl Drop for CopyDisplay {
    fn drop(&mut self) {
        self.clear();
    }
}
