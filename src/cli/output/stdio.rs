//! cube's own messages: results on standard output, errors and notes on standard error.

use std::{
    io::{self, IsTerminal, Write},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

pub use cube::printable::printable;
use cube::{Error, ErrorKind};

use crate::cli::output::{changing_line, patient::Patient};

/// How long a note waits for a reader of standard error.
const STUCK: Duration = Duration::from_secs(2);

/// Prints to standard output. It is not an error if the reader has gone.
pub fn print(text: &str) -> Result<(), Error> {
    match print_surely(text) {
        Err(error) if is_closed_pipe(&error) => Ok(()),
        printed => printed.map_err(unwritable),
    }
}

/// Prints text that the caller needs to standard output: it is an error if the reader has gone.
pub fn print_surely(text: &str) -> io::Result<()> {
    changing_line::clear();
    Patient(io::stdout()).write_all(text.as_bytes())
}

/// Whether the error says that the reader has gone.
pub fn is_closed_pipe(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

/// The error for a standard output that cannot be written to.
pub fn unwritable(cause: io::Error) -> Error {
    Error::new(ErrorKind::Output, "cannot write the output")
        .with_source(cause)
        .with_hint("see whether the disk is full or the output was closed")
}

/// Prints an error: what failed, why, and what to try.
pub fn error(error: &Error, colors: bool) {
    let mut text = String::new();
    let (bold, plain) = if colors { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
    let causes: Vec<String> = error.causes().collect();
    let kind = if causes.is_empty() { String::new() } else { format!(": {}", words(error.kind())) };
    text.push_str(&format!("{bold}cube:{plain} {}{kind}\n", printable(&error.to_string())));
    for cause in causes {
        text.push_str(&format!("  caused by: {}\n", printable(&cause)));
    }
    if let Some(hint) = error.hint() {
        text.push_str(&format!("  hint: {}\n", printable(hint)));
    }
    err(&text.replace('\n', line_end()));
}

/// Prints important text to standard error; waits for room as long as necessary.
pub fn err(text: &(impl AsRef<[u8]> + ?Sized)) {
    changing_line::clear();
    let _ = Patient(io::stderr()).write_all(text.as_ref());
}

/// An error with its causes and hint, in one line.
pub fn one_line(error: &Error) -> String {
    let causes = std::iter::once(error.to_string()).chain(error.causes()).collect::<Vec<_>>().join(": ");
    error.hint().map_or_else(|| causes.clone(), |hint| format!("{causes} ({hint})"))
}

/// The kind of an error, for people.
fn words(kind: ErrorKind) -> String {
    let name = serde_json::to_string(&kind).unwrap_or_default();
    let words = name.trim_matches('"').replace('_', " ");
    match kind {
        ErrorKind::FailOn => "failure reported".to_owned(),
        ErrorKind::RegistryAuth => "login required".to_owned(),
        ErrorKind::Engine | ErrorKind::File | ErrorKind::Output => format!("{words} error"),
        _ => words,
    }
}

/// Whether the terminal is in raw mode, where a line needs a carriage return too.
static RAW: AtomicBool = AtomicBool::new(false);

/// Records whether the terminal is in raw mode.
pub fn set_raw(raw: bool) {
    RAW.store(raw, Ordering::Relaxed);
}

fn line_end() -> &'static str {
    if RAW.load(Ordering::Relaxed) { "\r\n" } else { "\n" }
}

/// Prints a progress step to standard error.
pub fn step(text: &str) {
    aside(&format!("{}{}", printable(text), line_end()));
}

/// Prints a warning to standard error.
pub fn note(text: &str) {
    aside(&format!("cube: {}{}", printable(text), line_end()));
}

/// Whether standard error is a terminal that can rewrite a line.
pub fn can_write_over() -> bool {
    io::stderr().is_terminal()
        && std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb")
}

/// Prints text that may be lost: a stuck reader must not block cube or delay its signals.
fn aside(text: &str) {
    changing_line::clear();
    let _ = Patient(io::stderr()).write_within(text.as_bytes(), STUCK);
}

/// Writes text to standard error unchanged: marks for a CI service contain control characters.
pub fn raw(text: &str) {
    raw_bytes(text.as_bytes());
}

/// Writes a task's own bytes to standard error.
pub fn raw_bytes(bytes: &[u8]) {
    err(bytes);
}

/// A line for standard output with text from the engine.
pub fn engine_line(text: &str) -> String {
    format!("{}\n", printable(text))
}
