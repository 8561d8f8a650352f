//! What a task is: everything that is true before it runs. The JSON form is what `--file` reads.

mod decimal;
mod key_value_file;
mod text;
pub mod value;

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    config::value::{
        condition::Condition,
        env::EnvVar,
        host_entry::HostEntry,
        image::ImageRef,
        mount::Mount,
        name::Name,
        platform::Platform,
        port::{Port, PortMapping},
        restart::RestartPolicy,
        signal::Signal,
        size::{Cpus, Size},
        tmpfs::Tmpfs,
    },
    error::Error,
};

/// When the image is pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PullPolicy {
    /// Before every start.
    Always,
    /// When the engine has no such image. The default.
    #[default]
    Missing,
    /// Not at all: a missing image is an error.
    Never,
}

/// How the engine probes whether the task is healthy. Every field left out is the image's, else the
/// engine's default (interval and timeout 30 s, 3 retries, no start period).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HealthCheck {
    /// The probe, run by the image's shell (`CMD-SHELL`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Time between two probes.
    #[serde(with = "crate::config::value::duration::text", skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
    /// How long one probe may take.
    #[serde(with = "crate::config::value::duration::text", skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// How many failures in a row make the task unhealthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    /// Time after the start in which failures do not count.
    #[serde(with = "crate::config::value::duration::text", skip_serializing_if = "Option::is_none")]
    pub start_period: Option<Duration>,
}

impl HealthCheck {
    /// Whether nothing is set, so that the image's own health check stands.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A task: one container, described whole. [`Config::new`] gives the defaults.
///
/// Names and meanings are those of `docker run`.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The image. Without tag or digest it is `:latest`.
    pub image: ImageRef,
    /// The container's name; the engine chooses one if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// The command and its arguments; the image's own if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// The entry point; the image's own if left out, none if it is the empty string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<String>,
    /// Environment variables, in order; the last of a name wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvVar>,
    /// The share of processors the task may use. Unlimited if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<Cpus>,
    /// The most memory the task may use, in bytes. Unlimited if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Size>,
    /// The most the task may write to its own layer, in bytes (`storage-opt size`). Unlimited if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<Size>,
    /// Size of `/dev/shm`, in bytes. The engine's default is 64 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shm_size: Option<Size>,
    /// Ports to expose beside the image's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expose: Vec<Port>,
    /// Ports to publish on chosen host addresses or ports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub publish: Vec<PortMapping>,
    /// Whether every exposed port is published on a free host port. On by default.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub publish_all: bool,
    /// The one host address to publish on where a mapping names none. All addresses if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bind: Option<IpAddr>,
    /// What the engine does when the task's process ends. Nothing by default.
    #[serde(default, skip_serializing_if = "is_default")]
    pub restart: RestartPolicy,
    /// Labels. Those that begin with `cube.` are cube's own and refused.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Volumes and host paths to mount.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Mount>,
    /// Temporary file systems to mount.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tmpfs: Vec<Tmpfs>,
    /// The network to join; the engine's default bridge if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Working directory in the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workdir: Option<String>,
    /// User, and group after a colon, by name or number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Whether an init process reaps the task's orphans and forwards signals.
    #[serde(default, skip_serializing_if = "is_default")]
    pub init: bool,
    /// The container's host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Lines for the container's `/etc/hosts`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_hosts: Vec<HostEntry>,
    /// The signal that asks the task to stop; the image's, else SIGTERM, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<Signal>,
    /// Grace between the stop signal and the kill, in seconds; -1 waits for ever. The engine's default is 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_timeout: Option<i32>,
    /// The health check.
    #[serde(default, skip_serializing_if = "HealthCheck::is_empty")]
    pub health: HealthCheck,
    /// The log driver. `local`, never rotated, if left out; `json-file` replaces bytes that are not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_driver: Option<String>,
    /// Options of the log driver.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub log_opts: BTreeMap<String, String>,
    /// The platform to pull and run, if not the engine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// When the image is pulled.
    #[serde(default, skip_serializing_if = "is_default")]
    pub pull: PullPolicy,
    /// How often a pull is tried again after a network error or a 5xx answer. 3 by default.
    #[serde(default = "three", skip_serializing_if = "is_three")]
    pub pull_retries: u32,
    /// Whether the task reads cube's standard input.
    #[serde(default, skip_serializing_if = "is_default")]
    pub interactive: bool,
    /// Past this age any cube command on the engine may remove the task.
    #[serde(default, with = "crate::config::value::duration::text", skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Duration>,
    /// Whether the task goes to the swarm that the engine manages, as a service of one replica.
    #[serde(default, skip_serializing_if = "is_default")]
    pub swarm: bool,
    /// Which nodes of the swarm may run it: `node.labels.disk==ssd`, `node.hostname!=web`. All must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<String>,
    /// What must hold before the task counts as ready; all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wait_for: Vec<Condition>,
    /// How long to wait for that. 60 s by default.
    #[serde(default, with = "crate::config::value::duration::text", skip_serializing_if = "Option::is_none")]
    pub wait_timeout: Option<Duration>,
}

