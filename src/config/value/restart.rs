//! When the engine restarts a task: the values of `--restart`.

use std::fmt;
use std::str::FromStr;

use crate::{config::text::text_serde, error::Error};

/// A restart policy in Docker's words: `no`, `always`, `unless-stopped`, `on-failure[:N]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RestartPolicy {
    /// Never. An empty text means this too.
    #[default]
    No,
    /// Whenever it ends, and when the engine starts.
    Always,
    /// As `Always`, unless it was stopped by hand.
    UnlessStopped,
    /// When it ends with an exit code other than 0.
    OnFailure {
        /// The maximum number of restarts; `None` and 0 mean no limit.
        max_retries: Option<u32>,
    },
}

impl RestartPolicy {
    /// The policy's name without its count.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Always => "always",
            Self::UnlessStopped => "unless-stopped",
            Self::OnFailure { .. } => "on-failure",
        }
    }
}

impl fmt::Display for RestartPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::OnFailure { max_retries: Some(count) } => write!(f, ":{count}"),
            _ => Ok(()),
        }
    }
}

impl FromStr for RestartPolicy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = |reason: &str| {
            Error::invalid("restart policy", text, reason)
                .with_hint("use no, always, unless-stopped, on-failure or on-failure:N")
        };
        let (name, count) = text.split_once(':').unwrap_or((text, ""));
        let max_retries = parse_count(count).map_err(refused)?;
        let policy = match name {
            "" if text.is_empty() => return Ok(Self::No),
            "" => return Err(refused("no policy before the colon")),
            "on-failure" => return Ok(Self::OnFailure { max_retries }),
            "no" => Self::No,
            "always" => Self::Always,
            "unless-stopped" => Self::UnlessStopped,
            _ => return Err(refused("not a policy")),
        };
        match max_retries {
            None | Some(0) => Ok(policy),
            Some(_) => Err(refused("a number of retries goes with on-failure only")),
        }
    }
}

fn parse_count(text: &str) -> Result<Option<u32>, &'static str> {
    if text.is_empty() {
        return Ok(None);
    }
    // A sign is allowed, as in Go.
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err("the number of retries must be a whole number");
    }
    let count = digits.parse().map_err(|_| "the number of retries is too large")?;
    if count > 0 && text.starts_with('-') {
        return Err("the number of retries cannot be negative");
    }
    Ok(Some(count))
}

text_serde!(RestartPolicy, "a restart policy");

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn policies_are_read_as_docker_reads_them() {
        for (text, printed) in [
            ("", "no"),
            ("no", "no"),
            ("no:0", "no"),
            ("always", "always"),
            ("always:", "always"),
            ("always:0", "always"),
            ("unless-stopped", "unless-stopped"),
            ("on-failure", "on-failure"),
            ("on-failure:", "on-failure"),
            ("on-failure:0", "on-failure:0"),
            ("on-failure:-0", "on-failure:0"),
            ("on-failure:3", "on-failure:3"),
            ("on-failure:+3", "on-failure:3"),
            ("on-failure:4294967295", "on-failure:4294967295"),
        ] {
            assert_eq!(text.parse::<RestartPolicy>().unwrap().to_string(), printed, "{text:?}");
        }
        for text in [
            ":",
            ":1",
            "something",
            "always:1",
            "no:3",
            "unless-stopped:2",
            "always:2:3",
            "on-failure:invalid",
            "on-failure:-1",
            "on-failure:-",
            "on-failure:+",
            "on-failure:+-1",
            "on-failure:1.5",
            "on-failure:4294967296",
            "Always",
            " no",
            "on-failure 3",
            "on-failure:3:3",
        ] {
            assert!(text.parse::<RestartPolicy>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_policy_is_text_in_json() {
        let policy: RestartPolicy = serde_json::from_str("\"on-failure:3\"").unwrap();
        assert_eq!(policy, RestartPolicy::OnFailure { max_retries: Some(3) });
        assert_eq!(serde_json::to_string(&policy).unwrap(), "\"on-failure:3\"");
    }

    proptest! {
        #[test]
        fn any_count_survives_print_and_parse(max_retries in any::<Option<u32>>()) {
            let policy = RestartPolicy::OnFailure { max_retries };
            prop_assert_eq!(policy.to_string().parse::<RestartPolicy>().unwrap(), policy);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC*|(always|on-failure|no):\\PC{0,9}") {
            let _ = text.parse::<RestartPolicy>();
        }
    }
}
