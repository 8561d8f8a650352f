//! Text for a POSIX shell.

/// `text` as one word of a POSIX shell, whatever it holds.
#[must_use]
pub fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_quote_ends_the_word_for_a_moment() {
        assert_eq!(super::shell_word("it's $HOME"), r"'it'\''s $HOME'");
    }
}
