//! Mounts of any type in the long form: the values of `--mount`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::{
    config::{
        csv,
        text::text_serde,
        value::{mount, size::Size},
    },
    error::Error,
};

/// A mount of `--mount`: `type=bind,source=/data,target=/x,readonly`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FullMount {
    /// What is mounted.
    pub kind: MountKind,
    /// The volume's name, the absolute host path or the image; empty for an anonymous volume and a tmpfs.
    pub source: String,
    /// The path in the container.
    pub target: String,
    /// Whether the task cannot write to it.
    pub read_only: bool,
    /// How host and container see each other's changes; only Docker Desktop uses it.
    pub consistency: String,
    /// Options of a bind mount.
    pub bind: BindOptions,
    /// Options of a volume, if there are any.
    pub volume: Option<VolumeOptions>,
    /// The folder of the image that is mounted.
    pub image_subpath: Option<String>,
    /// The most a tmpfs may hold, in bytes.
    pub tmpfs_size: Option<Size>,
    /// The mode of a tmpfs, for example `0o1777`.
    pub tmpfs_mode: Option<u32>,
}

/// What is mounted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MountKind {
    /// A volume, made if it is missing. The default.
    #[default]
    Volume,
    /// A path of the host.
    Bind,
    /// A file system in memory.
    Tmpfs,
    /// An image's files.
    Image,
    /// A named pipe of Windows.
    NamedPipe,
    /// A volume of the swarm.
    Cluster,
}

/// Options of a bind mount.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct BindOptions {
    /// The mount propagation: `rprivate`, `rshared` …; the engine's default if empty.
    pub propagation: String,
    /// Whether mounts below it are left out.
    pub non_recursive: bool,
    /// Whether only the mount itself is read-only, not those below it.
    pub read_only_non_recursive: bool,
    /// Whether it is an error if mounts below it cannot be read-only.
    pub read_only_force_recursive: bool,
}

/// Options of a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct VolumeOptions {
    /// Whether the image's files at the target are not copied into a new volume.
    pub no_copy: bool,
    /// The folder of the volume that is mounted.
    pub subpath: String,
    /// Labels of a new volume.
    pub labels: BTreeMap<String, String>,
    /// The driver of a new volume.
    pub driver: String,
    /// The driver's options.
    pub driver_opts: BTreeMap<String, String>,
}

const KINDS: [(&str, MountKind); 6] = [
    ("volume", MountKind::Volume),
    ("bind", MountKind::Bind),
    ("tmpfs", MountKind::Tmpfs),
    ("image", MountKind::Image),
    ("npipe", MountKind::NamedPipe),
    ("cluster", MountKind::Cluster),
];
const PROPAGATIONS: [&str; 6] = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];

impl MountKind {
    /// The engine's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

impl FullMount {
    /// Reads a value of `--mount`; a host path that begins with a dot is taken from `cwd`.
    ///
    /// # Errors
    /// No target, an unknown key, a bad value, and options of another type of mount.
    pub fn parse(text: &str, cwd: &Path) -> Result<Self, Error> {
        parse(text, Some(cwd)).map_err(|reason| refused(text, &reason))
    }

    /// Whether it has any option of a bind mount.
    pub(crate) fn has_bind_options(&self) -> bool {
        self.bind != BindOptions::default()
    }

    fn fields(&self) -> Vec<String> {
        let mut fields = vec![format!("type={}", self.kind.name())];
        let mut add = |key: &str, value: &str| {
            if !value.is_empty() {
                fields.push(format!("{key}={value}"));
            }
        };
        add("source", &self.source);
        add("target", &self.target);
        add("readonly", if self.read_only { "true" } else { "" });
        add("consistency", &self.consistency);
        add("bind-propagation", &self.bind.propagation);
        add("bind-recursive", self.bind.recursion());
        if let Some(volume) = &self.volume {
            add("volume-nocopy", if volume.no_copy { "true" } else { "false" });
            add("volume-subpath", &volume.subpath);
            volume.labels.iter().for_each(|(name, value)| add("volume-label", &format!("{name}={value}")));
            add("volume-driver", &volume.driver);
            volume.driver_opts.iter().for_each(|(name, value)| add("volume-opt", &format!("{name}={value}")));
        }
        add("image-subpath", self.image_subpath.as_deref().unwrap_or_default());
        add("tmpfs-size", &self.tmpfs_size.map(|size| size.bytes().to_string()).unwrap_or_default());
        add("tmpfs-mode", &self.tmpfs_mode.map(|mode| format!("{mode:o}")).unwrap_or_default());
        fields
    }

    fn volume(&mut self) -> &mut VolumeOptions {
        self.volume.get_or_insert_default()
    }
}

impl BindOptions {
    /// The value of `bind-recursive`.
    fn recursion(&self) -> &'static str {
        match (self.non_recursive, self.read_only_non_recursive, self.read_only_force_recursive) {
            (true, ..) => "disabled",
            (_, true, _) => "writable",
            (_, _, true) => "readonly",
            _ => "",
        }
    }
}

