//! When an image is pulled: the values of `--pull`.

use std::fmt;
use std::str::FromStr;

use crate::{config::text::text_serde, error::Error};

/// When the image is pulled: `always`, `missing`, `never`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PullPolicy {
    /// Before every start.
    Always,
    /// When the engine has no such image. The default.
    #[default]
    Missing,
    /// Not at all: a missing image is an error.
    Never,
}

impl fmt::Display for PullPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Always => "always",
            Self::Missing => "missing",
            Self::Never => "never",
        })
    }
}

impl FromStr for PullPolicy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "always" => Ok(Self::Always),
            "missing" => Ok(Self::Missing),
            "never" => Ok(Self::Never),
            _ => Err(Error::invalid("pull policy", text, "no such policy")
                .with_hint("write --pull always, missing or never")),
        }
    }
}

text_serde!(PullPolicy, "a pull policy");

#[cfg(test)]
mod tests {
    use super::PullPolicy;

    #[test]
    fn a_policy_is_read_and_printed_as_docker_does() {
        for text in ["always", "missing", "never"] {
            assert_eq!(text.parse::<PullPolicy>().unwrap().to_string(), text);
        }
        assert!("Always".parse::<PullPolicy>().is_err() && "".parse::<PullPolicy>().is_err());
    }
}
