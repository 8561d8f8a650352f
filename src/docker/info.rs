//! Facts about an engine on which cube's promises depend.

use std::path::Path;

use hyper::Method;
use serde::Deserialize;

use crate::{address::Address, docker::Docker, error::Error};

/// An engine, as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineInfo {
    /// `Docker` or `podman`.
    pub name: String,
    /// Its version, for example `28.5.2`.
    pub version: String,
    /// The newest version of its API, for example `1.51`.
    pub api_version: String,
    /// Operating system and processor, for example `linux/amd64`.
    pub platform: String,
    /// The storage driver, for example `overlay2`.
    pub storage_driver: String,
    /// The file system below the storage driver, if the engine reports it.
    pub backing_filesystem: Option<String>,
    /// The control groups of its tasks.
    pub control_groups: ControlGroups,
    /// The engine's default log driver. (cube's tasks use `local` by default.)
    pub log_driver: String,
    /// Whether it runs without root.
    pub rootless: bool,
    /// Whether it manages a swarm, which `--swarm` needs.
    pub swarm_manager: bool,
    /// Whether its processes are visible on this machine, so that cube can inspect them.
    pub processes_visible: bool,
}

/// What limits an engine's tasks and counts what they use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlGroups {
    /// Nothing: its statistics are of the whole machine. So it is with Docker without root where the user was given none.
    Absent,
    /// Control groups of this version, 1 or 2.
    Version(u8),
    /// The engine does not say.
    Unknown,
}

impl EngineInfo {
    /// Whether `--disk` (`storage-opt size`) works; `None` if that depends on the mount options of a file system.
    #[must_use]
    pub fn limits_disk(&self) -> Option<bool> {
        match self.storage_driver.as_str() {
            "btrfs" | "zfs" | "devicemapper" | "windowsfilter" => Some(true),
            "overlay2" | "overlay" if self.backing_filesystem.as_deref() == Some("xfs") => None,
            _ => Some(false),
        }
    }
}

impl Docker {
    /// The facts about the engine, from two requests.
    ///
    /// # Errors
    /// [`crate::ErrorKind::EngineUnreachable`], [`crate::ErrorKind::PermissionDenied`] and the engine's own.
    pub async fn info(&self) -> Result<EngineInfo, Error> {
        let version: VersionAnswer = self.transport.json(Method::GET, "/version").await?;
        let info: InfoAnswer = self.transport.json(Method::GET, "/info").await?;
        let podman = version.components.iter().any(|part| part.name.starts_with("Podman"));
        Ok(EngineInfo {
            name: if podman { "podman" } else { "Docker" }.to_owned(),
            version: version.version,
            api_version: version.api_version,
            platform: format!("{}/{}", version.os, version.arch),
            backing_filesystem: info.backing_filesystem(),
            control_groups: info.control_groups(),
            rootless: info.security_options.iter().any(|option| option.contains("name=rootless")),
            swarm_manager: info.swarm.control_available,
            storage_driver: info.driver,
            log_driver: info.logging_driver,
            processes_visible: serves_from_here(&self.address).await,
        })
    }

    /// Whether its tasks have control groups of their own; assumed if it does not say.
    pub(crate) async fn has_control_groups(&self) -> bool {
        let info: Result<InfoAnswer, _> = self.transport.json(Method::GET, "/info").await;
        info.map_or(true, |info| info.control_groups() != ControlGroups::Absent)
    }
}

/// Whether the process behind a socket is visible in this pid namespace. The kernel reports its pid here, or 0 if it
/// has none, for example for a socket that was mounted into a container.
async fn serves_from_here(address: &Address) -> bool {
    let Address::Unix(socket) = address else { return false };
    let Ok(stream) = tokio::net::UnixStream::connect(socket).await else { return false };
    let pid = stream.peer_cred().ok().and_then(|peer| peer.pid()).unwrap_or_default();
    pid > 0 && Path::new(&format!("/proc/{pid}")).exists()
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct VersionAnswer {
    version: String,
    api_version: String,
    os: String,
    arch: String,
    components: Vec<Component>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Component {
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct InfoAnswer {
    driver: String,
    /// Pairs of a name and a value.
    driver_status: Vec<Vec<String>>,
    cgroup_version: String,
    cgroup_driver: String,
    logging_driver: String,
    security_options: Vec<String>,
    swarm: SwarmAnswer,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct SwarmAnswer {
    control_available: bool,
}

impl InfoAnswer {
    fn control_groups(&self) -> ControlGroups {
        if self.cgroup_driver == "none" {
            return ControlGroups::Absent;
        }
        self.cgroup_version.parse().map_or(ControlGroups::Unknown, ControlGroups::Version)
    }

    fn backing_filesystem(&self) -> Option<String> {
        let named = |pair: &&Vec<String>| pair.first().is_some_and(|name| name == "Backing Filesystem");
        self.driver_status.iter().find(named)?.get(1).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::http::json;

    fn engine(driver: &str, filesystem: Option<&str>) -> EngineInfo {
        EngineInfo {
            name: "Docker".into(),
            version: "28.0".into(),
            api_version: "1.48".into(),
            platform: "linux/amd64".into(),
            storage_driver: driver.into(),
            backing_filesystem: filesystem.map(str::to_owned),
            control_groups: ControlGroups::Version(2),
            log_driver: "json-file".into(),
            rootless: false,
            swarm_manager: false,
            processes_visible: true,
        }
    }

    #[test]
    fn a_disk_limit_depends_on_the_storage_driver() {
        assert_eq!(engine("btrfs", None).limits_disk(), Some(true));
        assert_eq!(engine("overlay2", Some("xfs")).limits_disk(), None);
        assert_eq!(engine("overlay2", Some("extfs")).limits_disk(), Some(false));
        assert_eq!(engine("vfs", None).limits_disk(), Some(false));
    }

    #[test]
    fn an_answer_with_nulls_is_understood() {
        let info: InfoAnswer = json::read(br#"{"Driver":"vfs","DriverStatus":null,"Swarm":null}"#).unwrap();
        assert_eq!(info.backing_filesystem(), None);
        let info: InfoAnswer =
            json::read(br#"{"DriverStatus":[["Backing Filesystem","xfs"],["odd"]]}"#).unwrap();
        assert_eq!(info.backing_filesystem().as_deref(), Some("xfs"));
        assert_eq!(info.control_groups(), ControlGroups::Unknown);
        let info: InfoAnswer = json::read(br#"{"CgroupDriver":"none","CgroupVersion":"1"}"#).unwrap();
        assert_eq!(info.control_groups(), ControlGroups::Absent);
    }
}
