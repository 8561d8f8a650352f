//! One line on the terminal of standard error that is rewritten in place, and erased before anything else is printed.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use cube::printable::printable;
use rustix::termios::tcgetwinsize;

use crate::cli::output::patient::Patient;

/// Whether the line is on the screen.
static STANDS: AtomicBool = AtomicBool::new(false);
/// The width, in columns, of a terminal that does not report it.
const USUAL_WIDTH: u16 = 80;
/// How long erasing it waits for a stopped terminal (Ctrl-S).
const STUCK: Duration = Duration::from_secs(2);

/// Replaces the line with `text`, cut to the terminal's width, and `end`, which stays whole.
pub fn show(text: &str, end: &str) {
    let size = tcgetwinsize(io::stderr()).ok();
    let columns = size.map(|size| size.ws_col).filter(|columns| *columns > 0).unwrap_or(USUAL_WIDTH);
    STANDS.store(true, Ordering::Relaxed);
    let line = format!("\r{}\x1b[K", fitted(&printable(text), end, usize::from(columns)));
    // A terminal without room for it now shows the next one.
    let _ = Patient(io::stderr()).write_within(line.as_bytes(), Duration::ZERO);
}

/// Erases the line.
pub fn clear() {
    if STANDS.swap(false, Ordering::Relaxed) {
        let _ = Patient(io::stderr()).write_within(b"\r\x1b[K", STUCK);
    }
}

/// The text and its end in at least one column less than the terminal has, so that the cursor stays on the line.
fn fitted(text: &str, end: &str, columns: usize) -> String {
    let room = columns.saturating_sub(1);
    if needed(text) + needed(end) <= room {
        return format!("{text}{end}");
    }
    let mut left = room.saturating_sub(needed(end) + width('…'));
    let mut cut = String::new();
    for c in text.chars() {
        let Some(rest) = left.checked_sub(width(c)) else { break };
        left = rest;
        cut.push(c);
    }
    let line = format!("{cut}…{end}");
    if needed(&line) <= room { line } else { String::new() }
}

fn needed(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// The most columns that the character can take.
fn width(c: char) -> usize {
    if c.is_ascii() || c == '…' { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_its_end_and_leaves_a_column() {
        assert_eq!(fitted("waiting for port", " (3 s)", 80), "waiting for port (3 s)");
        assert_eq!(fitted("waiting for port", " (3 s)", 23), "waiting for port (3 s)");
        assert_eq!(fitted("waiting for port", " (3 s)", 22), "waiting for po… (3 s)");
        assert_eq!(fitted("日本語日本語", " (3 s)", 15), "日本語… (3 s)");
        assert_eq!(fitted("waiting", " (3 s)", 5), "");
    }
}
