//! Lists the registries with credentials in Docker's config.json, without reading the credentials.

use std::{collections::BTreeMap, io};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    address::Surroundings,
    error::{Error, ErrorKind},
};

/// The largest config.json that is read, in bytes.
const LARGEST: u64 = 1 << 20;

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct LoginConfig {
    auths: BTreeMap<String, Value>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

/// The registries with credentials, and the helpers that store credentials (`store NAME`, `REGISTRY by NAME`). No
/// helper is run. Empty if there is no config.json.
///
/// # Errors
/// [`ErrorKind::File`] if the file cannot be read or is not a valid config.json.
pub fn logins(surroundings: &Surroundings) -> Result<Vec<String>, Error> {
    let Some(file) = surroundings.config_file() else { return Ok(Vec::new()) };
    let unusable = |cause: String| {
        Error::new(ErrorKind::File, format!("cannot use {}", file.display()))
            .with_source(cause)
            .with_hint("mend or remove the file; `docker login` writes a new one")
    };
    let text = match bounded(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(|error| unusable(error.to_string()))?,
    };
    let config: LoginConfig =
        serde_json::from_slice(&text).map_err(|error| unusable(format!("line {}", error.line())))?;
    let helpers = config.cred_helpers.iter().map(|(registry, helper)| format!("{registry} by {helper}"));
    let store = config.creds_store.iter().filter(|name| !name.is_empty()).map(|name| format!("store {name}"));
    Ok(config.auths.keys().cloned().chain(helpers).chain(store).collect())
}

fn bounded(file: &std::path::Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(std::fs::File::open(file)?, LARGEST), &mut text)?;
    Ok(text)
}
