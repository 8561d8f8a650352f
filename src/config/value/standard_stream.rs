//! The standard streams of a task: the values of Docker's `-a`.

use std::fmt;
use std::str::FromStr;

use crate::{config::text::text_serde, error::Error};

/// A standard stream of the task: `stdin`, `stdout`, `stderr`, in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StandardStream {
    /// What the task reads.
    Stdin,
    /// What it prints.
    Stdout,
    /// Where it reports errors.
    Stderr,
}

impl fmt::Display for StandardStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stdin => "stdin",
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        })
    }
}

impl FromStr for StandardStream {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.to_ascii_lowercase().as_str() {
            "stdin" => Ok(Self::Stdin),
            "stdout" => Ok(Self::Stdout),
            "stderr" => Ok(Self::Stderr),
            _ => Err(Error::invalid("stream", text, "no such stream")
                .with_hint("write --attach stdin, stdout or stderr")),
        }
    }
}

text_serde!(StandardStream, "a stream");

#[cfg(test)]
mod tests {
    use super::StandardStream;

    #[test]
    fn a_stream_is_read_in_any_case() {
        for (text, printed) in [("stdin", "stdin"), ("STDOUT", "stdout"), ("StdErr", "stderr")] {
            assert_eq!(text.parse::<StandardStream>().unwrap().to_string(), printed);
        }
        for text in ["", "in", "stdout "] {
            assert!(text.parse::<StandardStream>().is_err(), "{text}");
        }
    }
}
