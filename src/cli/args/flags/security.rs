//! Docker's flags for what a task may do and what it sees of the machine.

use clap::Args;
use cube::{Config, Error, ErrorKind};

use crate::cli::args::flags::{given, pair, parsed, set};

/// What the task may do on the machine, and what it sees of the machine.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Security")]
pub struct SecurityArgs {
    /// Let the task do nearly everything that the machine's root may do
    #[arg(long)]
    pub privileged: bool,
    /// Add a Linux capability, or ALL
    #[arg(long, value_name = "CAPABILITY", allow_hyphen_values = true)]
    pub cap_add: Vec<String>,
    /// Drop a capability, or ALL
    #[arg(long, value_name = "CAPABILITY", allow_hyphen_values = true)]
    pub cap_drop: Vec<String>,
    /// no-new-privileges, seccomp=FILE, apparmor=PROFILE, label=…, systempaths=unconfined
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    pub security_opt: Vec<String>,
    /// Mount the root file system read-only
    #[arg(long)]
    pub read_only: bool,
    /// Additional group of the user, by name or id
    #[arg(long, value_name = "GROUP", allow_hyphen_values = true)]
    pub group_add: Vec<String>,
    /// Device of the host: /dev/NAME[:/PATH][:rwm], or a CDI name
    #[arg(long, value_name = "DEVICE", allow_hyphen_values = true)]
    pub device: Vec<String>,
    /// Rule for devices that may appear later, for example 'c 189:* rmw'
    #[arg(long, value_name = "RULE", allow_hyphen_values = true)]
    pub device_cgroup_rule: Vec<String>,
    /// GPUs: all, a number, or '"device=0,1"'
    #[arg(long, value_name = "GPUS", allow_hyphen_values = true)]
    pub gpus: Vec<String>,
    /// Kernel parameter of the container: NAME=VALUE
    #[arg(long, value_name = "NAME=VALUE", allow_hyphen_values = true)]
    pub sysctl: Vec<String>,
    /// OCI runtime for the container
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub runtime: Option<String>,
    /// IPC namespace (shared memory): none, private, shareable, host, container:NAME
    #[arg(long, value_name = "MODE", allow_hyphen_values = true)]
    pub ipc: Option<String>,
    /// PID namespace (visible processes): host, container:NAME
    #[arg(long, value_name = "MODE", allow_hyphen_values = true)]
    pub pid: Option<String>,
    /// UTS namespace (host name): host
    #[arg(long, value_name = "MODE", allow_hyphen_values = true)]
    pub uts: Option<String>,
    /// User namespace: host
    #[arg(long, value_name = "MODE", allow_hyphen_values = true)]
    pub userns: Option<String>,
    /// Cgroup namespace: host, private
    #[arg(long, value_name = "MODE", allow_hyphen_values = true)]
    pub cgroupns: Option<String>,
    /// Parent of the task's control group
    #[arg(long, value_name = "GROUP", allow_hyphen_values = true)]
    pub cgroup_parent: Option<String>,
    /// Isolation technology of an engine on Windows
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub isolation: Option<String>,
}

impl SecurityArgs {
    pub fn apply(&self, config: &mut Config) -> Result<(), Error> {
        let security = &mut config.security;
        security.privileged |= self.privileged;
        security.cap_add.extend(self.cap_add.iter().cloned());
        security.cap_drop.extend(self.cap_drop.iter().cloned());
        for option in &self.security_opt {
            security.security_opt.push(with_profile(option)?);
        }
        security.read_only |= self.read_only;
        security.group_add.extend(self.group_add.iter().cloned());
        security.device.extend(parsed(&self.device)?);
        security.device_cgroup_rule.extend(self.device_cgroup_rule.iter().cloned());
        security.gpus.extend(parsed(&self.gpus)?);
        for setting in &self.sysctl {
            let (name, value) =
                setting.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
                    Error::invalid("kernel setting", setting, "it is not NAME=VALUE")
                        .with_hint("write --sysctl net.core.somaxconn=1024")
                })?;
            security.sysctl.extend([pair(name, value)]);
        }
        self.apply_modes(config);
        Ok(())
    }

    fn apply_modes(&self, config: &mut Config) {
        let security = &mut config.security;
        let modes = [
            (&mut security.runtime, &self.runtime),
            (&mut security.ipc, &self.ipc),
            (&mut security.pid, &self.pid),
            (&mut security.uts, &self.uts),
            (&mut security.userns, &self.userns),
            (&mut security.cgroupns, &self.cgroupns),
            (&mut security.cgroup_parent, &self.cgroup_parent),
            (&mut security.isolation, &self.isolation),
        ];
        for (field, value) in modes {
            set(field, given(value.as_ref()));
        }
    }
}

/// The option with the profile in place of the file that `seccomp=` names: the engine may be elsewhere.
fn with_profile(option: &str) -> Result<String, Error> {
    let named = option.strip_prefix("seccomp=").or_else(|| option.strip_prefix("seccomp:"));
    let Some(file) = named.filter(|file| !matches!(*file, "" | "builtin" | "unconfined")) else {
        return Ok(option.to_owned());
    };
    let hint = "name a file with a profile in JSON, or write --security-opt seccomp=unconfined";
    let text = std::fs::read(file).map_err(|cause| {
        Error::new(ErrorKind::File, format!("cannot read the seccomp profile {file}"))
            .with_source(cause)
            .with_hint(hint)
    })?;
    let profile: serde_json::Value = serde_json::from_slice(&text).map_err(|cause| {
        Error::new(ErrorKind::InvalidInput, format!("the seccomp profile {file} is no JSON"))
            .with_source(cause)
            .with_hint(hint)
    })?;
    Ok(format!("seccomp={profile}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seccomp_profile_is_read_here() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("profile.json");
        std::fs::write(&file, "{\n  \"defaultAction\": \"SCMP_ACT_ALLOW\",\n  \"archMap\": [1, 2.50]\n}\n")
            .unwrap();
        let option = format!("seccomp={}", file.display());
        assert_eq!(
            with_profile(&option).unwrap(),
            r#"seccomp={"defaultAction":"SCMP_ACT_ALLOW","archMap":[1,2.5]}"#
        );
        std::fs::write(&file, "{").unwrap();
        for option in [option.as_str(), "seccomp=/no/such/file"] {
            assert!(with_profile(option).unwrap_err().hint().is_some(), "{option}");
        }
        for option in ["seccomp=unconfined", "seccomp=builtin", "apparmor=x", "no-new-privileges", "seccomp="]
        {
            assert_eq!(with_profile(option).unwrap(), option);
        }
    }
}
