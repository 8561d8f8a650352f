//! Quotes text for a POSIX shell.

/// `text` quoted as one word for a POSIX shell.
#[must_use]
pub fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_single_quote_is_escaped() {
        assert_eq!(super::shell_word("it's $HOME"), r"'it'\''s $HOME'");
    }
}
