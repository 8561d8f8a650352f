//! Amounts of memory and disk ([`Size`]) and of processor time ([`Cpus`]), in Docker's syntax.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    config::decimal::{self, Decimal},
    error::Error,
};

/// The engine counts in signed 64-bit integers.
const ENGINE_MAX: u64 = i64::MAX.unsigned_abs();
const NANO: u64 = 1_000_000_000;
/// Multiples of 1024, largest first.
const UNITS: [(char, u64); 5] =
    [('p', 1 << 50), ('t', 1 << 40), ('g', 1 << 30), ('m', 1 << 20), ('k', 1 << 10)];

/// An amount of memory or disk in bytes, at most `i64::MAX`.
///
/// The syntax is that of `docker run --memory` (go-units `RAMInBytes`): a number, with a fraction or an exponent, one
/// optional space, then `b`, `k`, `m`, `g`, `t` or `p`, with an optional `b` or `ib`, in any case. Units are multiples
/// of 1024; no unit means bytes. Serde writes the bytes as an integer and reads an integer or text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(u64);

impl Size {
    /// An amount in bytes; more than `i64::MAX`, which no engine takes, counts as `i64::MAX`.
    #[must_use]
    pub const fn from_bytes(bytes: u64) -> Self {
        if bytes > ENGINE_MAX { Self(ENGINE_MAX) } else { Self(bytes) }
    }

    /// The amount in bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }

    fn refused(text: &str, reason: &str) -> Error {
        Error::invalid("size", text, reason).with_hint("write a number and a unit, such as 512m or 1.5g")
    }
}

impl FromStr for Size {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let Some(last) = text.rfind(|c: char| c.is_ascii_digit() || c == '.' || c == ' ') else {
            return Err(Self::refused(text, "no number in it"));
        };
        let (head, suffix) = text.split_at(last + 1);
        if text.starts_with('-') {
            return Err(Self::refused(text, "a size cannot be negative"));
        }
        let number = decimal::plain(head.strip_suffix(' ').unwrap_or(head));
        let number = number
            .as_deref()
            .and_then(Decimal::parse)
            .ok_or_else(|| Self::refused(text, "not a number and a unit"))?;
        let unit = unit_bytes(suffix)
            .ok_or_else(|| Self::refused(text, "unknown unit (b, k, m, g, t and p are known)"))?;
        match number.times(unit) {
            Some(bytes) if bytes <= ENGINE_MAX => Ok(Self(bytes)),
            _ => Err(Self::refused(text, "more than the engine can count")),
        }
    }
}

/// The factor of the unit after a number: none, `b`, or a letter with an optional `b` or `ib`.
fn unit_bytes(suffix: &str) -> Option<u64> {
    let suffix = suffix.to_ascii_lowercase();
    if suffix.is_empty() || suffix == "b" {
        return Some(1);
    }
    let letter = suffix.strip_suffix("ib").or_else(|| suffix.strip_suffix('b')).unwrap_or(&suffix);
    UNITS.iter().find(|(name, _)| letter.chars().eq([*name])).map(|(_, bytes)| *bytes)
}

/// Prints the largest unit that needs no fraction: `32m`, `1536`.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().find(|(_, bytes)| self.0 >= *bytes && self.0.is_multiple_of(*bytes)) {
            Some((name, bytes)) => write!(f, "{}{name}", self.0 / bytes),
            None => write!(f, "{}", self.0),
        }
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Amount::deserialize(deserializer)? {
            Amount::Whole(bytes) => bytes.to_string().parse(),
            Amount::Fraction(bytes) => Err(Self::refused(&bytes.to_string(), "bytes are whole numbers")),
            Amount::Text(text) => text.parse(),
        }
        .map_err(de::Error::custom)
    }
}

/// The limit of memory and swap together, in bytes; `-1` is unlimited swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SwapLimit {
    /// Unlimited swap.
    Unlimited,
    /// The sum of memory and swap.
    Total(Size),
}

impl fmt::Display for SwapLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => f.write_str("-1"),
            Self::Total(size) => size.fmt(f),
        }
    }
}

impl FromStr for SwapLimit {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text == "-1" { Ok(Self::Unlimited) } else { text.parse().map(Self::Total) }
    }
}

impl Serialize for SwapLimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unlimited => serializer.serialize_i64(-1),
            Self::Total(size) => size.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for SwapLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Amount::deserialize(deserializer)?.into_text().parse().map_err(de::Error::custom)
    }
}

/// A limit of processor time, in billionths of one CPU; 0 means no limit.
///
/// The syntax is that of `docker run --cpus`: `2`, `0.5` (at most nine decimals) or a fraction `1/2`.
/// Serde writes text such as `"0.5"` and reads a number or text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cpus(u64);