impl Config {
    /// How long a task may take to become ready if the config does not say.
    pub const WAIT_TIMEOUT: Duration = Duration::from_mins(1);

    /// A task of `image` with every default.
    #[must_use]
    pub fn new(image: ImageRef) -> Self {
        Self {
            image,
            name: None,
            command: Vec::new(),
            entrypoint: None,
            env: Vec::new(),
            cpus: None,
            memory: None,
            disk: None,
            shm_size: None,
            expose: Vec::new(),
            publish: Vec::new(),
            publish_all: true,
            bind: None,
            restart: RestartPolicy::No,
            labels: BTreeMap::new(),
            volumes: Vec::new(),
            tmpfs: Vec::new(),
            network: None,
            workdir: None,
            user: None,
            init: false,
            hostname: None,
            add_hosts: Vec::new(),
            stop_signal: None,
            stop_timeout: None,
            health: HealthCheck::default(),
            log_driver: None,
            log_opts: BTreeMap::new(),
            platform: None,
            pull: PullPolicy::default(),
            pull_retries: three(),
            interactive: false,
            ttl: None,
            swarm: false,
            constraints: Vec::new(),
            wait_for: Vec::new(),
            wait_timeout: None,
        }
    }

    /// The same config with the names of its environment variables only, fit to be shown.
    #[must_use]
    pub fn without_env_values(mut self) -> Self {
        self.env = self.env.into_iter().map(EnvVar::without_value).collect();
        self
    }

    /// Checks what no single value can know: combinations and limits.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidInput`] naming the value.
    pub fn check(&self) -> Result<(), Error> {
        const LEAST_MEMORY: Size = Size::from_bytes(6 << 20);
        const LEAST_NANO_CPUS: u64 = 10_000_000;
        // Whoever writes so few bytes has left out the unit.
        const MOST_MEANT_AS_MIB: u64 = 10_000;
        // As for Docker, 0 is no limit.
        if let Some(memory) = self.memory.filter(|m| m.bytes() > 0 && *m < LEAST_MEMORY) {
            let bytes = memory.bytes();
            let hint = if bytes < MOST_MEANT_AS_MIB {
                format!("give a unit: --memory {bytes}m")
            } else {
                "write --memory 6m or more".into()
            };
            return Err(Error::invalid(
                "memory limit",
                &bytes.to_string(),
                "the least is 6 MiB (the number is in bytes)",
            )
            .with_hint(hint));
        }
        if let Some(cpus) = self.cpus.filter(|c| c.nanos() > 0 && c.nanos() < LEAST_NANO_CPUS) {
            return Err(Error::invalid("number of CPUs", &cpus.to_string(), "the least is 0.01")
                .with_hint("write --cpus 0.01 or more"));
        }
        if let Some(label) = self.labels.keys().find(|k| k.starts_with("cube.")) {
            return Err(Error::invalid("label", label, "names that begin with `cube.` are cube's own")
                .with_hint("choose another --label"));
        }
        if let Some(constraint) = self.constraints.iter().find(|c| !c.contains("==") && !c.contains("!=")) {
            return Err(Error::invalid("constraint", constraint, "there is no `==` and no `!=`")
                .with_hint("write --constraint node.labels.disk==ssd"));
        }
        if !self.swarm && !self.constraints.is_empty() {
            let message =
                "--constraint and --node choose among the nodes of a swarm, but the task is for one engine";
            return Err(Error::new(crate::error::ErrorKind::InvalidInput, message).with_hint("add --swarm"));
        }
        if self.stop_timeout.is_some_and(|t| t < -1) {
            let given = self.stop_timeout.unwrap_or_default().to_string();
            return Err(Error::invalid("stop timeout", &given, "the least is -1, which waits for ever")
                .with_hint("write --stop-timeout 10"));
        }
        Ok(())
    }
}

