//! The flags of `run` and `with`, grouped as in the help, and what the groups share. Each group applies its flags
//! to a config.

pub mod attached;
pub mod engine;
pub mod files;
pub mod foreground;
pub mod health;
pub mod limits;
pub mod names;
pub mod network;
pub mod process;
pub mod ready;
pub mod record;
pub mod result;
pub mod security;
pub mod storage;
pub mod swarm;

use std::{path::Path, time::Duration};

use cube::{Error, ErrorKind, duration as durations, small_file};

/// Looks up a variable of cube's own environment.
pub type Lookup<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// A variable of cube's own environment. What is not UTF-8 in its value is replaced, as in the JSON of Docker's CLI.
pub fn of_environment(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// The largest file that a flag may name, in bytes.
const LARGEST_FILE: u64 = 16 << 20;

/// The content of a file that a flag names.
pub fn read(file: &Path, what: &str) -> Result<Vec<u8>, Error> {
    small_file::read(file, LARGEST_FILE).map_err(|cause| {
        Error::new(ErrorKind::File, format!("cannot read the {what} {}", file.display()))
            .with_source(cause)
            .with_hint("check the file's path and permissions")
    })
}

/// A duration given by a flag.
pub fn duration(value: Option<&str>) -> Result<Option<Duration>, Error> {
    value.map(durations::parse).transpose()
}

/// Sets a field that a flag gives.
pub fn set<T>(field: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *field = value;
    }
}

/// The value, unless it is empty: as with Docker, an empty value counts as not given.
pub fn given(value: Option<&String>) -> Option<String> {
    value.filter(|text| !text.is_empty()).cloned()
}

/// Parses all values of a flag.
pub fn parsed<T: std::str::FromStr>(values: &[String]) -> Result<Vec<T>, T::Err> {
    values.iter().map(|value| value.parse()).collect()
}

/// An entry of a map.
pub fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}
