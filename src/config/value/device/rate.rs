//! Limits and weights for block devices: the values of `--device-read-bps`, `--blkio-weight-device` and similar flags.

use std::fmt;
use std::str::FromStr;

use crate::{
    config::{text::text_serde, value::size::Size},
    error::Error,
};

/// Bytes a second on a device: `/dev/sda:1mb`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ByteRate {
    /// The device.
    pub path: String,
    /// Bytes a second.
    pub rate: Size,
}

/// Operations a second on a device: `/dev/sda:1000`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OperationRate {
    /// The device.
    pub path: String,
    /// Operations a second.
    pub rate: u64,
}

/// A task's weight on a device, 10 to 1000 (0 sets no weight): `/dev/sda:200`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeviceWeight {
    /// The device.
    pub path: String,
    /// Its weight.
    pub weight: u16,
}

impl fmt::Display for ByteRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path, self.rate)
    }
}

impl fmt::Display for OperationRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path, self.rate)
    }
}

impl fmt::Display for DeviceWeight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path, self.weight)
    }
}

impl FromStr for ByteRate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = |reason: &str| {
            Error::invalid("device rate", text, reason)
                .with_hint("write /dev/NAME:SIZE, for example /dev/sda:1mb")
        };
        let (path, rate) = parts(text).map_err(refused)?;
        let rate = rate.parse().map_err(|_| refused("there is no size after the colon"))?;
        Ok(Self { path: path.to_owned(), rate })
    }
}

impl FromStr for OperationRate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = |reason: &str| {
            Error::invalid("device rate", text, reason)
                .with_hint("write /dev/NAME:NUMBER, for example /dev/sda:1000")
        };
        let (path, rate) = parts(text).map_err(refused)?;
        let rate = digits(rate).ok_or_else(|| refused("there is no whole number after the colon"))?;
        Ok(Self { path: path.to_owned(), rate })
    }
}

impl FromStr for DeviceWeight {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = |reason: &str| {
            Error::invalid("device weight", text, reason)
                .with_hint("write /dev/NAME:WEIGHT with a weight from 10 to 1000, for example /dev/sda:200")
        };
        let (path, weight) = parts(text).map_err(refused)?;
        let weight = digits(weight).filter(|weight| matches!(weight, 0 | 10..=1000));
        let weight = weight.and_then(|weight| u16::try_from(weight).ok());
        Ok(Self {
            path: path.to_owned(),
            weight: weight.ok_or_else(|| refused("the weight is out of range"))?,
        })
    }
}

fn parts(text: &str) -> Result<(&str, &str), &'static str> {
    match text.split_once(':') {
        Some((path, _)) if !path.starts_with("/dev/") => Err("the device is no path below /dev"),
        Some(parts) => Ok(parts),
        None => Err("there is no colon after the device"),
    }
}

/// Digits only: Rust's own parser would accept a plus sign.
fn digits(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

text_serde!(ByteRate, "a device rate");
text_serde!(OperationRate, "a device rate");
text_serde!(DeviceWeight, "a device weight");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_weights_are_read_as_docker_reads_them() {
        for (text, bytes) in [("/dev/sda:1mb", 1 << 20), ("/dev/sda:0", 0), ("/dev/sda:1.5k", 1536)] {
            assert_eq!(text.parse::<ByteRate>().unwrap().rate.bytes(), bytes);
        }
        assert_eq!("/dev/sda:18446744073709551615".parse::<OperationRate>().unwrap().rate, u64::MAX);
        for (text, weight) in [("/dev/sda:10", 10), ("/dev/sda:0", 0), ("/dev/sda:1000", 1000)] {
            assert_eq!(text.parse::<DeviceWeight>().unwrap().weight, weight);
        }
        for text in ["", "/dev/sda", ":1", "sda:1", "/dev/sda:", "/dev/sda:-1", "/dev/sda:+1", "/dev/sda:x"] {
            assert!(text.parse::<OperationRate>().is_err(), "{text}");
            assert!(text.parse::<DeviceWeight>().is_err(), "{text}");
            assert!(text == "/dev/sda:+1" || text.parse::<ByteRate>().is_err(), "{text}");
        }
        for text in ["/dev/sda:9", "/dev/sda:1001", "/dev/sda:70000"] {
            assert!(text.parse::<DeviceWeight>().is_err(), "{text}");
        }
        assert!("/dev/sda:1k".parse::<OperationRate>().is_err());
    }
}
