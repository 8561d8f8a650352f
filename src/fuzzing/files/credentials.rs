//! Docker's config.json, and what credential helpers answer.

use base64::{Engine as _, prelude::BASE64_URL_SAFE};
use serde_json::Value;

use crate::docker::image::credentials::{
    CredentialStore, Credentials, all::kept, helper, login::Login, of_entry, parsed, place,
};

const HUB: &str = "https://index.docker.io/v1/";

pub(crate) fn check(bytes: &[u8]) {
    if let Ok(login) = helper::login(bytes) {
        check_header(login, "helper");
    }
    let text = String::from_utf8_lossy(bytes);
    let reason = helper::reason(&text, &text);
    assert!(!reason.is_empty() && !reason.contains('\n'));
    let config = match parsed("config", bytes) {
        Ok(config) => config,
        Err(error) => {
            // Where it is wrong, and nothing of what it holds.
            assert!(error.to_string().len() < 80, "{error}");
            return;
        }
    };
    let auths = config.get("auths").and_then(Value::as_object).into_iter().flatten();
    for (registry, entry) in auths.clone() {
        let _ = kept("config", registry, entry);
    }
    for key in auths.map(|(registry, _)| registry.as_str()).chain([HUB, "r.example:5000"]) {
        if let Some(CredentialStore::Entry(entry)) = place(&config, key)
            && let Ok(Some(login)) = of_entry(&entry)
        {
            check_header(login, key);
        }
    }
}

/// The header holds the login, in the one alphabet that engines read.
fn check_header(login: Login, server: &str) {
    let (user, password, token) = match &login {
        Login::Password(user, password) => (user.clone(), password.clone(), None),
        Login::Token(token) => (String::new(), String::new(), Some(token.clone())),
    };
    let header = Credentials::new(server, login).header_value();
    let sent: Value = serde_json::from_slice(&BASE64_URL_SAFE.decode(header).unwrap()).unwrap();
    let field = |name: &str| sent.get(name).and_then(Value::as_str);
    assert_eq!(field("username").unwrap_or_default(), user);
    assert_eq!(field("password").unwrap_or_default(), password);
    assert_eq!(field("identitytoken"), token.as_deref());
    assert_eq!(field("serveraddress"), Some(server));
}