impl Cpus {
    /// The amount in nano-CPUs, as the engine takes it: 1 CPU is 1 000 000 000.
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.0
    }

    fn refused(text: &str, reason: &str) -> Error {
        Error::invalid("number of CPUs", text, reason).with_hint("write a number such as 0.5, 1/2 or 2")
    }
}

impl FromStr for Cpus {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.starts_with('-') {
            return Err(Self::refused(text, "it cannot be negative"));
        }
        let nanos = match text.split_once('/') {
            Some((over, under)) => fraction_nanos(over, under),
            None => decimal_nanos(text),
        };
        match nanos.map_err(|reason| Self::refused(text, reason))? {
            nanos if nanos > ENGINE_MAX => Err(Self::refused(text, TOO_MANY)),
            nanos => Ok(Self(nanos)),
        }
    }
}

const TOO_MANY: &str = "more than the engine can count";
const TOO_PRECISE: &str = "value is too precise, nine decimals are the most";
const NO_NUMBER: &str = "not a number";

fn decimal_nanos(text: &str) -> Result<u64, &'static str> {
    let plain = decimal::plain(text).ok_or(NO_NUMBER)?;
    let number = Decimal::parse(&plain).ok_or(NO_NUMBER)?;
    if number.precision() > 9 {
        return Err(TOO_PRECISE);
    }
    number.times(NANO).ok_or(TOO_MANY)
}

fn fraction_nanos(over: &str, under: &str) -> Result<u64, &'static str> {
    let whole = |part: &str| {
        let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if digits { part.parse::<u64>().map_err(|_| TOO_MANY) } else { Err(NO_NUMBER) }
    };
    let (over, under) = (u128::from(whole(over)?) * u128::from(NANO), u128::from(whole(under)?));
    match over.checked_rem(under) {
        None => Err("division by 0"),
        Some(0) => u64::try_from(over / under).map_err(|_| TOO_MANY),
        Some(_) => Err(TOO_PRECISE),
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal::print(self.0, NANO, 9))
    }
}

impl Serialize for Cpus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cpus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Amount::deserialize(deserializer)?.into_text().parse().map_err(de::Error::custom)
    }
}

/// An amount in a file: a number or the text that a user would type.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number or a string")]
pub(crate) enum Amount {
    Whole(u64),
    Fraction(f64),
    Text(String),
}

