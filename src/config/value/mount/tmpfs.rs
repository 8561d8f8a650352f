//! File systems in memory: the values of `--tmpfs`.

use std::fmt;
use std::str::FromStr;

use crate::{
    config::{text::text_serde, value::mount},
    error::Error,
};

/// A tmpfs, a file system in memory: `/run` or `/run:rw,size=64m`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tmpfs {
    path: String,
    options: String,
}

/// The mount flags that the engine accepts for a tmpfs.
const FLAGS: [&str; 37] = [
    "defaults",
    "ro",
    "rw",
    "suid",
    "nosuid",
    "dev",
    "nodev",
    "exec",
    "noexec",
    "sync",
    "async",
    "dirsync",
    "remount",
    "mand",
    "nomand",
    "atime",
    "noatime",
    "diratime",
    "nodiratime",
    "bind",
    "rbind",
    "unbindable",
    "runbindable",
    "private",
    "rprivate",
    "shared",
    "rshared",
    "slave",
    "rslave",
    "relatime",
    "norelatime",
    "strictatime",
    "nostrictatime",
    "lazytime",
    "nolazytime",
    "silent",
    "loud",
];
/// The options with a value.
const SETTINGS: [&str; 7] = ["size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol"];

impl Tmpfs {
    /// The absolute path inside the container.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The mount options, separated by commas; empty for the engine's defaults.
    #[must_use]
    pub fn options(&self) -> &str {
        &self.options
    }
}

impl fmt::Display for Tmpfs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if self.options.is_empty() { Ok(()) } else { write!(f, ":{}", self.options) }
    }
}

impl FromStr for Tmpfs {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = |reason: &str| {
            Error::invalid("tmpfs", text, reason)
                .with_hint("write /path or /path:options, such as /run:rw,size=64m")
        };
        let (path, options) = text.split_once(':').unwrap_or((text, ""));
        mount::check_target(path).map_err(refused)?;
        if !options.is_empty() && !options.split(',').all(is_option) {
            return Err(refused("an option that a tmpfs does not have"));
        }
        if text.contains('\0') {
            return Err(refused("a NUL byte in it"));
        }
        Ok(Self { path: path.to_owned(), options: options.to_owned() })
    }
}

fn is_option(option: &str) -> bool {
    match option.split_once('=') {
        Some((name, value)) => SETTINGS.contains(&name) && !value.is_empty(),
        None => FLAGS.contains(&option),
    }
}

text_serde!(Tmpfs, "a tmpfs");

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_tmpfs_is_a_path_with_optional_options() {
        for (text, path, options) in [
            ("/run", "/run", ""),
            ("/run:", "/run", ""),
            ("/run:rw,size=64m", "/run", "rw,size=64m"),
            ("/tmp:rw,noexec,nosuid,size=65536k,mode=1777", "/tmp", "rw,noexec,nosuid,size=65536k,mode=1777"),
            ("/tmp:mpol=bind:0", "/tmp", "mpol=bind:0"),
        ] {
            let tmpfs: Tmpfs = text.parse().unwrap();
            assert_eq!((tmpfs.path(), tmpfs.options()), (path, options), "{text}");
        }
        for text in [
            "",
            "run",
            "/",
            "/..",
            ":",
            ":rw",
            "/run:bogus",
            "/run:rw,",
            "/run:,",
            "/run:size",
            "/run:size=",
            "/run:rw=1",
            "/run:RW",
            "/run:rw size=1",
            "/ru\0n",
        ] {
            assert!(text.parse::<Tmpfs>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_tmpfs_survives_print_and_parse(text in "/[a-z]{1,9}(:(ro|rw)(,size=[0-9]{1,5}[kmg]?)?)?") {
            prop_assert_eq!(text.parse::<Tmpfs>().unwrap().to_string(), text);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            let _ = text.parse::<Tmpfs>();
        }
    }
}
