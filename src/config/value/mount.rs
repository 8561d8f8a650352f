//! Volumes and host folders in a task: the values of `-v`.

pub mod full;
pub mod tmpfs;

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use crate::{config::text::text_serde, error::Error};

/// A mount of `-v`: `/target` (an anonymous volume), `name:/target[:options]` or `/host:/target[:options]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mount {
    /// `None` is an anonymous volume.
    source: Option<String>,
    target: String,
    options: Vec<String>,
}

/// Groups of options that exclude each other: at most one of each group is allowed.
const ACCESS: &[&str] = &["ro", "rw"];
const LABEL: &[&str] = &["z", "Z"];
const PROPAGATION: &[&str] = &["private", "rprivate", "slave", "rslave", "shared", "rshared"];
const COPY: &[&str] = &["nocopy"];
const CONSISTENCY: &[&str] = &["consistent", "cached", "delegated"];
const GROUPS: [&[&str]; 5] = [ACCESS, LABEL, PROPAGATION, COPY, CONSISTENCY];

impl Mount {
    /// Reads a value of `-v`; a host path that begins with a dot is taken from `cwd`.
    ///
    /// # Errors
    /// A target that is not absolute or is `/`, an empty part, a bad volume name, and options that Docker does not
    /// know, that repeat each other, or that do not go with the kind of mount.
    pub fn parse(text: &str, cwd: &Path) -> Result<Self, Error> {
        parse(text, Some(cwd)).map_err(|reason| refused(text, reason))
    }

    /// The volume's name or the absolute host path; `None` for an anonymous volume.
    #[must_use]
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// The absolute path inside the container.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Whether the task cannot write to it.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.options.iter().any(|option| option == "ro")
    }

    /// The options after the target.
    #[must_use]
    pub fn options(&self) -> &[String] {
        &self.options
    }

    /// The engine's bind text (`HostConfig.Binds`); `None` for an anonymous volume.
    #[must_use]
    pub fn bind(&self) -> Option<String> {
        self.source.as_ref().map(|_| self.to_string())
    }

    /// The path of an anonymous volume (`Volumes`); `None` for the others.
    #[must_use]
    pub fn anonymous(&self) -> Option<&str> {
        if self.source.is_none() { Some(&self.target) } else { None }
    }
}

impl fmt::Display for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = &self.source {
            write!(f, "{source}:")?;
        }
        f.write_str(&self.target)?;
        if self.options.is_empty() { Ok(()) } else { write!(f, ":{}", self.options.join(",")) }
    }
}

/// As [`Mount::parse`], but a relative host path is refused.
impl FromStr for Mount {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text, None).map_err(|reason| refused(text, reason))
    }
}

text_serde!(Mount, "a mount");

fn refused(text: &str, reason: &str) -> Error {
    Error::invalid("volume", text, reason)
        .with_hint("write /path, NAME:/path or /host/path:/path, followed by :ro for read-only")
}

fn parse(text: &str, cwd: Option<&Path>) -> Result<Mount, &'static str> {
    let parts: Vec<&str> = text.split(':').collect();
    if parts.iter().any(|part| part.is_empty()) || text.contains('\0') {
        return Err("an empty part or a NUL byte in it");
    }
    let (source, target, options) = match parts.as_slice() {
        [target] => (None, *target, Vec::new()),
        [source, target] => (Some(*source), *target, Vec::new()),
        [source, target, options] => (Some(*source), *target, options.split(',').collect()),
        _ => return Err("more than three parts"),
    };
    check_target(target)?;
    check_options(&options)?;
    let source = source.map(|source| parse_source(source, cwd)).transpose()?;
    check_kind(source.as_deref(), &options)?;
    Ok(Mount { source, target: target.to_owned(), options: options.into_iter().map(str::to_owned).collect() })
}

/// An absolute path that is not the root, however it is written.
pub(crate) fn check_target(target: &str) -> Result<(), &'static str> {
    if !target.starts_with('/') {
        return Err("the path in the container must be absolute");
    }
    if clean(Path::new(target)) == Path::new("/") {
        return Err("the path in the container cannot be /");
    }
    Ok(())
}

fn parse_source(source: &str, cwd: Option<&Path>) -> Result<String, &'static str> {
    if source.starts_with('/') {
        return Ok(source.to_owned());
    }
    if source.starts_with('.') {
        let cwd = cwd.ok_or("a relative host path has no meaning here")?;
        let path = clean(&cwd.join(source)).into_os_string().into_string();
        return path.map_err(|_| "the working directory's name is not UTF-8");
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    let first = source.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if source.len() >= 2 && first && source.bytes().all(plain) {
        return Ok(source.to_owned());
    }
    Err("not a volume name; a host path begins with / or ./")
}

