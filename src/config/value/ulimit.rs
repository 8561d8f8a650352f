//! Limits of the task's processes: the values of `--ulimit`.

use std::fmt;
use std::str::FromStr;

use crate::{config::text::text_serde, error::Error};

/// A resource limit, `nofile=1024` or `nofile=1024:2048` (soft, hard); -1 is unlimited.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ulimit {
    name: String,
    soft: i64,
    hard: i64,
}

/// The resources that an engine on Linux can limit.
const NAMES: [&str; 15] = [
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

impl Ulimit {
    /// What is limited.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The limit that is enforced.
    #[must_use]
    pub const fn soft(&self) -> i64 {
        self.soft
    }

    /// The value up to which the task may raise the soft limit.
    #[must_use]
    pub const fn hard(&self) -> i64 {
        self.hard
    }
}

impl fmt::Display for Ulimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}:{}", self.name, self.soft, self.hard)
    }
}

impl FromStr for Ulimit {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).map_err(|reason| {
            Error::invalid("ulimit", text, reason)
                .with_hint("write --ulimit NAME=SOFT[:HARD], for example nofile=1024:2048; -1 is unlimited")
        })
    }
}

fn parse(text: &str) -> Result<Ulimit, String> {
    let (name, limits) = text.split_once('=').ok_or("there is no `=`")?;
    if !NAMES.contains(&name) {
        return Err(format!("{name:?} cannot be limited; {} can", NAMES.join(", ")));
    }
    let number = |text: &str| text.parse::<i64>().map_err(|_| format!("{text:?} is no whole number"));
    let (soft, hard) = match limits.split_once(':') {
        Some((soft, hard)) => (number(soft)?, number(hard)?),
        None => (number(limits)?, number(limits)?),
    };
    if hard != -1 && (soft == -1 || soft > hard) {
        return Err("the soft limit is above the hard one".to_owned());
    }
    Ok(Ulimit { name: name.to_owned(), soft, hard })
}

text_serde!(Ulimit, "a ulimit");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_docker_reads_them() {
        for (text, printed) in [
            ("nofile=512", "nofile=512:512"),
            ("nofile=512:1024", "nofile=512:1024"),
            ("nofile=-1", "nofile=-1:-1"),
            ("nofile=512:-1", "nofile=512:-1"),
            ("core=0:0", "core=0:0"),
        ] {
            assert_eq!(text.parse::<Ulimit>().unwrap().to_string(), printed, "{text}");
        }
        for text in [
            "",
            "nofile",
            "nofile:512",
            "as=5",
            "nofile=a",
            "nofile=1:2:3",
            "nofile=1024:512",
            "nofile=-1:5",
            "nofile=",
        ] {
            let error = text.parse::<Ulimit>().unwrap_err();
            assert!(error.hint().is_some(), "{text}");
        }
    }
}
