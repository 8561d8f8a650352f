//! The platform of an image: `--platform os[/arch[/variant]]`.

use std::fmt;
use std::str::FromStr;

use crate::{config::text::text_serde, error::Error};

/// A platform such as `linux/arm64/v8`. A single part is an operating system, or an architecture of Linux.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Platform {
    os: String,
    arch: Option<String>,
    variant: Option<String>,
}

const SYSTEMS: [&str; 6] = ["darwin", "freebsd", "linux", "netbsd", "openbsd", "windows"];
const ARCHITECTURES: [&str; 16] = [
    "386", "aarch64", "amd64", "arm", "arm64", "i386", "loong64", "mips64", "mips64le", "ppc64", "ppc64le",
    "riscv64", "s390x", "wasm", "x86-64", "x86_64",
];

impl Platform {
    /// The operating system, in lower case.
    #[must_use]
    pub fn os(&self) -> &str {
        &self.os
    }

    /// The architecture, in lower case; `None` leaves the choice to the engine.
    #[must_use]
    pub fn arch(&self) -> Option<&str> {
        self.arch.as_deref()
    }

    /// The variant of the architecture, in lower case.
    #[must_use]
    pub fn variant(&self) -> Option<&str> {
        self.variant.as_deref()
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.os)?;
        [&self.arch, &self.variant].into_iter().flatten().try_for_each(|part| write!(f, "/{part}"))
    }
}

impl FromStr for Platform {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = |reason: &str| {
            Error::invalid("platform", text, reason).with_hint("write os/arch[/variant], such as linux/arm64")
        };
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        let lower = text.to_ascii_lowercase();
        let parts: Vec<&str> = lower.split('/').collect();
        if parts.iter().any(|part| part.is_empty() || !part.chars().all(known)) {
            return Err(refused("each part is made of letters, digits, _, . and -"));
        }
        let (os, arch, variant) = match parts.as_slice() {
            [os] if SYSTEMS.contains(os) => (*os, None, None),
            [arch] if ARCHITECTURES.contains(arch) => ("linux", Some(*arch), None),
            [_] => return Err(refused("neither an operating system nor an architecture")),
            [os, arch] => (*os, Some(*arch), None),
            [os, arch, variant] => (*os, Some(*arch), Some(*variant)),
            _ => return Err(refused("at most three parts")),
        };
        Ok(Self { os: os.to_owned(), arch: arch.map(str::to_owned), variant: variant.map(str::to_owned) })
    }
}

text_serde!(Platform, "a platform");

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn platforms_have_one_to_three_parts() {
        for (text, printed) in [
            ("linux", "linux"),
            ("linux/amd64", "linux/amd64"),
            ("Linux/ARM64/V8", "linux/arm64/v8"),
            ("arm64", "linux/arm64"),
            ("windows/amd64", "windows/amd64"),
        ] {
            assert_eq!(text.parse::<Platform>().unwrap().to_string(), printed);
        }
        for text in [
            "",
            "/",
            "linux/",
            "/amd64",
            "linux//v8",
            "a/b/c/d",
            "linux/am d64",
            "linux/x&y",
            "bogus",
            "lin\n",
        ] {
            assert!(text.parse::<Platform>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_platform_survives_print_and_parse(text in "[a-z0-9_.-]+(/[a-z0-9_.-]+){1,2}") {
            let platform: Platform = text.parse().unwrap();
            prop_assert_eq!(platform.to_string(), text);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            let _ = text.parse::<Platform>();
        }
    }
}
