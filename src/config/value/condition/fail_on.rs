//! The values of `--fail-on`: a line of the task's output that ends the wait as failed.

use std::{fmt, str::FromStr};

use regex_lite::Regex;

use crate::error::Error;

/// A sign that the task will never be ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailOn {
    /// A line of its output (either stream) matches this regular expression, in the syntax of the crate `regex-lite`;
    /// it need not match the whole line.
    Log(String),
}

const HINT: &str = "write --fail-on log=REGEX";

impl FromStr for FailOn {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = |reason: &str| Error::invalid("sign of failure", text, reason).with_hint(HINT);
        let pattern = text.strip_prefix("log=").ok_or_else(|| invalid("it does not begin with `log=`"))?;
        if pattern.is_empty() {
            return Err(invalid("the regular expression is missing"));
        }
        Regex::new(pattern).map_err(|error| invalid(&error.to_string()))?;
        Ok(Self::Log(pattern.to_owned()))
    }
}

impl fmt::Display for FailOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Log(pattern) = self;
        write!(f, "log={pattern}")
    }
}

crate::config::text::text_serde!(FailOn, "a sign of failure");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_kept_as_it_was_written() {
        for text in ["log=FATAL", "log=a=b", "log=^(panic|fatal): "] {
            assert_eq!(text.parse::<FailOn>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_malformed_pattern_is_refused_with_a_hint() {
        for (text, reason) in [
            ("FATAL", "does not begin with `log=`"),
            ("log", "does not begin with `log=`"),
            ("log*2=x", "does not begin with `log=`"),
            ("log=", "missing"),
            ("log=(", "group"),
        ] {
            let error = text.parse::<FailOn>().unwrap_err();
            assert!(error.hint() == Some(HINT) && error.to_string().contains(reason), "{text}: {error}");
        }
    }
}
