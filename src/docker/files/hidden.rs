//! The paths of a container that the engine's archive calls do not reach, because they are mounted only while it runs.
//! A copy out of them would give an empty folder, a copy into them would be lost, both without an error.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    config::{Config, value::mount::full::MountKind},
    docker::http::version::{Engine, Product},
    error::{Error, ErrorKind},
};

/// File systems that every container has.
pub(crate) const SYSTEM: [&str; 3] = ["/proc", "/sys", "/dev"];

/// The mounts of a container.
#[derive(Debug, Default)]
pub(crate) struct Mounts {
    all: Vec<Mounted>,
    read_only_root: bool,
}

#[derive(Debug)]
struct Mounted {
    path: PathBuf,
    kind: MountedKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MountedKind {
    /// A volume or a path of the engine's machine.
    Storage {
        read_only: bool,
    },
    Tmpfs,
    System,
}

impl Mounts {
    /// Reads the mounts of an existing container of `engine`.
    pub(crate) fn read(container: &Value, engine: Engine) -> Self {
        let mut mounts = Self::of_system();
        // podman copies within the mounts of a container that runs.
        let tmpfs = match engine.product() {
            Product::Podman if container.pointer("/State/Running") == Some(&Value::Bool(true)) => {
                MountedKind::Storage { read_only: false }
            }
            _ => MountedKind::Tmpfs,
        };
        for mount in container["Mounts"].as_array().into_iter().flatten() {
            let kind = match mount["Type"].as_str() {
                Some("tmpfs") => tmpfs,
                _ => MountedKind::Storage { read_only: mount["RW"] == false },
            };
            mounts.add(mount["Destination"].as_str().unwrap_or_default(), kind);
        }
        let host = &container["HostConfig"];
        for path in host["Tmpfs"].as_object().into_iter().flatten().map(|(path, _)| path) {
            mounts.add(path, tmpfs);
        }
        mounts.read_only_root = host["ReadonlyRootfs"] == true;
        mounts
    }

    /// The mounts of a container that will be made from a config.
    pub(crate) fn planned(config: &Config) -> Self {
        let mut mounts = Self::of_system();
        for volume in &config.storage.volumes {
            mounts.add(volume.target(), MountedKind::Storage { read_only: volume.is_read_only() });
        }
        for tmpfs in &config.storage.tmpfs {
            mounts.add(tmpfs.path(), MountedKind::Tmpfs);
        }
        for mount in &config.storage.mount {
            let storage = MountedKind::Storage { read_only: mount.read_only };
            mounts.add(
                &mount.target,
                if mount.kind == MountKind::Tmpfs { MountedKind::Tmpfs } else { storage },
            );
        }
        mounts.read_only_root = config.security.read_only;
        mounts
    }

    fn of_system() -> Self {
        let mut mounts = Self::default();
        for path in SYSTEM {
            mounts.add(path, MountedKind::System);
        }
        mounts
    }

    fn add(&mut self, path: &str, kind: MountedKind) {
        self.all.push(Mounted { path: path.into(), kind });
    }

    /// The mount that contains a path; `None` for the root file system.
    fn of(&self, path: &OsStr) -> Option<&Mounted> {
        let around = self.all.iter().filter(|mount| Path::new(path).starts_with(&mount.path));
        around.max_by_key(|mount| mount.path.components().count())
    }

    /// The tmpfs mounts below a folder.
    pub(crate) fn tmpfs_below(&self, folder: &OsStr) -> Vec<PathBuf> {
        let all = self.all.iter().filter(|mount| mount.kind == MountedKind::Tmpfs);
        let below = all.filter(|mount| mount.path.starts_with(folder) && mount.path != Path::new(folder));
        below.map(|mount| mount.path.clone()).collect()
    }

    /// Refuses a path that the engine's copies do not reach.
    pub(crate) fn refuse_hidden(&self, path: &OsStr) -> Result<(), Error> {
        let Some(mount) = self.of(path) else { return Ok(()) };
        match mount.kind {
            MountedKind::Storage { .. } => Ok(()),
            MountedKind::Tmpfs => Err(unreached(Path::new(path), &mount.path, "a tmpfs")),
            MountedKind::System => Err(unreached(Path::new(path), &mount.path, "made by the kernel")),
        }
    }

