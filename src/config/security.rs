//! What the task may do on the machine, and what it sees of the machine.

use std::collections::BTreeMap;

use crate::{
    config::{
        group::group,
        value::device::{Device, gpus::GpuRequest},
    },
    error::Error,
};

group! {
    /// What the task may do on the machine, and what it sees of the machine.
    pub struct Security {
        /// Whether it may do nearly everything that the machine's root may.
        pub privileged: bool = false;
        /// Capabilities in addition to the engine's default, for example `NET_ADMIN`; `ALL` for all.
        pub cap_add: Vec<String> = Vec::new();
        /// Capabilities to drop; `ALL` for all.
        pub cap_drop: Vec<String> = Vec::new();
        /// Options such as `no-new-privileges`, `apparmor=PROFILE`, `label=…`, `systempaths=unconfined`, and
        /// `seccomp=` with a profile's JSON.
        pub security_opt: Vec<String> = Vec::new();
        /// Whether its root file system is read-only.
        pub read_only: bool = false;
        /// Additional groups of its user, by name or number.
        pub group_add: Vec<String> = Vec::new();
        /// Devices of the host.
        pub device: Vec<Device> = Vec::new();
        /// Rules for devices that may appear later, for example `c 189:* rmw`.
        pub device_cgroup_rule: Vec<String> = Vec::new();
        /// GPUs for the task.
        pub gpus: Vec<GpuRequest> = Vec::new();
        /// Kernel settings of its namespaces, for example `net.core.somaxconn`.
        pub sysctl: BTreeMap<String, String> = BTreeMap::new();
        /// The runtime that starts it; the engine's default if left out.
        pub runtime: Option<String> = None;
        /// Its shared memory: `none`, `private`, `shareable`, `host`, `container:NAME`.
        pub ipc: Option<String> = None;
        /// The processes it sees: `host`, `container:NAME`; only its own if left out.
        pub pid: Option<String> = None;
        /// The host name it shares: `host`; none if left out.
        pub uts: Option<String> = None;
        /// `host` to leave user ids as they are where the engine maps them.
        pub userns: Option<String> = None;
        /// The control groups it sees: `host`, `private`; the engine's default if left out.
        pub cgroupns: Option<String> = None;
        /// The parent of its control group.
        pub cgroup_parent: Option<String> = None;
        /// The isolation technology of an engine on Windows.
        pub isolation: Option<String> = None;
    }
}

impl Security {
    pub(crate) fn check(&self) -> Result<(), Error> {
        check_namespace(
            "IPC",
            "--ipc",
            self.ipc.as_deref(),
            &["none", "private", "shareable", "host"],
            true,
        )?;
        check_namespace("PID", "--pid", self.pid.as_deref(), &["host"], true)?;
        check_namespace("UTS", "--uts", self.uts.as_deref(), &["host"], false)?;
        check_namespace("user", "--userns", self.userns.as_deref(), &["host"], false)?;
        check_namespace("cgroup", "--cgroupns", self.cgroupns.as_deref(), &["host", "private"], false)?;
        for option in &self.security_opt {
            check_option(option)?;
        }
        if let Some(rule) = self.device_cgroup_rule.iter().find(|rule| !is_rule(rule)) {
            return Err(Error::invalid("device rule", rule, "it is not TYPE MAJOR:MINOR PERMISSIONS")
                .with_hint("write --device-cgroup-rule 'c 189:* rmw'; the types are a, b and c"));
        }
        match self.sysctl.keys().find(|name| !is_namespaced(name)) {
            Some(name) => Err(Error::invalid("kernel setting", name, "it is the machine's, not a container's")
                .with_hint("set it on the host with `sysctl -w`; --sysctl takes net.*, fs.mqueue.* and those of shared memory")),
            None => Ok(()),
        }
    }
}