/// The path without `.` and `..`, without looking at the file system.
fn clean(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut clean, part| {
        match part {
            Component::ParentDir => drop(clean.pop()),
            Component::CurDir => {}
            other => clean.push(other),
        }
        clean
    })
}

fn check_options(options: &[&str]) -> Result<(), &'static str> {
    if !options.iter().all(|option| GROUPS.iter().any(|group| group.contains(option))) {
        return Err("an option that Docker does not know");
    }
    if GROUPS.iter().any(|group| options.iter().filter(|option| group.contains(option)).count() > 1) {
        return Err("options that exclude each other");
    }
    Ok(())
}

fn check_kind(source: Option<&str>, options: &[&str]) -> Result<(), &'static str> {
    let of_host = source.is_some_and(|source| source.starts_with('/'));
    let has = |group: &[&str]| options.iter().any(|option| group.contains(option));
    if of_host && has(COPY) {
        return Err("nocopy goes with a named volume only");
    }
    if !of_host && has(PROPAGATION) {
        return Err("propagation goes with a host path only");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mount(text: &str) -> Result<Mount, Error> {
        Mount::parse(text, Path::new("/work/dir"))
    }

    #[test]
    fn mounts_are_read_as_docker_reads_them() {
        for (text, bind) in [
            ("/home:/home", "/home:/home"),
            ("/home:/with space", "/home:/with space"),
            ("/:/path", "/:/path"),
            ("name:/data", "name:/data"),
            ("na.me_1-x:/data:ro", "na.me_1-x:/data:ro"),
            ("name:/data:nocopy", "name:/data:nocopy"),
            ("/host:/ctr:ro", "/host:/ctr:ro"),
            ("/host:/ctr:rw,z,rshared", "/host:/ctr:rw,z,rshared"),
            ("/host:/ctr:Z,cached", "/host:/ctr:Z,cached"),
            ("/rw:/ro", "/rw:/ro"),
            (".:/ctr", "/work/dir:/ctr"),
            ("./x:/ctr:ro", "/work/dir/x:/ctr:ro"),
            ("../x/./y/:/ctr", "/work/x/y:/ctr"),
            ("../../..:/ctr", "/:/ctr"),
            (".hidden:/ctr", "/work/dir/.hidden:/ctr"),
        ] {
            let mount = mount(text).unwrap();
            assert_eq!((mount.bind().as_deref(), mount.anonymous()), (Some(bind), None), "{text}");
            assert_eq!(mount.is_read_only(), bind.contains(":ro") && !bind.ends_with("/ro"), "{text}");
        }
        let anonymous = mount("/var/lib/data").unwrap();
        assert_eq!((anonymous.bind(), anonymous.anonymous()), (None, Some("/var/lib/data")));
    }

    #[test]
    fn invalid_mounts_are_refused() {
        for text in [
            "",
            "./",
            "../",
            "/",
            "//",
            "/..",
            "/:../",
            "/:path",
            ":",
            "/tmp:",
            ":test",
            ":/test",
            "tmp:",
            ":test:",
            "::",
            ":::",
            "/tmp:::",
            ":/tmp::",
            "/path:rw",
            "/path:ro",
            "/rw:rw",
            "path:ro",
            "path",
            "name",
            "/a:/b:",
            "/path:/path:sw",
            "/path:/path:rwz",
            "/path:/path:ro,",
            "/a:/b:ro,rw",
            "/a:/b:z,Z",
            "/a:/b:ro,ro",
            "/a:/b:shared,slave",
            "/a:/b:cached,delegated",
            "/a:/b:ro:rw",
            "/a:/",
            "/a:/.",
            "/a:/b/..",
            "~/x:/b",
            "x/y:/b",
            "x:/b",
            "-x:/b",
            "na me:/b",
            "/a:/b:nocopy",
            "name:/b:rshared",
            "name:/b:private",
            "/a\0:/b",
            "/a:/b:RO",
        ] {
            assert!(mount(text).is_err(), "{text:?}");
        }
        assert!("./x:/ctr".parse::<Mount>().is_err());
    }

    proptest! {
        #[test]
        fn any_mount_survives_print_and_parse(
            source in proptest::option::of("[a-z][a-z0-9_.-]{1,9}|/[^:\0]{0,9}"), target in "/[^:\0/.][^:\0/]{0,9}"
        ) {
            let text = source.map_or(target.clone(), |source| format!("{source}:{target}"));
            let mount = mount(&text).unwrap();
            prop_assert_eq!(mount.to_string(), text.clone());
            prop_assert_eq!(text.parse::<Mount>().unwrap(), mount);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC*|[a-z/.:,]{0,30}") {
            let _ = mount(&text);
        }
    }
}
