//! Lines at the bottom of a terminal that are rewritten in place.

use std::time::Duration;

use rustix::termios::tcgetwinsize;

use crate::cli::output::{patient::Patient, progress::frame::Room};

/// How long drawing waits for a stopped terminal (Ctrl-S).
const STUCK: Duration = Duration::from_secs(2);
/// The size that is assumed for a terminal that does not report it.
const UNKNOWN: Room = Room { columns: 80, rows: 24 };

/// The lines on the screen.
#[derive(Debug, Default)]
pub struct Screen {
    /// The width of each line on the screen, in characters.
    widths: Vec<usize>,
}

impl Screen {
    /// The size of the terminal now.
    pub fn room() -> Room {
        let size = tcgetwinsize(std::io::stderr()).ok().filter(|size| size.ws_col > 0 && size.ws_row > 0);
        size.map_or(UNKNOWN, |size| Room { columns: size.ws_col.into(), rows: size.ws_row.into() })
    }

    /// Replaces the lines with these.
    pub fn draw(&mut self, lines: &[String], room: Room) {
        let mut text = self.home(room);
        for line in lines {
            text.push_str(&format!("{line}\x1b[K\n"));
        }
        text.push_str("\x1b[J");
        self.widths = lines.iter().map(|line| line.chars().count()).collect();
        let _ = Patient(std::io::stderr()).write_within(text.as_bytes(), STUCK);
    }

    /// Erases the lines.
    pub fn clear(&mut self) {
        if !self.widths.is_empty() {
            self.draw(&[], Self::room());
        }
    }

    /// The escape sequence that moves the cursor to the first line. In a terminal that became narrower, one line may
    /// fill several rows.
    fn home(&self, room: Room) -> String {
        let rows: usize = self.widths.iter().map(|width| width.div_ceil(room.columns.max(1)).max(1)).sum();
        if rows == 0 { "\r".to_owned() } else { format!("\r\x1b[{}A", rows.min(room.rows)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrower_terminal_has_more_rows_to_go_back() {
        let screen = Screen { widths: vec![79, 20, 0] };
        for (columns, home) in [(80, "\r\x1b[3A"), (40, "\r\x1b[4A"), (0, "\r\x1b[24A")] {
            assert_eq!(screen.home(Room { columns, rows: 24 }), home);
        }
        assert_eq!(Screen::default().home(UNKNOWN), "\r");
    }
}
