//! The description of a task before it runs. Its JSON form is the task file of `--file`.

mod csv;
mod decimal;
pub mod files;
mod group;
pub mod health;
mod json;
pub(crate) mod key_value_file;
pub mod limits;
pub mod logging;
pub mod network;
pub mod process;
pub mod readiness;
#[cfg(test)]
mod schema;
pub mod security;
pub mod storage;
mod text;
pub mod value;

use std::{collections::BTreeMap, time::Duration};

use crate::{
    config::{
        files::Files,
        health::HealthCheck,
        limits::Limits,
        logging::Logging,
        network::Network,
        process::Process,
        readiness::Readiness,
        security::Security,
        storage::Storage,
        value::{
            env::EnvVar,
            image::{ImageRef, platform::Platform, pull::PullPolicy},
            name::Name,
        },
    },
    error::{Error, ErrorKind},
};

/// How often a failed pull is tried again by default.
const PULL_RETRIES: u32 = 3;

/// The complete description of a task: one container. [`Config::new`] gives the defaults.
///
/// Names and meanings are those of `docker run`. In JSON the fields of all groups are on one level; only the health
/// check is an object of its own (`{"image": "postgres", "memory": "1g", "health": {"retries": 5}}`). A field that is
/// left out has its default; an unknown field is refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The image. Without tag or digest it is `:latest`.
    pub image: ImageRef,
    /// The container's name; the engine chooses one if it is left out.
    pub name: Option<Name>,
    /// Labels. Those that begin with `cube.` are cube's own and refused.
    pub labels: BTreeMap<String, String>,
    /// Annotations for the OCI runtime.
    pub annotation: BTreeMap<String, String>,
    /// The platform to pull and run; the engine's own if left out.
    pub platform: Option<Platform>,
    /// When the image is pulled: `missing` (by default), `always` or `never`.
    pub pull: PullPolicy,
    /// How often a pull is tried again after a network error or a 5xx answer. 3 by default.
    pub pull_retries: u32,
    /// From this age on, any cube command on the engine may remove the task. Unlimited if left out.
    pub ttl: Option<Duration>,
    /// The new file to which the command line writes the id; the engine only shows its name.
    pub cidfile: Option<String>,
    /// Whether the task goes to the swarm that the engine manages, as a service of one replica.
    pub swarm: bool,
    /// Which nodes of the swarm may run it: `node.labels.disk==ssd`, `node.hostname!=web`. All must hold.
    pub constraints: Vec<String>,
    /// What runs in the container, and how it ends.
    pub process: Process,
    /// What the task may use of the machine.
    pub limits: Limits,
    /// The task's networks, names, addresses and ports.
    pub network: Network,
    /// What is mounted into the container.
    pub storage: Storage,
    /// What the task may do on the machine, and what it sees of the machine.
    pub security: Security,
    /// Files to copy in before the start and out at the end.
    pub files: Files,
    /// How the engine checks whether the task is healthy.
    pub health: HealthCheck,
    /// The log driver, by which the engine stores the task's output.
    pub logging: Logging,
    /// When the task counts as ready.
    pub readiness: Readiness,
}

impl Config {
    /// How long a task may take to become ready if the config does not say.
    pub const WAIT_TIMEOUT: Duration = Duration::from_mins(1);

    /// A task of `image` with all defaults.
    #[must_use]
    pub fn new(image: ImageRef) -> Self {
        Self {
            image,
            name: None,
            labels: BTreeMap::new(),
            annotation: BTreeMap::new(),
            platform: None,
            pull: PullPolicy::default(),
            pull_retries: PULL_RETRIES,
            ttl: None,
            cidfile: None,
            swarm: false,
            constraints: Vec::new(),
            process: Process::default(),
            limits: Limits::default(),
            network: Network::default(),
            storage: Storage::default(),
            security: Security::default(),
            files: Files::default(),
            health: HealthCheck::default(),
            logging: Logging::default(),
            readiness: Readiness::default(),
        }
    }

    /// The same config with the names of its environment variables only, safe to show.
    #[must_use]
    pub fn without_env_values(mut self) -> Self {
        self.process.env = self.process.env.into_iter().map(EnvVar::without_value).collect();
        self
    }

    /// Checks combinations of fields and their limits, which no single value can check.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidInput`] naming the value.
    pub fn check(&self) -> Result<(), Error> {
        self.limits.check()?;
        self.process.check()?;
        self.network.check()?;
        self.security.check()?;
        self.logging.check()?;
        self.health.check()?;
        self.readiness.check()?;
        if let Some(label) = self.labels.keys().find(|k| k.starts_with("cube.")) {
            return Err(Error::invalid("label", label, "names that begin with `cube.` are cube's own")
                .with_hint("choose another --label"));
        }
        self.check_placement()
    }

    fn check_placement(&self) -> Result<(), Error> {
        if let Some(constraint) = self.constraints.iter().find(|c| !c.contains("==") && !c.contains("!=")) {
            return Err(Error::invalid("constraint", constraint, "there is no `==` and no `!=`")
                .with_hint("write --constraint node.labels.disk==ssd"));
        }
        if !self.swarm && !self.constraints.is_empty() {
            let message =
                "--constraint and --node choose among the nodes of a swarm, but the task is for one engine";
            return Err(Error::new(ErrorKind::InvalidInput, message).with_hint("add --swarm"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A task file with known and unknown fields, and with right and wrong values.
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
        assert_eq!(config.limits.memory.unwrap().bytes(), 64 << 20);
        assert_eq!(config.ttl, Some(Duration::from_hours(1)));
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let error = serde_json::from_str::<Config>(r#"{"image":"a","imgae":"b"}"#).unwrap_err();
        assert!(error.to_string().contains("imgae"), "{error}");
    }

    #[test]
    fn a_value_of_a_wrong_type_is_named_by_field_and_line_and_not_shown() {
        for (json, message) in [
            ("{\"image\":\"a\",\n\"env\":\"A=s3cret\"}", "field `env`: expected a list at line 2 column "),
            (
                "{\"image\":\"a\",\n\"env\":[\"A=s3cret\",7]}",
                "field `env`: expected an environment variable as a string at line 2 column ",
            ),
            ("{\"env\":{\"A\":\"s3cret\"}}", "field `env`: expected a list at line 1 column "),
            ("{\"init\":\"s3cret\"}", "field `init`: expected true or false at line 1 column "),
            (
                "{\"health\":{\"retries\":\"s3cret\"}}",
                "field `health`: field `retries`: expected a whole number that is not negative at line 1 column ",
            ),
            ("{\"memory\":[\"s3cret\"]}", "field `memory`: expected a number or a string at line 1 column "),
            ("{\"ttl\":{}}", "field `ttl`: expected a number or a string at line 1 column "),
            ("[\"s3cret\"]", "expected an object with the fields of a task at line 1 column "),
            ("\"s3cret\"", "expected an object with the fields of a task at line 1 column "),
            ("{\"image\":\"a\",\"image\":\"b\"}", "duplicate field `image` at line 1 column "),
            ("{\"image\":\"a\"} s3cret", "trailing characters at line 1 column "),
        ] {
            let error = Config::from_json(json.as_bytes(), None).unwrap_err();
            assert!(error.to_string().starts_with(message), "{json}: {error}");
        }
    }

    #[test]
    fn a_separate_image_replaces_that_of_the_file() {
        for json in ["{}", r#"{"image":"b"}"#] {
            let config = Config::from_json(json.as_bytes(), Some("a".parse().unwrap())).unwrap();
            assert_eq!(config.image.as_str(), "a");
        }
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
