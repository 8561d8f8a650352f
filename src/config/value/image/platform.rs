//! The platform of an image: `--platform os[/arch[/variant]]`.

use std::fmt;
use std::str::FromStr;

use crate::{config::text::text_serde, error::Error};

/// A platform such as `linux/arm64/v8`, in the words of Docker: `linux/x86_64` is read as `linux/amd64`. A single part
/// is an operating system on this machine's architecture, or an architecture of Linux (containerd's `platforms.Parse`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Platform {
    os: String,
    arch: String,
    variant: Option<String>,
}

const SYSTEMS: [&str; 6] = ["darwin", "freebsd", "linux", "netbsd", "openbsd", "windows"];
const ARCHITECTURES: [&str; 12] = [
    "386", "amd64", "arm", "arm64", "loong64", "mips64", "mips64le", "ppc64", "ppc64le", "riscv64", "s390x",
    "wasm",
];
/// What Rust calls some architectures, and what Docker does.
const OTHER_NAMES: [(&str, &str); 4] =
    [("x86", "386"), ("powerpc64", "ppc64le"), ("loongarch64", "loong64"), ("mips64", "mips64le")];

impl Platform {
    /// The operating system, in lower case.
    #[must_use]
    pub fn os(&self) -> &str {
        &self.os
    }

    /// The architecture, in lower case.
    #[must_use]
    pub fn arch(&self) -> &str {
        &self.arch
    }

    /// The variant of the architecture, in lower case.
    #[must_use]
    pub fn variant(&self) -> Option<&str> {
        self.variant.as_deref()
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.arch)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
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
        let (os, (arch, variant)) = match parts.as_slice() {
            [os] if SYSTEMS.contains(&system(os)) => (*os, (own_architecture(), None)),
            [arch] if ARCHITECTURES.contains(&architecture(arch, None).0) => {
                ("linux", architecture(arch, None))
            }
            [_] => return Err(refused("neither an operating system nor an architecture")),
            [os, arch] => (*os, architecture(arch, None)),
            [os, arch, variant] => (*os, architecture(arch, Some(variant))),
            _ => return Err(refused("at most three parts")),
        };
        let (arch, variant) = (arch.to_owned(), variant.map(str::to_owned));
        Ok(Self { os: system(os).to_owned(), arch, variant })
    }
}

fn system(os: &str) -> &str {
    if os == "macos" { "darwin" } else { os }
}

/// An architecture and its variant in Docker's words. The usual variant is left out, but for one of ARM that was given.
fn architecture<'a>(arch: &'a str, variant: Option<&'a str>) -> (&'a str, Option<&'a str>) {
    match (arch, variant) {
        ("i386", _) => ("386", None),
        ("x86_64" | "x86-64" | "amd64", variant) => ("amd64", variant.filter(|variant| *variant != "v1")),
        ("aarch64" | "arm64", Some("8")) => ("arm64", Some("v8")),
        ("aarch64", variant) => ("arm64", variant),
        ("armhf", variant) => ("arm", variant.map(|_| "v7")),
        ("armel", _) | ("arm", Some("6")) => ("arm", Some("v6")),
        ("arm", Some("5")) => ("arm", Some("v5")),
        ("arm", Some("7")) => ("arm", Some("v7")),
        ("arm", Some("8")) => ("arm", Some("v8")),
        other => other,
    }
}

/// The architecture of this machine.
fn own_architecture() -> &'static str {
    let own = std::env::consts::ARCH;
    let other = OTHER_NAMES.iter().find(|(name, _)| *name == own);
    other.map_or(architecture(own, None).0, |(_, name)| name)
}

text_serde!(Platform, "a platform");

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn platforms_have_one_to_three_parts() {
        for (text, printed) in [
            ("linux/amd64", "linux/amd64"),
            ("linux/x86_64", "linux/amd64"),
            ("linux/amd64/v1", "linux/amd64"),
            ("linux/x86-64/v2", "linux/amd64/v2"),
            ("linux/i386", "linux/386"),
            ("aarch64", "linux/arm64"),
            ("linux/arm64/8", "linux/arm64/v8"),
            ("linux/armhf", "linux/arm"),
            ("linux/armel", "linux/arm/v6"),
            ("linux/arm/v7", "linux/arm/v7"),
            ("linux/arm/7", "linux/arm/v7"),
            ("macos/arm64", "darwin/arm64"),
            ("Linux/ARM64/V8", "linux/arm64/v8"),
            ("arm64", "linux/arm64"),
            ("windows/amd64", "windows/amd64"),
        ] {
            assert_eq!(text.parse::<Platform>().unwrap().to_string(), printed);
        }
        let own: Platform = "linux".parse().unwrap();
        assert_eq!((own.os(), own.arch(), own.variant()), ("linux", own_architecture(), None));
        assert!(ARCHITECTURES.contains(&own.arch()), "{own}");
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
            prop_assert_eq!(platform.to_string().parse::<Platform>().unwrap(), platform);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            let _ = text.parse::<Platform>();
        }
    }
}
