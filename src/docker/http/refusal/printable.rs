//! An engine's text, fit for a message.

use crate::printable::rewrites;

/// How much of an engine's text goes into a message, in characters.
pub(super) const LONGEST_TEXT: usize = 2_000;

/// The engine's text, shortened and without characters that control a terminal.
pub(crate) fn printable(text: &str) -> String {
    let clean = text.chars().map(|c| if rewrites(c) { ' ' } else { c });
    let mut short: String = clean.clone().take(LONGEST_TEXT).collect();
    if clean.count() > LONGEST_TEXT {
        short.push('…');
    }
    short
}
