//! Unsigned decimal numbers as Docker's values contain them (`1`, `1.5`, `.5`, `5.`), without rounding.

use std::borrow::Cow;

/// Digits after the point beyond this number are ignored: they cannot change a 64-bit result.
const FRACTION_DIGITS: usize = 18;

/// A decimal number. The digits after the point are kept as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal<'a> {
    whole: u64,
    fraction: &'a str,
}

impl<'a> Decimal<'a> {
    /// Reads digits with at most one point; `None` for anything else, and for more than `u64::MAX`.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
            return None;
        }
        let whole = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        Some(Self { whole, fraction: fraction.trim_end_matches('0') })
    }

    /// The number of digits after the point, without zeros at the end.
    pub(crate) fn precision(self) -> usize {
        self.fraction.len()
    }

    /// The number times `unit`, rounded down; `None` for more than `u64::MAX`.
    pub(crate) fn times(self, unit: u64) -> Option<u64> {
        let fraction = self.fraction.get(..FRACTION_DIGITS).unwrap_or(self.fraction);
        let (part, scale) = fraction
            .bytes()
            .fold((0_u128, 1_u128), |(part, scale), b| (part * 10 + u128::from(b - b'0'), scale * 10));
        let rest = u64::try_from(part * u128::from(unit) / scale).ok()?;
        self.whole.checked_mul(unit)?.checked_add(rest)
    }
}

/// The number without the plus sign and the exponent that Go's numbers may have: `+1.5e3` is `1500`. `None` for
/// an exponent beyond 30, and for anything else around an `e`.
pub(crate) fn plain(text: &str) -> Option<Cow<'_, str>> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let Some((number, exponent)) = text.split_once(['e', 'E']) else { return Some(text.into()) };
    let exponent = exponent.parse().ok().filter(|exponent: &i32| exponent.abs() <= 30)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let shift = exponent.unsigned_abs() as usize;
    let (mut whole, mut fraction) = (whole.to_owned(), fraction.to_owned());
    for _ in 0..shift {
        if exponent > 0 {
            whole.push(if fraction.is_empty() { '0' } else { fraction.remove(0) });
        } else {
            fraction.insert(0, whole.pop().unwrap_or('0'));
        }
    }
    (!number.is_empty() && number != ".").then(|| format!("{whole}.{fraction}").into())
}

/// `value / unit` as the shortest decimal that reads back as `value`; `unit` is ten to the power of `digits`.
pub(crate) fn print(value: u64, unit: u64, digits: usize) -> String {
    let (whole, rest) = (value / unit, value % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let fraction = format!("{rest:0digits$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_scaled_without_rounding_up() {
        for (text, unit, expected) in [
            ("1", 10, Some(10)),
            ("1.5", 10, Some(15)),
            (".5", 10, Some(5)),
            ("5.", 10, Some(50)),
            ("0.99", 10, Some(9)),
            ("0.0000000000000000000000001", 10, Some(0)),
            ("18446744073709551615", 1, Some(u64::MAX)),
            ("18446744073709551615", 2, None),
            ("18446744073709551615.9", 1, Some(u64::MAX)),
        ] {
            assert_eq!(Decimal::parse(text).unwrap().times(unit), expected, "{text}");
        }
    }

    #[test]
    fn a_sign_and_an_exponent_are_taken_out() {
        for (text, expected) in [
            ("1", Some("1")),
            ("+1.5", Some("1.5")),
            ("1.5e3", Some("1500.")),
            ("15E-1", Some("1.5")),
            ("5e-3", Some(".005")),
            (".5e+1", Some("5.")),
            ("1e", None),
            ("e3", None),
            (".e3", None),
            ("1e31", None),
            ("1e3e3", None),
            ("1e1.5", None),
        ] {
            assert_eq!(plain(text).as_deref(), expected, "{text}");
        }
        assert_eq!(plain("++1").as_deref(), Some("+1"));
    }

    #[test]
    fn anything_but_digits_and_one_point_is_refused() {
        for text in ["", ".", "1.2.3", "+1", "-1", "1e3", " 1", "1 ", "٣", "0x1", "18446744073709551616"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn trailing_zeros_do_not_count_as_precision() {
        assert_eq!(Decimal::parse("1.2500").unwrap().precision(), 2);
        assert_eq!(print(1_250, 1_000, 3), "1.25");
        assert_eq!(print(2_000, 1_000, 3), "2");
        assert_eq!(print(1, 1_000, 3), "0.001");
    }
}