    /// Refuses a path that cannot be written to.
    pub(crate) fn refuse_read_only(&self, path: &OsStr) -> Result<(), Error> {
        let (read_only, what) = match self.of(path).map(|mount| mount.kind) {
            Some(MountedKind::Storage { read_only }) => (read_only, "the volume there"),
            _ => (self.read_only_root, "the container's root"),
        };
        if !read_only {
            return Ok(());
        }
        let message = format!("cannot write to {}: {what} is read-only", path.display());
        Err(Error::new(ErrorKind::Unsupported, message)
            .with_hint("copy into a volume that can be written to"))
    }
}

/// The error for a path that copies do not reach.
pub(crate) fn unreached(path: &Path, mount: &Path, what: &str) -> Error {
    let message = format!("no copy reaches {}: {} is {what}", path.display(), mount.display());
    Error::new(ErrorKind::Unsupported, message).with_hint(
        "use a path outside of it, or a volume there; in a running task `cube exec TASK tar -c PATH` reads it, \
         `cube exec -i TASK tar -x` writes it",
    )
}

#[cfg(test)]
mod tests {
    use hyper::{
        HeaderMap,
        header::{HeaderValue, SERVER},
    };
    use serde_json::json;

    use super::*;

    fn mounts() -> Mounts {
        let container = json!({
            "Mounts": [
                {"Type": "volume", "Destination": "/data", "RW": true},
                {"Type": "bind", "Destination": "/run/kept", "RW": true},
                {"Type": "bind", "Destination": "/src", "RW": false},
                {"Type": "tmpfs", "Destination": "/data/cache", "RW": true},
            ],
            "HostConfig": {"Tmpfs": {"/run": ""}, "ReadonlyRootfs": true},
            "State": {"Running": true},
        });
        Mounts::read(&container, Engine::with_api((1, 41)))
    }

    #[test]
    fn the_deepest_mount_decides() {
        for (path, reached, writable) in [
            ("/data/x", true, true),
            ("/data/cache/x", false, true),
            ("/run", false, false),
            ("/runner", true, false),
            ("/run/kept/x", true, true),
            ("/src/x", true, false),
            ("/dev/shm/x", false, false),
            ("/proc/1", false, false),
            ("/", true, false),
        ] {
            let (hidden, read_only) =
                (mounts().refuse_hidden(OsStr::new(path)), mounts().refuse_read_only(OsStr::new(path)));
            assert_eq!(hidden.is_ok(), reached, "{path}");
            if reached {
                assert_eq!(read_only.is_ok(), writable, "{path}");
            }
        }
    }

    #[test]
    fn a_tmpfs_below_a_folder_is_named() {
        let below = |folder: &str| mounts().tmpfs_below(OsStr::new(folder));
        assert_eq!(below("/"), [Path::new("/data/cache"), Path::new("/run")]);
        assert_eq!(below("/data"), [Path::new("/data/cache")]);
        assert!(below("/data/cache").is_empty());
    }

    #[test]
    fn podman_reaches_a_tmpfs_while_the_container_runs() {
        let podman =
            Engine::of(&HeaderMap::from_iter([(SERVER, HeaderValue::from_static("Libpod/5.4.2 (linux)"))]));
        for running in [true, false] {
            let container = json!({"HostConfig": {"Tmpfs": {"/run": ""}}, "State": {"Running": running}});
            let mounts = Mounts::read(&container, podman);
            assert_eq!(mounts.refuse_hidden(OsStr::new("/run/x")).is_ok(), running);
            assert_eq!(mounts.tmpfs_below(OsStr::new("/")).is_empty(), running);
        }
    }

    #[test]
    fn a_container_without_mounts_still_has_the_system_mounts() {
        let mounts = Mounts::read(&json!({"HostConfig": {"Tmpfs": null}}), Engine::default());
        assert!(mounts.refuse_hidden(OsStr::new("/sys/x")).is_err());
        assert!(mounts.refuse_read_only(OsStr::new("/x")).is_ok());
    }
}
