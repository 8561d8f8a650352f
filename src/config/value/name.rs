//! Names of containers, and references to tasks (`TASK` on the command line). Both are safe in a URL's path.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::{config::text::text_serde, error::Error};

/// A container's name: two or more letters, digits, `_`, `.` or `-`, the first a letter or digit.
///
/// One leading slash, as the engine prints it, is dropped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// The name without a slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let name = text.strip_prefix('/').unwrap_or(text);
        if is_plain(name) && name.len() >= 2 {
            return Ok(Self(name.to_owned()));
        }
        Err(Error::invalid("name", text, "not a container name")
            .with_hint("use two or more letters, digits, _, . and -, and begin with a letter or digit"))
    }
}

text_serde!(Name, "a container name");

/// A reference to a task: a container id or a prefix of it, a name, or the task's UUID.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TaskRef(String);

impl TaskRef {
    /// The text as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The task's UUID, if this is a UUID with dashes.
    #[must_use]
    pub fn as_uuid(&self) -> Option<Uuid> {
        // Without dashes, it could also be a container id's prefix of 32 digits.
        if self.0.len() == 36 { Uuid::try_parse(&self.0).ok() } else { None }
    }
}

impl fmt::Display for TaskRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TaskRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if is_plain(text.strip_prefix('/').unwrap_or(text)) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::invalid("task", text, "neither a name nor an id")
            .with_hint("`cube ps -a` lists the tasks"))
    }
}

text_serde!(TaskRef, "a task");

fn is_plain(text: &str) -> bool {
    text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOSTILE: [&str; 17] = [
        "",
        "/",
        "//ab",
        "../images/x",
        "a?force=1#z",
        "a/b",
        "-ab",
        "_ab",
        ".ab",
        "a b",
        "ab ",
        " ab",
        "ab\n",
        "a%2f",
        "ab\0",
        "\u{e9}t\u{e9}",
        "a\u{1b}[2J",
    ];

    #[test]
    fn a_name_has_two_plain_characters_or_more() {
        for (text, name) in
            [("ab", "ab"), ("/ab", "ab"), ("0-", "0-"), ("Web_1.x-y", "Web_1.x-y"), ("a..", "a..")]
        {
            assert_eq!(text.parse::<Name>().unwrap().as_str(), name);
        }
        for text in HOSTILE.into_iter().chain(["a", "/a"]) {
            assert!(text.parse::<Name>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_task_is_named_by_what_fits_a_url_path() {
        for text in ["a", "/a", "ab", "4f", "web-1", "Web_1.x"] {
            let task: TaskRef = text.parse().unwrap();
            assert_eq!((task.as_str(), task.as_uuid()), (text, None));
        }
        for text in HOSTILE {
            assert!(text.parse::<TaskRef>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_uuid_is_not_a_container_id() {
        let uuid = "67e55044-10b1-426f-9247-bb680e5fe0c8";
        assert_eq!(uuid.parse::<TaskRef>().unwrap().as_uuid().unwrap().to_string(), uuid);
        assert!(uuid.to_uppercase().parse::<TaskRef>().unwrap().as_uuid().is_some());
        assert_eq!(uuid.replace('-', "").parse::<TaskRef>().unwrap().as_uuid(), None);
    }

    proptest! {
        #[test]
        fn any_name_survives_print_and_parse(text in "[a-zA-Z0-9][a-zA-Z0-9_.-]{1,60}") {
            let name: Name = text.parse().unwrap();
            prop_assert_eq!(name.to_string(), text.clone());
            prop_assert_eq!(text.parse::<TaskRef>().unwrap().to_string(), text);
        }

        #[test]
        fn no_text_makes_the_parsers_panic(text in any::<String>()) {
            let _ = text.parse::<Name>();
            let _ = text.parse::<TaskRef>().map(|task| task.as_uuid());
        }
    }
}
