//! Makes text from engines, registries and users safe to print on a terminal.

/// Whether a character can change what a terminal shows: control characters, line separators, and marks that change the
/// direction of text (Unicode Standard Annex 9).
#[must_use]
pub fn rewrites(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with each such character replaced by a space.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if rewrites(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_rewrites_a_terminal_is_left() {
        assert_eq!(printable("a\x1b[2J\u{9b}b\r\n\u{202e}c\u{2066}d\u{200f}é日"), "a [2J b   c d é日");
    }
}