fn yes() -> bool {
    true
}

fn three() -> u32 {
    3
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_true(value: &bool) -> bool {
    *value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_three(value: &u32) -> bool {
    *value == 3
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A task file of fields that are known or not, with values that fit or not.
    fn task_file() -> impl Strategy<Value = String> {
        let name = prop::sample::select(vec![
            "name",
            "command",
            "env",
            "cpus",
            "memory",
            "disk",
            "expose",
            "publish",
            "publish_all",
            "restart",
            "labels",
            "health",
            "ttl",
            "pull",
            "volumes",
            "tmpfs",
            "network",
            "stop_signal",
            "add_hosts",
            "bind",
        ]);
        let text = "[a-z0-9:/=. -]{0,12}".prop_map(|text| format!("{text:?}"));
        let value = prop_oneof![
            text.clone(),
            text.prop_map(|text| format!("[{text}]")),
            any::<i64>().prop_map(|number| number.to_string()),
            prop::sample::select(vec!["null", "true", "{}", "[]", "1e400", "\"64m\"", "[\"80/tcp\"]"])
                .prop_map(str::to_owned),
        ];
        prop::collection::vec((name, value), 0..6).prop_map(|fields| {
            let fields: String = fields.iter().map(|(name, value)| format!(",\"{name}\":{value}")).collect();
            format!("{{\"image\":\"a\"{fields}}}")
        })
    }

    proptest! {
        #[test]
        fn any_task_file_is_read_or_refused(text in task_file()) {
            if let Ok(config) = serde_json::from_str::<Config>(&text) {
                let again: Config = serde_json::from_str(&serde_json::to_string(&config).unwrap()).unwrap();
                prop_assert_eq!(config.check().is_ok(), again.check().is_ok());
                prop_assert_eq!(config, again);
            }
        }

        #[test]
        fn no_text_makes_the_reader_of_task_files_panic(text in "\\PC{0,80}|[\\[{\"\\\\,:}\\]a-z0-9]{0,80}") {
            let _ = serde_json::from_str::<Config>(&text);
        }
    }

    fn config(json: &str) -> Config {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn an_image_alone_is_a_config_with_every_default() {
        let config = config(r#"{"image": "postgres"}"#);
        assert_eq!(config, Config::new("postgres".parse().unwrap()));
        assert_eq!(serde_json::to_string(&config).unwrap(), r#"{"image":"postgres"}"#);
    }

    #[test]
    fn a_config_survives_its_json_form() {
        let json = r#"{"image":"postgres:13","name":"db","command":["postgres","-c","fsync=off"],
            "env":["A=1","B"],"cpus":"0.5","memory":"64m","disk":"1g","expose":["80/tcp"],
            "publish":["127.0.0.1:8080:80/tcp"],"publish_all":false,"restart":"on-failure:3",
            "labels":{"a":"b"},"health":{"command":"true","interval":"1s"},"ttl":"1h","pull":"always"}"#;
        let config = config(json);
        let again: Config = serde_json::from_str(&serde_json::to_string(&config).unwrap()).unwrap();
        assert_eq!(config, again);
        assert_eq!(config.memory.unwrap().bytes(), 64 << 20);
        assert_eq!(config.ttl, Some(Duration::from_hours(1)));
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let error = serde_json::from_str::<Config>(r#"{"image":"a","imgae":"b"}"#).unwrap_err();
        assert!(error.to_string().contains("imgae"), "{error}");
    }

    #[test]
    fn env_values_can_be_left_out() {
        let shown = config(r#"{"image":"a","env":["PASSWORD=secret"]}"#).without_env_values();
        assert_eq!(serde_json::to_string(&shown).unwrap(), r#"{"image":"a","env":["PASSWORD"]}"#);
    }

    #[test]
    fn too_little_memory_or_cpu_and_cubes_own_labels_are_refused() {
        assert!(config(r#"{"image":"a","cpus":"0.009"}"#).check().is_err());
        assert!(config(r#"{"image":"a","cpus":"0.01"}"#).check().is_ok());
        assert!(config(r#"{"image":"a","memory":512}"#).check().is_err());
        assert!(config(r#"{"image":"a","memory":0,"cpus":0}"#).check().is_ok());
        assert!(config(r#"{"image":"a","labels":{"cube.task.id":"x"}}"#).check().is_err());
        assert!(config(r#"{"image":"a","memory":"6m"}"#).check().is_ok());
    }
}
