//! Registry credentials as `docker login` left them, and their form for the engine.

use std::{fmt, io, path::PathBuf};

use base64::{Engine as _, prelude::BASE64_URL_SAFE};
use docker_credential::{CredentialRetrievalError as Failure, DockerCredential, get_credential_from_reader};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::task::spawn_blocking;

use crate::{
    address::Surroundings,
    error::{Error, ErrorKind},
};

/// What a helper answers on its standard output where it has nothing, in every implementation.
const NOT_FOUND: &str = "credentials not found in native keychain";

/// How a registry is to be logged in to: a user and a password, or an identity token.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Credentials {
    #[serde(skip_serializing_if = "String::is_empty")]
    username: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    password: String,
    #[serde(rename = "identitytoken", skip_serializing_if = "Option::is_none")]
    identity_token: Option<String>,
    #[serde(rename = "serveraddress")]
    server: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Credentials {
    fn new(server: &str, found: DockerCredential) -> Self {
        let (username, password, identity_token) = match found {
            DockerCredential::UsernamePassword(username, password) => (username, password, None),
            DockerCredential::IdentityToken(token) => (String::new(), String::new(), Some(token)),
        };
        Self { username, password, identity_token, server: server.into() }
    }

    /// The value of `X-Registry-Auth`: JSON in the URL-safe alphabet of base64, with padding.
    /// Engines take any other alphabet for no credentials at all.
    pub(crate) fn header_value(&self) -> String {
        // Text fields cannot fail to become JSON.
        BASE64_URL_SAFE.encode(serde_json::to_vec(self).unwrap_or_default())
    }
}

/// Where credentials are looked up: `DOCKER_AUTH_CONFIG`, then Docker's config.json.
#[derive(Clone)]
pub(crate) struct CredentialSources {
    variable: Option<String>,
    file: Option<PathBuf>,
}

impl CredentialSources {
    pub(crate) fn of(surroundings: &Surroundings) -> Self {
        Self { variable: surroundings.var("DOCKER_AUTH_CONFIG"), file: surroundings.config_file() }
    }

    /// The credentials for a registry, named as config.json names it: its domain, or
    /// `https://index.docker.io/v1/`. None found means an anonymous pull.
    ///
    /// Helpers may take long (they may ask the user), so this does not run on the caller's thread.
    pub(crate) async fn find(&self, registry_key: &str) -> Result<Option<Credentials>, Error> {
        let (sources, key) = (self.clone(), registry_key.to_owned());
        spawn_blocking(move || sources.find_now(&key)).await.map_err(|error| {
            Error::new(ErrorKind::RegistryAuth, "the search for credentials broke off").with_source(error)
        })?
    }

    fn find_now(&self, key: &str) -> Result<Option<Credentials>, Error> {
        if let Some(text) = &self.variable {
            let found = look_up("DOCKER_AUTH_CONFIG", text.as_bytes(), key)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        let Some(file) = &self.file else { return Ok(None) };
        match std::fs::read(file) {
            Ok(text) => look_up(&file.display().to_string(), &text, key),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::new(ErrorKind::File, format!("cannot read {}", file.display()))
                .with_hint("make the file readable, or set DOCKER_CONFIG to another folder")
                .with_source(error)),
        }
    }
}

/// The credentials for `key` in `text`, the config.json that `source` holds.
fn look_up(source: &str, text: &[u8], key: &str) -> Result<Option<Credentials>, Error> {
    if text.trim_ascii().is_empty() {
        return Ok(None);
    }
    let config: Map<String, Value> = serde_json::from_slice(text).map_err(|error| {
        let at = format!("line {} column {}", error.line(), error.column());
        Error::new(ErrorKind::InvalidInput, format!("{source} is not what Docker writes, at {at}"))
            .with_hint("mend it, or write it anew by `docker login`")
    })?;
    let config = Value::Object(only_source(config, key)).to_string();
    match get_credential_from_reader(config.as_bytes(), key) {
        Ok(found) => Ok(Some(Credentials::new(key, found))),
        Err(Failure::NoCredentialConfigured) => Ok(None),
        Err(Failure::HelperFailure { stdout, .. }) if stdout.trim() == NOT_FOUND => Ok(None),
        Err(failure) => Err(unusable(source, key, &failure)),
    }
}

/// The config reduced to the one source that Docker asks for `key`: its helper, else the store,
/// else its entry. The crate would ask entries before the store, and knows fewer spellings.
fn only_source(mut config: Map<String, Value>, key: &str) -> Map<String, Value> {
    let set = |value: Option<&Value>| value.and_then(Value::as_str).map(|text| !text.is_empty());
    let helper = set(config.get("credHelpers").and_then(|helpers| helpers.get(key)));
    let store = set(config.get("credsStore")) == Some(true);
    let mut only = Map::new();
    let mut keep =
        |name: &str, value: Option<Value>| only.extend(value.map(|value| (name.to_owned(), value)));
    match helper {
        Some(true) => keep("credHelpers", config.remove("credHelpers")),
        None if store => keep("credsStore", config.remove("credsStore")),
        // An empty helper exempts a registry from the store.
        _ => keep(
            "auths",
            entry(config.get("auths"), key).map(|entry| [(key.to_owned(), entry)].into_iter().collect()),
        ),
    }
    only
}

/// The entry for `key`: by this very name, else by the host in an entry's name. Empty fields count as
/// missing, and `auth` wins over a user and password beside it, as with Docker.
fn entry(auths: Option<&Value>, key: &str) -> Option<Value> {
    let auths = auths?.as_object()?;
    let found = auths
        .get(key)
        .or_else(|| auths.iter().find(|(name, _)| host_of(name) == key).map(|(_, entry)| entry));
    let mut entry = found?.as_object()?.clone();
    entry.retain(|_, value| value.as_str().is_some_and(|text| !text.is_empty()));
    if entry.contains_key("auth") {
        entry.retain(|name, _| !matches!(name.as_str(), "username" | "password"));
    }
    Some(Value::Object(entry))
}

/// `https://host:port/v1/` → `host:port`, the older form of an entry's name.
fn host_of(name: &str) -> &str {
    let rest = name.split_once("://").map_or(name, |(_, rest)| rest);
    rest.split_once('/').map_or(rest, |(host, _)| host)
}

fn unusable(source: &str, key: &str, failure: &Failure) -> Error {
    let reason = match failure {
        Failure::HelperCommunicationError => "the credential helper cannot be started".into(),
        Failure::MalformedHelperResponse => "the credential helper's answer cannot be understood".into(),
        Failure::HelperFailure { helper, stdout, stderr } => {
            let said: String = said(stdout, stderr).chars().filter(|c| !c.is_control()).take(300).collect();
            format!("{helper} failed: {said}")
        }
        _ => "its entry cannot be decoded".to_owned(),
    };
    Error::new(ErrorKind::RegistryAuth, format!("no credentials for {key} from {source}: {reason}"))
        .with_hint("try `docker login`, or mend credsStore, credHelpers or auths there")
}

/// The line that tells why a helper failed. Its standard output may be JSON, with a secret in it.
fn said<'a>(stdout: &'a str, stderr: &'a str) -> &'a str {
    let stdout = if stdout.contains('{') { "" } else { stdout };
    stderr
        .lines()
        .chain(stdout.lines())
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or("it does not say why")
}

#[cfg(test)]
mod tests;
