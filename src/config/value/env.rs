//! Environment variables of a task; their values never appear in messages.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::{
    config::{key_value_file, text::text_deserialize},
    error::{Error, ErrorKind},
};

/// A variable of the task's environment. Without a value it removes the image's variable of that name.
///
/// It has no `Display` and its `Debug` shows the name only. Serde writes and reads the engine's form,
/// `NAME=value` or `NAME`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EnvVar {
    name: String,
    value: Option<String>,
}

impl EnvVar {
    /// A variable with a value, or one that removes the image's (`None`).
    ///
    /// # Errors
    /// An empty name, a name with `=` in it, and NUL bytes.
    pub fn new(name: impl Into<String>, value: Option<String>) -> Result<Self, Error> {
        let (name, hint) = (name.into(), "write -e NAME=value, or -e NAME to pass the caller's variable on");
        if name.is_empty() {
            let message = "invalid environment variable: no name before the =";
            return Err(Error::new(ErrorKind::InvalidInput, message).with_hint(hint));
        }
        if name.contains(['=', '\0']) {
            return Err(
                Error::invalid("name of an environment variable", &name, "= or NUL in it").with_hint(hint)
            );
        }
        if value.as_ref().is_some_and(|value| value.contains('\0')) {
            let reason = "its value holds a NUL byte, which no environment can";
            return Err(
                Error::invalid("environment variable", &name, reason).with_hint("encode it, e.g. in base64")
            );
        }
        Ok(Self { name, value })
    }

    /// Reads a value of `-e`: `NAME=value` (the value may be empty), or `NAME`, which takes the caller's value by
    /// `lookup` and, if the caller has none, removes the image's variable.
    ///
    /// # Errors
    /// An empty name and NUL bytes.
    pub fn parse(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        match text.split_once('=') {
            Some((name, value)) => Self::new(name, Some(value.to_owned())),
            None => Self::new(text, lookup(text)),
        }
    }

    /// Reads an `--env-file`; a name alone takes the caller's value and is left out if the caller has none.
    ///
    /// `file` names the file in messages.
    ///
    /// # Errors
    /// A line that is not UTF-8, has no name or white space in it, or is longer than 64 KiB.
    pub fn parse_file(
        file: &str,
        bytes: &[u8],
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Vec<Self>, Error> {
        let lines = key_value_file::parse(file, bytes)?.into_iter();
        let known = lines.filter_map(|(name, value)| {
            let value = value.map(str::to_owned).or_else(|| lookup(name))?;
            Some(Self::new(name, Some(value)))
        });
        known.collect()
    }

    /// The same variable without its value, safe to show.
    #[must_use]
    pub fn without_value(mut self) -> Self {
        self.value = None;
        self
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value; `None` removes the image's variable.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// The engine's form: `NAME=value` or `NAME`.
    #[must_use]
    pub fn to_engine(&self) -> String {
        match &self.value {
            Some(value) => format!("{}={value}", self.name),
            None => self.name.clone(),
        }
    }
}

impl fmt::Debug for EnvVar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.as_ref().map(|_| format_args!("…"));
        f.debug_struct("EnvVar").field("name", &self.name).field("value", &value).finish()
    }
}

/// Reads the engine's form; a name alone is not looked up.
impl FromStr for EnvVar {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text, &|_| None)
    }
}

impl Serialize for EnvVar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_engine())
    }
}

text_deserialize!(EnvVar, "an environment variable");

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn caller(name: &str) -> Option<String> {
        match name {
            "HOME" => Some("/home/me".into()),
            "EMPTY" => Some(String::new()),
            "BAD" => Some("s3cret\0".into()),
            _ => None,
        }
    }

    #[test]
    fn a_variable_is_read_as_docker_reads_it() {
        for (text, engine) in [
            ("a", "a"),
            ("_=a", "_=a"),
            ("env1=value1", "env1=value1"),
            ("env2=value2=value3", "env2=value2=value3"),
            ("env3=abc!qwe", "env3=abc!qwe"),
            ("env_4=value 4", "env_4=value 4"),
            ("HOME", "HOME=/home/me"),
            ("HOME=", "HOME="),
            ("HOME=x", "HOME=x"),
            ("EMPTY", "EMPTY="),
            ("asd!qwe", "asd!qwe"),
            ("1asd", "1asd"),
            ("123", "123"),
            ("some space", "some space"),
            ("  before", "  before"),
            ("after  ", "after  "),
            ("A=line\nline", "A=line\nline"),
            ("A==", "A=="),
        ] {
            assert_eq!(EnvVar::parse(text, &caller).unwrap().to_engine(), engine, "{text:?}");
        }
    }

    #[test]
    fn a_refused_variable_shows_no_value() {
        for text in ["", "=", "=s3cret", "A=s3cret\0", "BAD", "\0=s3cret"] {
            let error = EnvVar::parse(text, &caller).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_variable_does_not_show_its_value_in_debug() {
        let shown = format!("{:?}", EnvVar::parse("PASSWORD=s3cret", &caller).unwrap());
        assert!(shown.contains("PASSWORD") && !shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn a_file_leaves_out_names_that_the_caller_does_not_have() {
        let vars = EnvVar::parse_file("f", b"A=1\nHOME\nNOT_SET\nEMPTY\n", &caller).unwrap();
        let engine: Vec<_> = vars.iter().map(EnvVar::to_engine).collect();
        assert_eq!(engine, ["A=1", "HOME=/home/me", "EMPTY="]);
        assert!(EnvVar::parse_file("f", b"A B=1", &caller).is_err());
    }

    #[test]
    fn json_holds_the_engines_form() {
        for json in ["\"A=1\"", "\"A=\"", "\"HOME\""] {
            let var: EnvVar = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&var).unwrap(), json);
        }
        assert!(serde_json::from_str::<EnvVar>("\"=x\"").is_err());
    }

    proptest! {
        #[test]
        fn any_variable_survives_print_and_parse(name in "[^=\0]+", value in proptest::option::of("[^\0]*")) {
            let var = EnvVar::new(name, value).unwrap();
            prop_assert_eq!(var.to_engine().parse::<EnvVar>().unwrap(), var);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            let _ = EnvVar::parse(&text, &caller);
        }
    }
}
