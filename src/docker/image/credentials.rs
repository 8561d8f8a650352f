//! Reads registry credentials where `docker login` stores them, and formats them for the engine.

pub(crate) mod all;
pub(crate) mod helper;
pub(crate) mod login;

use std::{fmt, io, path::PathBuf};

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    prelude::BASE64_URL_SAFE,
};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    address::Surroundings,
    docker::image::credentials::login::Login,
    error::{Error, ErrorKind},
    small_file::{self, LARGEST_CONFIG},
};

/// Accepts `auth` with and without padding: Docker writes it with padding, other tools do not.
const BASE64_ANY_PADDING: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The credentials for one registry: a user and a password, or an identity token.
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
    pub(crate) fn new(server: &str, found: Login) -> Self {
        let (username, password, identity_token) = match found {
            Login::Password(username, password) => (username, password, None),
            Login::Token(token) => (String::new(), String::new(), Some(token)),
        };
        Self { username, password, identity_token, server: server.into() }
    }

    /// The value of `X-Registry-Auth`: JSON in URL-safe base64 with padding. Engines silently ignore any other
    /// alphabet.
    pub(crate) fn header_value(&self) -> String {
        // Serializing strings cannot fail.
        BASE64_URL_SAFE.encode(serde_json::to_vec(self).unwrap_or_default())
    }
}

/// The sources of credentials: `DOCKER_AUTH_CONFIG`, then Docker's config.json.
#[derive(Clone)]
pub(crate) struct CredentialSources {
    variable: Option<String>,
    file: Option<PathBuf>,
}

impl CredentialSources {
    pub(crate) fn of(surroundings: &Surroundings) -> Self {
        Self { variable: surroundings.var("DOCKER_AUTH_CONFIG"), file: surroundings.config_file() }
    }

    /// The credentials for a registry. `key` is its name in config.json: its domain, or `https://index.docker.io/v1/`.
    /// Without credentials, the pull is anonymous.
    pub(crate) async fn find(&self, key: &str) -> Result<Option<Credentials>, Error> {
        if let Some(text) = &self.variable {
            let found = look_up("DOCKER_AUTH_CONFIG", text.as_bytes(), key).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        match self.read_file()? {
            Some((source, text)) => look_up(&source, &text, key).await,
            None => Ok(None),
        }
    }

    /// The path and the text of config.json, if it exists.
    fn read_file(&self) -> Result<Option<(String, Vec<u8>)>, Error> {
        let Some(file) = &self.file else { return Ok(None) };
        match small_file::read(file, LARGEST_CONFIG) {
            Ok(text) => Ok(Some((file.display().to_string(), text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::new(ErrorKind::File, format!("cannot read {}", file.display()))
                .with_hint("make the file readable, or set DOCKER_CONFIG to another folder")
                .with_source(error)),
        }
    }
}

/// The credentials for `key` in `text`, the config.json from `source`.
async fn look_up(source: &str, text: &[u8], key: &str) -> Result<Option<Credentials>, Error> {
    let config = parsed(source, text)?;
    let found = match place(&config, key) {
        // As with Docker, an entry of the file stands in for a helper that fails.
        Some(CredentialStore::Helper(name)) => helper::ask(&name, key).await.or_else(|reason| {
            match entry(config.get("auths"), key).map(|entry| of_entry(&entry)) {
                Some(Ok(Some(login))) => Ok(Some(login)),
                _ => Err(reason),
            }
        }),
        Some(CredentialStore::Entry(entry)) => of_entry(&entry),
        None => Ok(None),
    };
    found
        .map(|found| found.map(|found| Credentials::new(key, found)))
        .map_err(|reason| unusable(source, key, &reason))
}

/// Parses the config.json from `source`; an empty one has no entries.
pub(crate) fn parsed(source: &str, text: &[u8]) -> Result<Map<String, Value>, Error> {
    if text.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(text).map_err(|error| {
        let at = format!("line {} column {}", error.line(), error.column());
        Error::new(ErrorKind::InvalidInput, format!("{source} is not what Docker writes, at {at}"))
            .with_hint("mend it, or write it anew by `docker login`")
    })
}

/// Where a registry's credentials are stored.
pub(crate) enum CredentialStore {
    /// In the helper with this name.
    Helper(String),
    /// In the configuration itself.
    Entry(Map<String, Value>),
}

/// The one place where Docker looks for `key`: its helper, else the store, else its entry.
pub(crate) fn place(config: &Map<String, Value>, key: &str) -> Option<CredentialStore> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let own = text(config.get("credHelpers").and_then(|helpers| helpers.get(key)));
    let store = text(config.get("credsStore")).filter(|name| !name.is_empty());
    // An empty helper exempts a registry from the store.
    match own.or(store).filter(|name| !name.is_empty()) {
        Some(name) => Some(CredentialStore::Helper(name)),
        None => entry(config.get("auths"), key).map(CredentialStore::Entry),
    }
}

/// The login in an entry: a token, else `auth`, else a user and a password.
pub(crate) fn of_entry(entry: &Map<String, Value>) -> Result<Option<Login>, String> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
    if let Some(token) = text("identitytoken") {
        return Ok(Some(Login::Token(token)));
    }
    match text("auth") {
        Some(auth) => {
            let decoded = decoded(&auth).ok_or("its entry cannot be decoded")?;
            Ok(Some(Login::Password(decoded.0, decoded.1)))
        }
        None => {
            Ok(text("username").zip(text("password")).map(|(user, password)| Login::Password(user, password)))
        }
    }
}

/// Decodes `user:password` in base64. Line breaks are ignored, since some tools wrap base64.
fn decoded(auth: &str) -> Option<(String, String)> {
    let auth = auth.replace(['\r', '\n'], "");
    let text = String::from_utf8(BASE64_ANY_PADDING.decode(auth).ok()?).ok()?;
    text.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
}

/// The entry for `key`: the one with this name, else the one whose name has this host. As with Docker, empty fields
/// count as missing, and `auth` wins over a user and password in the same entry.
fn entry(auths: Option<&Value>, key: &str) -> Option<Map<String, Value>> {
    let auths = auths?.as_object()?;
    let found = auths
        .get(key)
        .or_else(|| auths.iter().find(|(name, _)| host_of(name) == key).map(|(_, entry)| entry));
    let mut entry = found?.as_object()?.clone();
    entry.retain(|_, value| value.as_str().is_some_and(|text| !text.is_empty()));
    if entry.contains_key("auth") {
        entry.retain(|name, _| !matches!(name.as_str(), "username" | "password"));
    }
    Some(entry)
}

/// The host in the older form of an entry's name: `https://host:port/v1/` → `host:port`.
fn host_of(name: &str) -> &str {
    let rest = name.split_once("://").map_or(name, |(_, rest)| rest);
    rest.split_once('/').map_or(rest, |(host, _)| host)
}

fn unusable(source: &str, key: &str, reason: &str) -> Error {
    Error::new(ErrorKind::RegistryAuth, format!("no credentials for {key} from {source}: {reason}"))
        .with_hint("try `docker login`, or mend credsStore, credHelpers or auths there")
}

#[cfg(test)]
mod tests;