fn check_namespace(
    what: &str,
    flag: &str,
    mode: Option<&str>,
    known: &[&str],
    others: bool,
) -> Result<(), Error> {
    let Some(mode) = mode.filter(|mode| !mode.is_empty()) else { return Ok(()) };
    let is_others = mode.strip_prefix("container:").is_some_and(|name| !name.is_empty());
    if known.contains(&mode) || (others && is_others) {
        return Ok(());
    }
    let modes = known.join(", ") + if others { " or container:NAME" } else { "" };
    Err(Error::invalid(&format!("{what} namespace"), mode, "there is no such mode")
        .with_hint(format!("write {flag} with {modes}")))
}

/// `no-new-privileges`, or a name and a value.
fn check_option(option: &str) -> Result<(), Error> {
    let (name, value) = option.split_once('=').or_else(|| option.split_once(':')).unwrap_or((option, ""));
    if name == "no-new-privileges" || !value.is_empty() {
        return Ok(());
    }
    Err(Error::invalid("security option", option, "it has no value").with_hint(
        "write --security-opt no-new-privileges, seccomp=FILE, apparmor=PROFILE, label=… or systempaths=unconfined",
    ))
}

fn is_rule(rule: &str) -> bool {
    let number = |text: &str| text == "*" || (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()));
    let words: Vec<&str> = rule.split(' ').collect();
    let [kind, device, permissions] = words.as_slice() else { return false };
    matches!(*kind, "a" | "b" | "c")
        && device.split_once(':').is_some_and(|(major, minor)| number(major) && number(minor))
        && (1..=3).contains(&permissions.len())
        && permissions.chars().all(|c| "rwm".contains(c))
}

/// Whether the kernel setting is separate for each container.
fn is_namespaced(name: &str) -> bool {
    const SHARED_MEMORY: [&str; 8] = [
        "kernel.msgmax",
        "kernel.msgmnb",
        "kernel.msgmni",
        "kernel.sem",
        "kernel.shmall",
        "kernel.shmmax",
        "kernel.shmmni",
        "kernel.shm_rmid_forced",
    ];
    SHARED_MEMORY.contains(&name) || name.starts_with("net.") || name.starts_with("fs.mqueue.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> Result<(), Error> {
        crate::config::Config::from_json(json.as_bytes(), Some("a".parse().unwrap()))
            .unwrap()
            .security
            .check()
    }

    #[test]
    fn wrong_values_are_refused_with_a_hint() {
        for json in [
            r#"{"ipc":"foo"}"#,
            r#"{"ipc":"container:"}"#,
            r#"{"pid":"private"}"#,
            r#"{"pid":"container:"}"#,
            r#"{"uts":"container:a"}"#,
            r#"{"userns":"keep-id"}"#,
            r#"{"cgroupns":"foo"}"#,
            r#"{"security_opt":["seccomp="]}"#,
            r#"{"security_opt":["foo"]}"#,
            r#"{"device_cgroup_rule":["d 1:1 r"]}"#,
            r#"{"device_cgroup_rule":["c 1 r"]}"#,
            r#"{"device_cgroup_rule":["c 1:1 x"]}"#,
            r#"{"device_cgroup_rule":["c 1:1"]}"#,
            r#"{"sysctl":{"vm.swappiness":"1"}}"#,
        ] {
            assert!(check(json).unwrap_err().hint().is_some(), "{json}");
        }
        for json in [
            r#"{"ipc":"container:a","pid":"host","uts":"host","userns":"host","cgroupns":"private"}"#,
            r#"{"ipc":"","pid":""}"#,
            r#"{"security_opt":["no-new-privileges","label:disable","seccomp=unconfined","no-new-privileges=false"]}"#,
            r#"{"device_cgroup_rule":["c 189:* rmw","a *:* r"]}"#,
            r#"{"sysctl":{"net.core.somaxconn":"1","kernel.shmmax":"1","fs.mqueue.msg_max":"5"}}"#,
        ] {
            check(json).unwrap();
        }
    }
}
