//! The lines of an `--env-file` or `--label-file`: `NAME=value` or `NAME`, without quotes or escapes.

use crate::error::{Error, ErrorKind};

/// The longest line in bytes, without its newline; Docker reads lines into a buffer of 64 KiB.
const LINE_MAX: usize = 64 * 1024 - 1;

/// Reads all lines into names and values (`None` where there is no `=`); comments and blank lines are skipped.
///
/// Errors name the file and the line but show nothing of its text, which may be a secret.
pub(crate) fn parse<'a>(file: &str, bytes: &'a [u8]) -> Result<Vec<(&'a str, Option<&'a str>)>, Error> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let mut pairs = Vec::new();
    for (index, line) in bytes.split(|b| *b == b'\n').enumerate() {
        let pair = parse_line(line).map_err(|reason| {
            Error::new(ErrorKind::InvalidInput, format!("invalid line {} of {file:?}: {reason}", index + 1))
                .with_hint("each line is NAME=value, NAME, or a comment that begins with #")
        })?;
        pairs.extend(pair);
    }
    Ok(pairs)
}

fn parse_line(line: &[u8]) -> Result<Option<(&str, Option<&str>)>, &'static str> {
    if line.len() > LINE_MAX {
        return Err("it is longer than 64 KiB");
    }
    let line = std::str::from_utf8(line).map_err(|_| "it is not UTF-8")?;
    let line = line.strip_suffix('\r').unwrap_or(line).trim_start();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (name, value) = line.split_once('=').map_or((line, None), |(name, value)| (name, Some(value)));
    if name.is_empty() {
        return Err("no name before the =");
    }
    if name.contains([' ', '\t']) {
        return Err("white space in the name");
    }
    if line.contains('\0') {
        return Err("a NUL byte in it");
    }
    Ok(Some((name, value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_read_without_quotes_escapes_or_trailing_trim() {
        let file = "\u{feff}A=1\r\n  # note\n#B=2\n\n \t \n\tC= x=y \nD\nE=\nF=\"q\"\nG=a # b\nexport=1\n\u{a0}H=\\n";
        let pairs = parse("f", file.as_bytes()).unwrap();
        let expected = [
            ("A", Some("1")),
            ("C", Some(" x=y ")),
            ("D", None),
            ("E", Some("")),
            ("F", Some("\"q\"")),
            ("G", Some("a # b")),
            ("export", Some("1")),
            ("H", Some("\\n")),
        ];
        assert_eq!(pairs, expected);
        assert_eq!(parse("f", b"").unwrap(), []);
    }

    #[test]
    fn a_bad_line_is_reported_by_its_number_and_not_shown() {
        for (bytes, reason) in [
            (&b"A=1\nexport s3cret=1"[..], "white space"),
            (b"A=1\ns3cret =1", "white space"),
            (b"A=1\n=s3cret", "no name"),
            (b"A=1\ns3cret\xff", "not UTF-8"),
            (b"A=1\ns3cret=\0", "NUL"),
        ] {
            let message = parse("my.env", bytes).unwrap_err().to_string();
            assert!(message.contains("line 2 of \"my.env\"") && message.contains(reason), "{message}");
            assert!(!message.contains("s3cret"), "{message}");
        }
    }

    #[test]
    fn a_line_of_64_kib_is_too_long() {
        let line = |len: usize| [b"A=".as_slice(), &vec![b'x'; len - 2], b"\n"].concat();
        assert!(parse("f", &line(65_535)).is_ok());
        assert!(parse("f", &line(65_536)).is_err());
    }

    #[test]
    fn the_byte_order_mark_counts_only_at_the_beginning() {
        assert_eq!(parse("f", "A\n\u{feff}B".as_bytes()).unwrap(), [("A", None), ("\u{feff}B", None)]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse("f", &bytes);
        }
    }
}
