//! Whole numbers as Docker's CLI reads them: `10`, `0x10`, `0o10` or `010`, `0b10`, and `1_000`
//! (`strconv.ParseInt` of Go with base 0).

use std::num::IntErrorKind;

/// A whole number.
///
/// # Errors
/// What is wrong with `text`.
pub fn number<T: TryFrom<i64>>(text: &str) -> Result<T, &'static str> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = radix(digits);
    if !are_separators(digits, radix) {
        return Err(UNREADABLE);
    }
    let digits = digits.replace('_', "");
    let signed = if is_negative { format!("-{digits}") } else { digits };
    let value = i64::from_str_radix(&signed, radix).map_err(|error| match error.kind() {
        IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => OUT_OF_RANGE,
        _ => UNREADABLE,
    })?;
    T::try_from(value).map_err(|_| OUT_OF_RANGE)
}

const UNREADABLE: &str = "not a whole number";
const OUT_OF_RANGE: &str = "out of range";

/// The base that a prefix names, and the rest. A leading 0 is a digit as well.
fn radix(digits: &str) -> (u32, &str) {
    let (Some(prefix), Some(rest)) = (digits.get(..2), digits.get(2..)) else { return (10, digits) };
    match prefix.to_ascii_lowercase().as_str() {
        "0x" => (16, rest),
        "0o" => (8, rest),
        "0b" => (2, rest),
        _ if prefix.starts_with('0') => (8, digits),
        _ => (10, digits),
    }
}

/// Whether there are digits, no second sign, and each `_` is before a digit and after one, or after the prefix.
fn are_separators(digits: &str, radix: u32) -> bool {
    let has_prefix = radix != 10;
    let digits = if has_prefix { digits.strip_prefix('_').unwrap_or(digits) } else { digits };
    digits.split('_').all(|part| !part.is_empty() && part.chars().all(|digit| digit.is_digit(radix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_every_base_of_go() {
        for (text, value) in [
            ("0", 0),
            ("10", 10),
            ("+5", 5),
            ("-1", -1),
            ("0x1F", 31),
            ("-0X10", -16),
            ("010", 8),
            ("0o17", 15),
            ("0B11", 3),
            ("1_000", 1000),
            ("0x_1_0", 16),
            ("0_7", 7),
            ("00", 0),
        ] {
            assert_eq!(number::<i64>(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_or_too_large_is_refused() {
        for text in ["", "-", "+-5", "--5", "x", "1.5", "0x", "08", "0b2", "_1", "1_", "1__0", "1k", "５"] {
            assert_eq!(number::<i64>(text), Err(UNREADABLE), "{text}");
        }
        assert_eq!(number::<u16>("-1"), Err(OUT_OF_RANGE));
        assert_eq!(number::<u16>("0x10000"), Err(OUT_OF_RANGE));
        assert_eq!(number::<i64>("9223372036854775808"), Err(OUT_OF_RANGE));
        assert_eq!(number::<i64>("-9223372036854775808"), Ok(i64::MIN));
    }
}
