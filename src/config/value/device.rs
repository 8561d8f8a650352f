//! Devices of the host in a task: the values of `--device`.

pub mod gpus;
pub mod rate;

use std::fmt;
use std::str::FromStr;

use crate::{config::text::text_serde, error::Error};

/// A device: a path of the host (`/dev/kvm`, `/dev/a:/dev/b:rw`), or a name of the Container Device Interface
/// (`vendor.com/class=name`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Device {
    /// A path of the host.
    Path {
        /// Where it is on the host.
        host: String,
        /// Where it is in the container.
        container: String,
        /// What the task may do with it: `r` read, `w` write, `m` make device nodes.
        permissions: String,
    },
    /// A name that the engine looks up in its CDI files.
    Cdi(String),
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path { host, container, permissions } => write!(f, "{host}:{container}:{permissions}"),
            Self::Cdi(name) => f.write_str(name),
        }
    }
}

impl FromStr for Device {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if is_cdi_name(text) {
            return Ok(Self::Cdi(text.to_owned()));
        }
        parse_path(text).map_err(|reason| {
            Error::invalid("device", text, reason)
                .with_hint("write --device /dev/NAME[:/PATH][:rwm], or a CDI name such as vendor.com/gpu=0")
        })
    }
}

fn parse_path(text: &str) -> Result<Device, &'static str> {
    let parts: Vec<&str> = text.split(':').collect();
    let (host, container, permissions) = match parts.as_slice() {
        [host] => (clean(host), clean(host), "rwm"),
        [host, mode] if is_mode(mode) => (clean(host), clean(host), *mode),
        [host, container] => ((*host).to_owned(), clean(container), "rwm"),
        [host, container, mode] if is_mode(mode) => ((*host).to_owned(), (*container).to_owned(), *mode),
        [_, _, _] => return Err("the permissions are letters of rwm, each once"),
        _ => return Err("more than three parts"),
    };
    if host.is_empty() {
        return Err("there is no path");
    }
    if !container.starts_with('/') {
        return Err("the path in the container must be absolute");
    }
    Ok(Device::Path { host, container, permissions: permissions.to_owned() })
}

/// The path without `.`, `..` and double slashes.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}

fn is_mode(text: &str) -> bool {
    let once = |letter: char| text.chars().filter(|c| *c == letter).count() <= 1;
    !text.is_empty() && text.chars().all(|c| "rwm".contains(c) && once(c))
}

/// `vendor/class=name`: each part has letters, digits, `.`, `-`, `_` (the name `:` too), with a letter or digit at both
/// ends.
fn is_cdi_name(text: &str) -> bool {
    let Some((kind, name)) = text.split_once('=') else { return false };
    let Some((vendor, class)) = kind.split_once('/') else { return false };
    let is_word = |word: &str, also: &str| {
        word.starts_with(|c: char| c.is_ascii_alphanumeric())
            && word.ends_with(|c: char| c.is_ascii_alphanumeric())
            && word.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
    };
    let is_qualifier =
        |word: &str| word.starts_with(|c: char| c.is_ascii_alphabetic()) && is_word(word, "-_.");
    is_qualifier(vendor) && is_qualifier(class) && is_word(name, "-_.:")
}

text_serde!(Device, "a device");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_paths_or_cdi_names() {
        for (text, printed) in [
            ("/dev/kvm", "/dev/kvm:/dev/kvm:rwm"),
            ("/dev//a/../kvm", "/dev/kvm:/dev/kvm:rwm"),
            ("/dev/kvm:r", "/dev/kvm:/dev/kvm:r"),
            ("/dev/kvm:/dev/x", "/dev/kvm:/dev/x:rwm"),
            ("kvm:/dev/x", "kvm:/dev/x:rwm"),
            ("/dev/kvm:/dev/x:rw", "/dev/kvm:/dev/x:rw"),
            ("nvidia.com/gpu=all", "nvidia.com/gpu=all"),
            ("vendor1.com/device=device1:x_1", "vendor1.com/device=device1:x_1"),
        ] {
            let device: Device = text.parse().unwrap();
            assert_eq!(device.to_string(), printed, "{text}");
            assert_eq!(device.to_string().parse::<Device>().unwrap(), device);
        }
        for text in [
            "",
            "dev/kvm",
            ":ro",
            ":",
            "/a:/b:/c:rw",
            "/dev/kvm:/b:rwx",
            "/dev/kvm:rr",
            "/dev/kvm:x",
            "/dev/kvm:/b:",
            "vendor=x",
            "1v.com/a=b",
            "v.com/a=",
            "/v.com=b:c",
        ] {
            assert!(text.parse::<Device>().unwrap_err().hint().is_some(), "{text}");
        }
        assert!(matches!("v.com/a=b".parse(), Ok(Device::Cdi(_))));
    }
}
