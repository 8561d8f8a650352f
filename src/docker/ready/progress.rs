//! The progress of a condition: what it last saw, and whether it held.

use std::sync::{Mutex, PoisonError};

use crate::docker::http::refusal::printable::printable;

/// How much of a line of output a message quotes, in characters.
pub(crate) const LONGEST_QUOTE: usize = 200;

pub(crate) const LOOPBACK_HINT: &str =
    "let it listen on 0.0.0.0 or [::]: its loopback cannot be reached from outside";

/// The progress of a condition.
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
    /// Notes what was last seen.
    pub(crate) fn note(&self, text: impl Into<String>) {
        self.note_with(text, None);
    }

    /// The same with a special hint, instead of the advice to wait longer.
    pub(crate) fn note_with(&self, text: impl Into<String>, hint: Option<&'static str>) {
        self.with(|state| (state.text, state.hint) = (text.into(), hint));
    }

    /// Notes that the condition held.
    pub(crate) fn note_reached(&self) {
        self.with(|state| state.held = true);
    }

    /// Notes that the condition can no longer hold, and why.
    pub(crate) fn give_up(&self, reason: String) {
        self.with(|state| (state.impossible, state.text, state.hint) = (true, reason, None));
    }

    /// Whether the condition held.
    pub(crate) fn held(&self) -> bool {
        self.with(|state| state.held)
    }

    /// Whether the condition may still hold later.
    pub(crate) fn is_open(&self) -> bool {
        self.with(|state| !state.held && !state.impossible)
    }

    /// The special hint that was last noted.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        self.with(|state| state.hint)
    }

    /// What was last seen, or why the condition can no longer hold.
    pub(crate) fn text(&self) -> String {
        self.with(|state| state.text.clone())
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut ConditionState) -> T) -> T {
        use_it(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A line of output, shortened for a message.
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
