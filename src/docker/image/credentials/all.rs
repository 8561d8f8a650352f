//! Collects all credentials in the caller's configuration, for a task with `--use-api-socket`.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

use crate::{
    docker::image::credentials::{CredentialSources, Login, decoded, helper, parsed, unusable},
    error::Error,
    event::{Event, Events},
};

/// The fields of an entry that are kept; a user and a password become `auth`.
const KEPT: [&str; 4] = ["auth", "email", "identitytoken", "registrytoken"];

impl CredentialSources {
    /// All credentials, as the `auths` of a config.json: those of the variable if it has any, else those of the file
    /// and its helpers. As with Docker's CLI, a helper of a single registry that fails is a warning.
    pub(crate) async fn all(&self, events: Events<'_>) -> Result<Map<String, Value>, Error> {
        if let Some(text) = &self.variable {
            let auths = entries("DOCKER_AUTH_CONFIG", &parsed("DOCKER_AUTH_CONFIG", text.as_bytes())?)?;
            if !auths.is_empty() {
                return Ok(auths);
            }
        }
        let Some((source, text)) = self.read_file()? else { return Ok(Map::new()) };
        let config = parsed(&source, &text)?;
        let store = config.get("credsStore").and_then(Value::as_str).filter(|name| !name.is_empty());
        let mut auths = match store {
            Some(store) => stored(&source, store).await?,
            None => entries(&source, &config)?,
        };
        let helpers = config.get("credHelpers").and_then(Value::as_object).into_iter().flatten();
        for (registry, name) in helpers {
            match helper::ask(name.as_str().unwrap_or_default(), registry).await {
                Ok(login) => {
                    auths.insert(registry.clone(), login.map(of_login).unwrap_or_default().into());
                }
                Err(reason) => events(Event::Warning(unusable(&source, registry, &reason).to_string())),
            }
        }
        Ok(auths)
    }
}

/// All credentials in the store `name`.
async fn stored(source: &str, name: &str) -> Result<Map<String, Value>, Error> {
    let failed = |registry: &str, reason: String| unusable(source, registry, &reason);
    let mut auths = Map::new();
    for registry in helper::list(name).await.map_err(|reason| failed("any registry", reason))? {
        let login = helper::ask(name, &registry).await.map_err(|reason| failed(&registry, reason))?;
        if let Some(login) = login {
            auths.insert(registry, of_login(login).into());
        }
    }
    Ok(auths)
}

/// The entries of the configuration itself.
fn entries(source: &str, config: &Map<String, Value>) -> Result<Map<String, Value>, Error> {
    let auths = config.get("auths").and_then(Value::as_object).into_iter().flatten();
    auths.map(|(registry, entry)| Ok((registry.clone(), kept(source, registry, entry)?.into()))).collect()
}

pub(crate) fn kept(source: &str, registry: &str, entry: &Value) -> Result<Map<String, Value>, Error> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let mut kept: Map<String, Value> =
        KEPT.iter().filter_map(|name| Some(((*name).to_owned(), text(name)?.into()))).collect();
    let login = match text("auth") {
        Some(auth) => {
            Some(decoded(auth).ok_or_else(|| unusable(source, registry, "its entry cannot be decoded"))?)
        }
        None => {
            text("username").map(|user| (user.to_owned(), text("password").unwrap_or_default().to_owned()))
        }
    };
    if let Some((user, password)) = login {
        kept.extend(of_login(Login::Password(user, password)));
    }
    Ok(kept)
}

fn of_login(login: Login) -> Map<String, Value> {
    let (name, text) = match login {
        Login::Password(user, password) => ("auth", BASE64_STANDARD.encode(format!("{user}:{password}"))),
        Login::Token(token) => ("identitytoken", token),
    };
    Map::from_iter([(name.to_owned(), text.into())])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_is_kept_as_docker_writes_it() {
        for (entry, written) in [
            (json!({"auth": "dTpw"}), json!({"auth": "dTpw"})),
            (json!({"auth": "dTpw\n", "username": "x", "serveraddress": "r"}), json!({"auth": "dTpw"})),
            (json!({"username": "u", "password": "p", "email": "e"}), json!({"auth": "dTpw", "email": "e"})),
            (json!({"identitytoken": "t", "auth": ""}), json!({"identitytoken": "t"})),
            (json!({}), json!({})),
        ] {
            assert_eq!(Value::from(kept("file", "r", &entry).unwrap()), written, "{entry}");
        }
        let error = kept("file", "r", &json!({"auth": "s3cret"})).unwrap_err();
        assert!(!format!("{error:?}").contains("s3cret"));
    }
}
