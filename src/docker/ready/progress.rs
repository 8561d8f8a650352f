//! What a condition last saw.

use std::sync::{Mutex, PoisonError};

use crate::docker::http::refusal::printable::printable;

/// The most of a line of output that a message quotes, in characters.
pub(crate) const LONGEST_QUOTE: usize = 200;

pub(crate) const LOOPBACK_HINT: &str =
    "let it listen on 0.0.0.0 or [::]: its loopback cannot be reached from outside";

/// How far a condition is.
#[derive(Default)]
pub(crate) struct Progress(Mutex<ConditionState>);

#[derive(Default)]
struct ConditionState {
    held: bool,
    impossible: bool,
    text: String,
    hint: Option<&'static str>,
}

impl Progress {
    /// Notes what the last look showed.
    pub(crate) fn note(&self, text: impl Into<String>) {
        self.note_with(text, None);
    }

    /// The same with a hint of its own, in place of more time.
    pub(crate) fn note_with(&self, text: impl Into<String>, hint: Option<&'static str>) {
        self.with(|state| (state.text, state.hint) = (text.into(), hint));
    }

    /// Notes that the condition held.
    pub(crate) fn note_reached(&self) {
        self.with(|state| state.held = true);
    }

    /// Notes that the condition cannot hold any more, and why.
    pub(crate) fn give_up(&self, reason: String) {
        self.with(|state| (state.impossible, state.text, state.hint) = (true, reason, None));
    }

    /// Whether it held.
    pub(crate) fn held(&self) -> bool {
        self.with(|state| state.held)
    }

    /// Whether it may still come to hold.
    pub(crate) fn is_open(&self) -> bool {
        self.with(|state| !state.held && !state.impossible)
    }

    /// The hint that the last look gave.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        self.with(|state| state.hint)
    }

    /// What the last look showed, or why there will be no other.
    pub(crate) fn text(&self) -> String {
        self.with(|state| state.text.clone())
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut ConditionState) -> T) -> T {
        use_it(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A line of output for a message.
pub(crate) fn quote(text: &str) -> String {
    let text = printable(text.trim());
    let mut short: String = text.chars().take(LONGEST_QUOTE).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_short_and_clean() {
        assert_eq!(quote(" a\x1bb\n"), "\"a b\"");
        assert_eq!(quote(&"é".repeat(500)).chars().count(), LONGEST_QUOTE + 3);
    }
}
