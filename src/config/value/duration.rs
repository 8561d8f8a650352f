//! Durations as the command line and task files write them: Go's syntax, days too, and bare numbers as seconds.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    config::{
        decimal::{self, Decimal},
        value::size::Amount,
    },
    error::Error,
};

/// The engine counts nanoseconds in signed 64-bit integers (292 years).
const ENGINE_MAX: u64 = i64::MAX.unsigned_abs();
const SECOND: u64 = 1_000_000_000;
/// Units in nanoseconds. The order matters for units that begin with the same letters.
const UNITS: [(&str, u64); 9] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", SECOND),
    ("m", 60 * SECOND),
    ("h", 3600 * SECOND),
    ("d", 24 * 3600 * SECOND),
];

/// Reads a duration: `500ms`, `10s`, `1h30m`, `1.5h`, `1d`, or a bare number of seconds, which may have a fraction.
///
/// # Errors
/// Anything else, a negative duration, and more than 292 years (the engine's maximum).
pub fn parse(text: &str) -> Result<Duration, Error> {
    let nanos = match Decimal::parse(text) {
        Some(seconds) => seconds.times(SECOND).ok_or(TOO_LONG),
        None => go_nanos(text),
    };
    nanos.and_then(within).map(Duration::from_nanos).map_err(|reason| {
        Error::invalid("duration", text, reason).with_hint(
            "write a number and a unit, such as 500ms, 10s, 2m, 1h30m or 1d; a bare number is seconds",
        )
    })
}

/// Reads a duration in Go's syntax, where every number but `0` needs a unit. A day is one too, which Go lacks.
#[must_use]
pub fn parse_go(text: &str) -> Option<Duration> {
    let nanos = if text == "0" { Ok(0) } else { go_nanos(text) };
    nanos.and_then(within).map(Duration::from_nanos).ok()
}

/// Prints a duration in the shortest of Go's forms: `1h30m`, `1.5s`, `500ms`, `0s`.
#[must_use]
pub fn format(duration: Duration) -> String {
    let (seconds, nanos) = (duration.as_secs(), u64::from(duration.subsec_nanos()));
    if seconds == 0 {
        return match nanos {
            0 => "0s".to_owned(),
            1..1_000 => format!("{nanos}ns"),
            1_000..1_000_000 => decimal::print(nanos, 1_000, 3) + "us",
            _ => decimal::print(nanos, 1_000_000, 6) + "ms",
        };
    }
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = String::new();
    for (amount, unit) in [(hours, "h"), (minutes, "m")] {
        if amount > 0 {
            text = text + &amount.to_string() + unit;
        }
    }
    if rest > 0 || nanos > 0 {
        text += &(decimal::print(rest * SECOND + nanos, SECOND, 9) + "s");
    }
    text
}

const TOO_LONG: &str = "longer than the engine can count";

fn within(nanos: u64) -> Result<u64, &'static str> {
    if nanos <= ENGINE_MAX { Ok(nanos) } else { Err(TOO_LONG) }
}

/// The sum of all `number unit` pairs.
fn go_nanos(text: &str) -> Result<u64, &'static str> {
    if text.starts_with('-') {
        return Err("a duration cannot be negative");
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return Err("it is empty");
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let end =
            rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or("its last number has no unit")?;
        let (number, tail) = rest.split_at(end);
        let number = Decimal::parse(number).ok_or("not a number and a unit")?;
        let (nanos, tail) = UNITS
            .iter()
            .find_map(|(name, nanos)| tail.strip_prefix(name).map(|tail| (*nanos, tail)))
            .ok_or("unknown unit (ns, us, ms, s, m, h and d are known)")?;
        total = number.times(nanos).and_then(|part| total.checked_add(part)).ok_or(TOO_LONG)?;
        rest = tail;
    }
    Ok(total)
}

/// The JSON form of an optional duration: the text that [`format`] gives, or null. A number of seconds is read too.
pub(crate) struct DurationText(Option<Duration>);

impl From<Option<Duration>> for DurationText {
    fn from(duration: Option<Duration>) -> Self {
        Self(duration)
    }
}

impl From<DurationText> for Option<Duration> {
    fn from(text: DurationText) -> Self {
        text.0
    }
}

