//! cube on a pseudo-terminal of a given size, and the content of its screen.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::process::{Child, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::Cube;

/// Longer than any command takes on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);

/// A command that has a terminal for all its streams.
pub struct Window {
    child: Child,
    master: File,
    shared: Arc<(Mutex<Screen>, Condvar)>,
}

impl Window {
    /// Starts the command in a window with this many columns and rows.
    pub fn open(cube: Cube, columns: u16, rows: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        tcsetwinsize(&master, size(columns, rows)).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let stream = || Stdio::from(OpenOptions::new().read(true).write(true).open(&name).unwrap());
        let mut command = cube.into_command();
        command.stdin(stream()).stdout(stream()).stderr(stream());
        let child = command.spawn().unwrap();
        // Copies of the terminal's descriptor would keep it open.
        drop(command);
        let master = File::from(master);
        let shared = Arc::new((Mutex::new(Screen::new(columns, rows)), Condvar::new()));
        pump(master.try_clone().unwrap(), Arc::clone(&shared));
        Self { child, master, shared }
    }

    /// Returns the content of the screen when `holds` is true for it.
    pub fn wait_until(&self, holds: impl Fn(&str) -> bool) -> String {
        let (screen, changed) = &*self.shared;
        let waiting = |screen: &mut Screen| !screen.ended && !holds(&screen.text());
        let screen = changed.wait_timeout_while(screen.lock().unwrap(), LIMIT, waiting).unwrap().0;
        let text = screen.text();
        assert!(holds(&text), "it never stood on the screen:\n{text}");
        text
    }

    /// Makes the window larger or smaller.
    pub fn resize(&self, columns: u16, rows: u16) {
        self.shared.0.lock().unwrap().resize(columns, rows);
        tcsetwinsize(&self.master, size(columns, rows)).unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Returns its exit code and the content of the screen at the end.
    pub fn finish(mut self) -> (i32, String) {
        let (screen, changed) = &*self.shared;
        let screen = changed.wait_timeout_while(screen.lock().unwrap(), LIMIT, |screen| !screen.ended);
        let (screen, waited) = screen.unwrap();
        let text = screen.text();
        assert!(!waited.timed_out(), "it did not end:\n{text}");
        (self.child.wait().unwrap().code().expect("it ended by itself"), text)
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 }
}

fn pump(mut master: File, shared: Arc<(Mutex<Screen>, Condvar)>) {
    thread::spawn(move || {
        let mut block = [0; 4096];
        // When the other end is closed, reading fails.
        while let Ok(size @ 1..) = master.read(&mut block) {
            shared.0.lock().unwrap().write(&block[..size]);
            shared.1.notify_all();
        }
        shared.0.lock().unwrap().ended = true;
        shared.1.notify_all();
    });
}

/// The rows of a terminal that understands what cube's displays use: return, line feed, cursor up, erase.
struct Screen {
    rows: Vec<Vec<char>>,
    columns: usize,
    height: usize,
    row: usize,
    column: usize,
    /// The bytes of an incomplete character or sequence.
    open: Vec<u8>,
    ended: bool,
}

impl Screen {
    fn new(columns: u16, rows: u16) -> Self {
        let (columns, height) = (columns.into(), rows.into());
        Self { rows: vec![Vec::new()], columns, height, row: 0, column: 0, open: Vec::new(), ended: false }
    }

    /// Breaks rows that are too long now, as most terminals do.
    fn resize(&mut self, columns: u16, rows: u16) {
        (self.columns, self.height) = (columns.into(), rows.into());
        let broken = |row: &Vec<char>| match row.as_slice() {
            [] => vec![Vec::new()],
            row => row.chunks(self.columns).map(<[char]>::to_vec).collect(),
        };
        self.row = self.rows[..self.row].iter().map(|row| broken(row).len()).sum();
        self.rows = self.rows.iter().flat_map(broken).collect();
    }

    /// The rows, without blanks at their ends and without empty rows at the end.
    fn text(&self) -> String {
        let first = self.rows.len().saturating_sub(self.height);
        let rows = self.rows[first..].iter().map(|row| row.iter().collect::<String>().trim_end().to_owned());
        rows.collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.open.extend_from_slice(bytes);
        let bytes = std::mem::take(&mut self.open);
        let whole = match std::str::from_utf8(&bytes) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap(),
        };
        let mut rest = whole;
        while let Some(letter) = rest.chars().next() {
            let Some(taken) = self.take(letter, rest) else { break };
            rest = &rest[taken..];
        }
        self.open = bytes[whole.len() - rest.len()..].to_vec();
    }

    /// How many bytes were used; none of an incomplete sequence.
    fn take(&mut self, letter: char, rest: &str) -> Option<usize> {
        match letter {
            '\r' => self.column = 0,
            '\n' => self.line_feed(),
            '\x1b' => return self.sequence(rest),
            letter => {
                assert!(!letter.is_control(), "{letter:?} is not for a terminal");
                self.put(letter);
            }
        }
        Some(letter.len_utf8())
    }

    fn sequence(&mut self, rest: &str) -> Option<usize> {
        let end = rest.get(2..)?.find(|letter: char| letter.is_ascii_alphabetic())? + 2;
        let number = rest[2..end].parse().unwrap_or(1);
        match &rest[end..=end] {
            "A" => {
                let top = self.rows.len().saturating_sub(self.height);
                self.row = self.row.saturating_sub(number).max(top);
            }
            "K" => self.rows[self.row].truncate(self.column),
            "J" => {
                self.rows[self.row].truncate(self.column);
                self.rows.truncate(self.row + 1);
            }
            // Colours.
            "m" => {}
            _ => panic!("{:?} is not understood", &rest[..=end]),
        }
        Some(end + 1)
    }

    fn line_feed(&mut self) {
        self.row += 1;
        if self.row == self.rows.len() {
            self.rows.push(Vec::new());
        }
    }

    fn put(&mut self, letter: char) {
        if self.column == self.columns {
            self.column = 0;
            self.line_feed();
        }
        let row = &mut self.rows[self.row];
        row.resize(row.len().max(self.column + 1), ' ');
        row[self.column] = letter;
        self.column += 1;
    }
}