impl Amount {
    /// The amount as a user would type it; numbers without an exponent.
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Whole(number) => number.to_string(),
            Self::Fraction(number) => number.to_string(),
            Self::Text(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;

    #[test]
    fn sizes_are_read_as_docker_reads_them() {
        for (text, bytes) in [
            ("0", 0),
            ("0.", 0),
            (".0", 0),
            ("32", 32),
            ("32 ", 32),
            ("32b", 32),
            ("32B", 32),
            ("32 b", 32),
            ("32.9b", 32),
            ("32k", 32 * KIB),
            ("32K", 32 * KIB),
            ("32kb", 32 * KIB),
            ("32Kb", 32 * KIB),
            ("32 kib", 32 * KIB),
            ("32KiB", 32 * KIB),
            ("32 KIB", 32 * KIB),
            ("32.5kB", 32 * KIB + 512),
            ("32.5 kB", 32 * KIB + 512),
            (".3kB", 307),
            ("0.3 K", 307),
            ("32.3 mb", 33_869_004),
            ("32MiB", 32 * MIB),
            ("32 MiB", 32 * MIB),
            ("1.5g", 3 * GIB / 2),
            ("32Gb", 32 * GIB),
            ("32Tb", 32 << 40),
            ("8Pb", 8 << 50),
            ("+5m", 5 * MIB),
            ("1.5e3k", 1500 * KIB),
            ("1e+3", 1000),
            ("9007199254740993", 9_007_199_254_740_993),
            ("9223372036854775807", ENGINE_MAX),
        ] {
            assert_eq!(text.parse::<Size>().unwrap().bytes(), bytes, "{text}");
        }
    }

    #[test]
    fn invalid_sizes_are_refused() {
        for text in [
            "",
            "hello",
            ".",
            ". ",
            " ",
            "  ",
            " .",
            " . ",
            " 32",
            "  32b",
            "-32",
            "-32b",
            "-32k",
            " -32",
            "32 . ",
            "32 bm",
            "32bm",
            "32bb",
            "32bib",
            "32kk",
            "32kbb",
            "32ibk",
            "32 m b",
            "32m b",
            "32  k",
            "32mib5",
            "32kib ",
            "32i",
            "32ib",
            "32e",
            "32q",
            "32 q",
            "1e31",
            "0x20",
            "++5",
            "+-5",
            "inf",
            "inf ",
            "NaN ",
            "1.2.3k",
            "32µ",
            "3٣",
            "32\u{212a}",
            "9223372036854775808",
            "8192p",
            "99999999999999999999",
            "16777216t",
        ] {
            assert!(text.parse::<Size>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_size_prints_in_its_largest_whole_unit() {
        for (bytes, text) in
            [(0, "0"), (512, "512"), (1536, "1536"), (2048, "2k"), (32 * MIB, "32m"), (GIB, "1g")]
        {
            assert_eq!(Size::from_bytes(bytes).to_string(), text);
        }
        assert_eq!(Size::from_bytes(u64::MAX).bytes(), ENGINE_MAX);
    }

    #[test]
    fn a_size_is_an_integer_in_json_and_may_be_text() {
        let size: Size = serde_json::from_str("\"32 MiB\"").unwrap();
        assert_eq!(serde_json::to_string(&size).unwrap(), "33554432");
        assert_eq!(serde_json::from_str::<Size>("33554432").unwrap(), size);
        for json in ["-1", "1.5", "\"x\"", "null", "[]", "18446744073709551615"] {
            assert!(serde_json::from_str::<Size>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn cpus_are_read_as_docker_reads_them() {
        for (text, nanos, printed) in [
            ("2", 2_000_000_000, "2"),
            ("0.5", 500_000_000, "0.5"),
            (".5", 500_000_000, "0.5"),
            ("1/2", 500_000_000, "0.5"),
            ("3/2", 1_500_000_000, "1.5"),
            ("0.01", 10_000_000, "0.01"),
            ("1.25", 1_250_000_000, "1.25"),
            ("0.000000001", 1, "0.000000001"),
            ("1.2000000000000", 1_200_000_000, "1.2"),
        ] {
            let cpus: Cpus = text.parse().unwrap();
            assert_eq!((cpus.nanos(), cpus.to_string().as_str()), (nanos, printed), "{text}");
        }
    }

    #[test]
    fn invalid_numbers_of_cpus_are_refused() {
        for text in [
            "",
            ".",
            "-1",
            "-0.5",
            "x",
            "1/0",
            "1/3",
            "1/",
            "/2",
            "1/2/3",
            "1.5/2",
            "0.0000000001",
            "1 ",
            " 1",
            "1,5",
            "nan",
            "inf",
            "99999999999",
            "99999999999999999999/1",
            "9223372036.854775808",
        ] {
            assert!(text.parse::<Cpus>().is_err(), "{text:?}");
        }
        assert!("1/3".parse::<Cpus>().unwrap_err().to_string().contains("value is too precise"));
    }

    #[test]
    fn cpus_are_text_in_json_and_may_be_a_number() {
        for json in ["0.5", "\"0.5\"", "\"1/2\""] {
            let cpus: Cpus = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&cpus).unwrap(), "\"0.5\"");
        }
        assert_eq!(serde_json::from_str::<Cpus>("2").unwrap().nanos(), 2 * NANO);
        assert_eq!(serde_json::from_str::<Cpus>("1e-9").unwrap().nanos(), 1);
        assert_eq!(serde_json::from_str::<Cpus>("0").unwrap().nanos(), 0);
        for json in ["-1", "-0.5", "1e30", "null", "true", "\"\""] {
            assert!(serde_json::from_str::<Cpus>(json).is_err(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn any_size_survives_print_and_parse(bytes in 0..=ENGINE_MAX) {
            let size = Size::from_bytes(bytes);
            prop_assert_eq!(size.to_string().parse::<Size>().unwrap(), size);
            prop_assert_eq!(serde_json::from_value::<Size>(serde_json::to_value(size).unwrap()).unwrap(), size);
        }

        #[test]
        fn any_number_of_cpus_survives_print_and_parse(nanos in 1..=ENGINE_MAX) {
            let cpus = Cpus(nanos);
            prop_assert_eq!(cpus.to_string().parse::<Cpus>().unwrap(), cpus);
            prop_assert_eq!(serde_json::from_value::<Cpus>(serde_json::to_value(cpus).unwrap()).unwrap(), cpus);
        }

        #[test]
        fn no_text_makes_the_parsers_panic(text in "\\PC*|[-+0-9. bkmgtpiBKMGTPI/e]{0,40}") {
            let _ = text.parse::<Size>();
            let _ = text.parse::<Cpus>();
        }
    }
}
