//! Labels of a task: `-l` values and `--label-file`.

use crate::{config::key_value_file, error::Error};

/// Reads a label, `name=value`; a name alone has an empty value.
///
/// White space before the name stays, as in Docker.
///
/// # Errors
/// An empty name, white space in the name, and NUL bytes (the rules of docker/cli).
pub fn parse_label(text: &str) -> Result<(String, String), Error> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let word = name.trim_start_matches([' ', '\t']);
    let reason = if word.is_empty() {
        "no name before the ="
    } else if word.contains([' ', '\t']) {
        "white space in the name"
    } else if text.contains('\0') {
        "a NUL byte in it"
    } else {
        return Ok((name.to_owned(), value.to_owned()));
    };
    Err(Error::invalid("label", text, reason).with_hint("write NAME=value"))
}

/// Reads a `--label-file`; a name alone is left out, as Docker does. `file` names the file in messages.
///
/// # Errors
/// A line that is not UTF-8, has no name or white space in it, or is longer than 64 KiB.
pub fn parse_label_file(file: &str, bytes: &[u8]) -> Result<Vec<(String, String)>, Error> {
    let lines = key_value_file::parse(file, bytes)?.into_iter();
    Ok(lines.filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_label_is_a_name_with_an_optional_value() {
        for (text, name, value) in [
            ("a=b", "a", "b"),
            ("a", "a", ""),
            ("a=", "a", ""),
            ("a=b=c", "a", "b=c"),
            ("a= b c ", "a", " b c "),
            (" a=b", " a", "b"),
            ("com.example.some-label=x", "com.example.some-label", "x"),
        ] {
            assert_eq!(parse_label(text).unwrap(), (name.into(), value.into()), "{text}");
        }
        for text in ["", "=", "=b", " ", " =b", "a b", "a b=c", "a =b", "a\tb=c", "a=\0"] {
            assert!(parse_label(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_label_file_leaves_out_names_alone() {
        let labels = parse_label_file("f", b"# c\na=1\nb\nc=\n").unwrap();
        assert_eq!(labels, [("a".into(), "1".into()), ("c".into(), String::new())]);
        assert!(parse_label_file("f", b"a b=1").is_err());
    }

    proptest! {
        #[test]
        fn any_label_is_parsed_as_written(name in "[^= \t\0]+", value in "[^\0]*") {
            prop_assert_eq!(parse_label(&format!("{name}={value}")).unwrap(), (name, value));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            let _ = parse_label(&text);
        }
    }
}