/// The same mount in the long form.
impl fmt::Display for FullMount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&csv::join(self.fields()))
    }
}

/// As [`FullMount::parse`], but a relative host path is refused.
impl FromStr for FullMount {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text, None).map_err(|reason| refused(text, &reason))
    }
}

text_serde!(FullMount, "a mount");

fn refused(text: &str, reason: &str) -> Error {
    Error::invalid("mount", text, reason)
        .with_hint("write --mount type=bind|volume|tmpfs|image,source=SOURCE,target=PATH[,readonly]")
}

fn parse(text: &str, cwd: Option<&Path>) -> Result<FullMount, String> {
    let mut read = FullMount::default();
    for field in csv::split(text)? {
        let (key, value) = csv::key(&field);
        match value {
            Some(value) => set(&mut read, &key, value, cwd)?,
            None => switch(&mut read, &key, &field)?,
        }
    }
    check(&read).map(|()| read).map_err(str::to_owned)
}

fn switch(read: &mut FullMount, key: &str, field: &str) -> Result<(), String> {
    match key {
        "readonly" | "ro" => read.read_only = true,
        "volume-nocopy" => read.volume().no_copy = true,
        "bind-nonrecursive" => read.bind.non_recursive = true,
        _ => return Err(format!("{field:?} has no `=`")),
    }
    Ok(())
}

fn set(read: &mut FullMount, key: &str, value: &str, cwd: Option<&Path>) -> Result<(), String> {
    let wrong = || format!("{key} cannot be {value:?}");
    match key {
        "type" => {
            let kind = KINDS.iter().find(|(name, _)| value.eq_ignore_ascii_case(name));
            read.kind = kind.ok_or_else(wrong)?.1;
        }
        "source" | "src" => read.source = source(value, cwd)?,
        "target" | "dst" | "destination" => value.clone_into(&mut read.target),
        "readonly" | "ro" => read.read_only = csv::boolean(value).ok_or_else(wrong)?,
        "consistency" => read.consistency = value.to_ascii_lowercase(),
        "image-subpath" => read.image_subpath = Some(value.to_owned()),
        "tmpfs-size" => read.tmpfs_size = Some(value.parse().map_err(|_| wrong())?),
        "tmpfs-mode" => read.tmpfs_mode = Some(u32::from_str_radix(value, 8).map_err(|_| wrong())?),
        _ if key.starts_with("bind-") => return set_bind(&mut read.bind, key, value),
        _ if key.starts_with("volume-") => return set_volume(read.volume(), key, value),
        _ => return Err(format!("there is no key {key:?}")),
    }
    Ok(())
}

fn set_bind(bind: &mut BindOptions, key: &str, value: &str) -> Result<(), String> {
    let wrong = || format!("{key} cannot be {value:?}");
    match (key, value) {
        ("bind-propagation", _) => {
            bind.propagation = value.to_ascii_lowercase();
            if !PROPAGATIONS.contains(&bind.propagation.as_str()) {
                return Err(wrong());
            }
        }
        ("bind-nonrecursive", _) => bind.non_recursive = csv::boolean(value).ok_or_else(wrong)?,
        ("bind-recursive", "enabled") => {}
        ("bind-recursive", "disabled") => bind.non_recursive = true,
        ("bind-recursive", "writable") => bind.read_only_non_recursive = true,
        ("bind-recursive", "readonly") => bind.read_only_force_recursive = true,
        ("bind-recursive", _) => {
            return Err(format!("{}; it is enabled, disabled, writable or readonly", wrong()));
        }
        _ => return Err(format!("there is no key {key:?}")),
    }
    Ok(())
}

fn set_volume(volume: &mut VolumeOptions, key: &str, value: &str) -> Result<(), String> {
    let (name, of_name) = value.split_once('=').unwrap_or((value, ""));
    match key {
        "volume-subpath" => value.clone_into(&mut volume.subpath),
        "volume-driver" => value.clone_into(&mut volume.driver),
        "volume-nocopy" => {
            volume.no_copy = csv::boolean(value).ok_or_else(|| format!("{key} cannot be {value:?}"))?;
        }
        // As with Docker, an option without a name is ignored.
        "volume-label" | "volume-opt" if name.is_empty() => {}
        "volume-label" => drop(volume.labels.insert(name.to_owned(), of_name.to_owned())),
        "volume-opt" => drop(volume.driver_opts.insert(name.to_owned(), of_name.to_owned())),
        _ => return Err(format!("there is no key {key:?}")),
    }
    Ok(())
}

fn source(value: &str, cwd: Option<&Path>) -> Result<String, String> {
    if !value.starts_with('.') {
        return Ok(value.to_owned());
    }
    let cwd = cwd.ok_or("a relative host path has no meaning here")?;
    let path = mount::clean(&cwd.join(value)).into_os_string().into_string();
    path.map_err(|_| "the working directory's name is not UTF-8".to_owned())
}