impl Serialize for DurationText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.map(format).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for DurationText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let amount = Option::<Amount>::deserialize(deserializer)?;
        let parsed = amount.map(|amount| parse(&amount.into_text())).transpose();
        parsed.map(Self).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_read_in_gos_syntax_and_as_seconds() {
        for (text, nanos) in [
            ("0", 0),
            ("0s", 0),
            ("10", 10 * SECOND),
            ("1.5", 3 * SECOND / 2),
            (".5", SECOND / 2),
            ("500ms", SECOND / 2),
            ("10s", 10 * SECOND),
            ("2m", 120 * SECOND),
            ("1h30m", 5400 * SECOND),
            ("1.5h", 5400 * SECOND),
            ("1d", 86_400 * SECOND),
            ("1d2h", 93_600 * SECOND),
            ("1h0m0.5s", 3600 * SECOND + SECOND / 2),
            ("100us", 100_000),
            ("100\u{b5}s", 100_000),
            ("100\u{3bc}s", 100_000),
            ("7ns", 7),
            ("1.s", SECOND),
            (".5m", 30 * SECOND),
            ("+5s", 5 * SECOND),
            ("30m1h", 5400 * SECOND),
            ("9223372036854775807ns", ENGINE_MAX),
        ] {
            assert_eq!(parse(text).unwrap(), Duration::from_nanos(nanos), "{text}");
        }
    }

    #[test]
    fn invalid_durations_are_refused() {
        for text in [
            "",
            "s",
            ".",
            ".s",
            "+",
            "-1s",
            "-1",
            "-0",
            "1h30",
            "1 s",
            " 1s",
            "1s ",
            "1D",
            "1w",
            "1M",
            "1S",
            "1hm",
            "1..5s",
            "1e3s",
            "0x1s",
            "abc",
            "+5",
            "++5s",
            "1,5s",
            "9223372036854775808ns",
            "9223372037",
            "2562048h",
            "106752d",
            "99999999999999999999s",
            "٣s",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn go_s_own_syntax_needs_a_unit() {
        assert_eq!(parse_go("10"), None);
        assert_eq!(parse_go("0"), Some(Duration::ZERO));
        assert_eq!(parse_go("10s"), Some(Duration::from_secs(10)));
    }

    #[test]
    fn a_duration_prints_in_its_shortest_form() {
        for (nanos, text) in [
            (0, "0s"),
            (7, "7ns"),
            (1_500, "1.5us"),
            (SECOND / 2, "500ms"),
            (1_234_567, "1.234567ms"),
            (3 * SECOND / 2, "1.5s"),
            (60 * SECOND, "1m"),
            (90 * SECOND, "1m30s"),
            (3600 * SECOND, "1h"),
            (3605 * SECOND, "1h5s"),
            (5400 * SECOND, "1h30m"),
            (60 * SECOND + 1, "1m0.000000001s"),
        ] {
            assert_eq!(format(Duration::from_nanos(nanos)), text);
        }
    }

    #[test]
    fn a_file_may_hold_text_or_seconds_or_nothing() {
        let read = |json: &str| serde_json::from_str::<DurationText>(json).map(Option::from);
        for (json, millis) in
            [(r#""1m30s""#, Some(90_000)), ("2", Some(2_000)), ("0.5", Some(500)), ("null", None)]
        {
            assert_eq!(read(json).unwrap(), millis.map(Duration::from_millis), "{json}");
        }
        for json in ["-1", r#""x""#, "true", "1e300"] {
            assert!(read(json).is_err(), "{json}");
        }
        let text = |duration| serde_json::to_string(&DurationText(duration)).unwrap();
        assert_eq!(text(Some(Duration::from_secs(90))), r#""1m30s""#);
        assert_eq!(text(None), "null");
    }

    proptest! {
        #[test]
        fn any_duration_survives_print_and_parse(nanos in 0..=ENGINE_MAX) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parse(&format(duration)).unwrap(), duration);
            prop_assert_eq!(parse_go(&format(duration)).unwrap(), duration);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC*|[-+0-9.nuµmshd]{0,40}") {
            let _ = parse(&text);
        }
    }
}
