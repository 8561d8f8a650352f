//! The JSON form of a config: all fields on one level, read one by one.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeSeed, Error as _, MapAccess, Visitor},
    ser::SerializeMap,
};

use crate::{
    config::{
        Config, PULL_RETRIES,
        group::{self, group},
        health::HealthCheck,
        value::{
            duration::DurationText,
            image::{ImageRef, platform::Platform, pull::PullPolicy},
            name::Name,
        },
    },
    error::{Error, ErrorKind},
};

group! { fields of Config {
    /// The container's name; the engine chooses one if it is left out.
    name: Option<Name> = None;
    /// Labels. Those that begin with `cube.` are cube's own and refused.
    labels: std::collections::BTreeMap<String, String> = std::collections::BTreeMap::new();
    /// Annotations for the OCI runtime.
    annotation: std::collections::BTreeMap<String, String> = std::collections::BTreeMap::new();
    /// The platform to pull and run; the engine's own if left out.
    platform: Option<Platform> = None;
    /// When the image is pulled: `missing` (by default), `always` or `never`.
    pull: PullPolicy = PullPolicy::Missing;
    /// How often a pull is tried again after a network error or a 5xx answer. 3 by default.
    pull_retries: u32 = PULL_RETRIES;
    /// From this age on, any cube command on the engine may remove the task. Unlimited if left out.
    ttl: Option<std::time::Duration> = None, as DurationText;
    /// The new file to which the command line writes the id; the engine only shows its name.
    cidfile: Option<String> = None;
    /// Whether the task goes to the swarm that the engine manages, as a service of one replica.
    swarm: bool = false;
    /// Which nodes of the swarm may run it: `node.labels.disk==ssd`, `node.hostname!=web`. All must hold.
    constraints: Vec<String> = Vec::new();
    /// How the engine checks whether the task is healthy.
    health: HealthCheck = HealthCheck::default();
} }

impl Config {
    /// Reads a task file, which is the JSON form of [`Config`]. `image` replaces the file's image, which may then be
    /// missing.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`], naming field and line but never a value.
    pub fn from_json(text: &[u8], image: Option<ImageRef>) -> Result<Self, Error> {
        let mut json = serde_json::Deserializer::from_slice(text);
        let read = ConfigReader { image }.deserialize(&mut json);
        let whole = read.and_then(|config| json.end().map(|()| config));
        whole.map_err(|cause| Error::new(ErrorKind::InvalidInput, group::without_value(&cause.to_string())))
    }
}

impl Serialize for Config {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("image", &self.image)?;
        self.write_fields(&mut map)?;
        self.process.write_fields(&mut map)?;
        self.limits.write_fields(&mut map)?;
        self.network.write_fields(&mut map)?;
        self.storage.write_fields(&mut map)?;
        self.security.write_fields(&mut map)?;
        self.files.write_fields(&mut map)?;
        self.logging.write_fields(&mut map)?;
        self.readiness.write_fields(&mut map)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ConfigReader { image: None }.deserialize(deserializer)
    }
}

struct ConfigReader {
    image: Option<ImageRef>,
}

impl<'de> DeserializeSeed<'de> for ConfigReader {
    type Value = Config;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Config, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ConfigReader {
    type Value = Config;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the fields of a task")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Config, A::Error> {
        let (mut image, mut config) = (None, Config::new(ImageRef::unset()));
        let mut seen = Seen::default();
        while let Some(key) = seen.next_key(&mut map)? {
            if key == "image" {
                image = Some(group::value::<ImageRef, A>(key, &mut map)?);
            } else if !config.read(key, &mut map)? {
                return Err(unknown(key));
            }
        }
        config.image = self.image.or(image).ok_or_else(|| A::Error::missing_field("image"))?;
        Ok(config)
    }
}

impl Config {
    fn read<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        Ok(self.read_field(key, map)?
            || self.process.read_field(key, map)?
            || self.limits.read_field(key, map)?
            || self.network.read_field(key, map)?
            || self.storage.read_field(key, map)?
            || self.security.read_field(key, map)?
            || self.files.read_field(key, map)?
            || self.logging.read_field(key, map)?
            || self.readiness.read_field(key, map)?)
    }
}

impl Serialize for HealthCheck {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.write_fields(&mut map)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for HealthCheck {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HealthReader)
    }
}

struct HealthReader;

impl<'de> Visitor<'de> for HealthReader {
    type Value = HealthCheck;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the fields of a health check")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HealthCheck, A::Error> {
        let (mut health, mut seen) = (HealthCheck::default(), Seen::default());
        while let Some(key) = seen.next_key(&mut map)? {
            if !health.read_field(key, &mut map)? {
                return Err(unknown(key));
            }
        }
        Ok(health)
    }
}

/// The names of the fields so far: each may occur once.
#[derive(Default)]
struct Seen(Vec<String>);

impl Seen {
    fn next_key<'de, A: MapAccess<'de>>(&mut self, map: &mut A) -> Result<Option<&str>, A::Error> {
        let Some(key) = map.next_key::<String>()? else { return Ok(None) };
        if self.0.contains(&key) {
            return Err(A::Error::custom(format_args!("duplicate field `{key}`")));
        }
        self.0.push(key);
        Ok(self.0.last().map(String::as_str))
    }
}

fn unknown<E: serde::de::Error>(key: &str) -> E {
    E::custom(format_args!("unknown field `{key}`"))
}