fn check(mount: &FullMount) -> Result<(), &'static str> {
    let is = |kind| mount.kind == kind;
    let bind = &mount.bind;
    let is_of_tmpfs = mount.tmpfs_size.is_some() || mount.tmpfs_mode.is_some();
    match () {
        () if mount.target.is_empty() => Err("the target is missing"),
        () if is(MountKind::Bind) && mount.source.is_empty() => Err("the source is missing"),
        () if mount.volume.is_some() && !is(MountKind::Volume) => Err("volume-… goes with type=volume"),
        () if mount.image_subpath.is_some() && !is(MountKind::Image) => Err("image-… goes with type=image"),
        () if mount.has_bind_options() && !is(MountKind::Bind) => Err("bind-… goes with type=bind"),
        () if is_of_tmpfs && !is(MountKind::Tmpfs) => Err("tmpfs-… goes with type=tmpfs"),
        () if bind.read_only_non_recursive && !mount.read_only => {
            Err("bind-recursive=writable goes with readonly")
        }
        () if bind.read_only_force_recursive && (!mount.read_only || bind.propagation != "rprivate") => {
            Err("bind-recursive=readonly goes with readonly and bind-propagation=rprivate")
        }
        () => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> FullMount {
        FullMount::parse(text, Path::new("/here")).unwrap()
    }

    #[test]
    fn mounts_are_read_as_docker_reads_them_and_printed_again() {
        for (text, printed) in [
            ("target=/x", "type=volume,target=/x"),
            ("type=bind,src=/a,dst=/x", "type=bind,source=/a,target=/x"),
            ("Type=BIND,Source=/a,Destination=/x,RO", "type=bind,source=/a,target=/x,readonly=true"),
            ("type=bind,source=./a/../b,target=/x,readonly=false", "type=bind,source=/here/b,target=/x"),
            (
                "type=bind,source=/a,target=/x,bind-propagation=RSLAVE",
                "type=bind,source=/a,target=/x,bind-propagation=rslave",
            ),
            (
                "type=bind,source=/a,target=/x,bind-nonrecursive",
                "type=bind,source=/a,target=/x,bind-recursive=disabled",
            ),
            (
                "type=bind,source=/a,target=/x,ro,bind-recursive=readonly,bind-propagation=rprivate",
                "type=bind,source=/a,target=/x,readonly=true,bind-propagation=rprivate,bind-recursive=readonly",
            ),
            (
                "source=data,target=/x,volume-nocopy,volume-subpath=a,volume-label=b=c,volume-driver=local,volume-opt=o=1",
                "type=volume,source=data,target=/x,volume-nocopy=true,volume-subpath=a,volume-label=b=c,volume-driver=local,volume-opt=o=1",
            ),
            (
                "type=tmpfs,target=/x,tmpfs-size=1m,tmpfs-mode=1777",
                "type=tmpfs,target=/x,tmpfs-size=1048576,tmpfs-mode=1777",
            ),
            (
                "type=image,source=a:1,target=/x,image-subpath=etc",
                "type=image,source=a:1,target=/x,image-subpath=etc",
            ),
            (
                "type=volume,target=/x,\"volume-opt=o=a,b\"",
                "type=volume,target=/x,volume-nocopy=false,\"volume-opt=o=a,b\"",
            ),
        ] {
            let mount = read(text);
            assert_eq!(mount.to_string(), printed, "{text}");
            assert_eq!(read(printed), mount, "{text}");
        }
    }

    #[test]
    fn contradictions_and_unknown_options_are_refused() {
        for text in [
            "",
            "type=bind",
            "type=foo,target=/x",
            "type=,target=/x",
            "type=bind,target=/x",
            "target=/x,foo=1",
            "target=/x,foo",
            "target=/x,readonly=maybe",
            "target=/x,source",
            "type=bind,source=/a,target=/x,volume-nocopy",
            "type=volume,target=/x,bind-propagation=rslave",
            "type=bind,source=/a,target=/x,tmpfs-size=1m",
            "type=volume,target=/x,image-subpath=a",
            "type=tmpfs,target=/x,tmpfs-mode=9",
            "type=tmpfs,target=/x,tmpfs-size=x",
            "type=bind,source=/a,target=/x,bind-recursive=writable",
            "type=bind,source=/a,target=/x,bind-recursive=foo",
            "type=bind,source=/a,target=/x,ro,bind-recursive=readonly",
            "type=bind,source=/a,target=/x,bind-propagation=foo",
            "target=/x,volume-foo=1",
            "target=/x,volume-nocopy=2",
            "type=bind,source=/a,target=/x,bind-foo=1",
        ] {
            let error = FullMount::parse(text, Path::new("/here")).unwrap_err();
            assert!(error.hint().is_some(), "{text}");
        }
        assert!("type=bind,source=./a,target=/x".parse::<FullMount>().is_err());
    }
}
