//! The proxies of Docker's config.json, which a client gives to its containers as environment variables.

use std::{collections::HashMap, fs, path::Path};

use serde::Deserialize;

/// The key of the proxies for every engine that has none of its own.
const DEFAULT: &str = "default";

#[derive(Deserialize)]
struct ProxyConfig {
    #[serde(default)]
    proxies: HashMap<String, Proxies>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Proxies {
    #[serde(rename = "httpProxy")]
    http: String,
    #[serde(rename = "httpsProxy")]
    https: String,
    #[serde(rename = "ftpProxy")]
    ftp: String,
    #[serde(rename = "noProxy")]
    none: String,
    #[serde(rename = "allProxy")]
    all: String,
}

impl Proxies {
    fn variables(&self) -> [(&'static str, &str); 5] {
        [
            ("HTTP_PROXY", &self.http),
            ("HTTPS_PROXY", &self.https),
            ("FTP_PROXY", &self.ftp),
            ("NO_PROXY", &self.none),
            ("ALL_PROXY", &self.all),
        ]
    }
}

/// Adds to `env` (`NAME=value`, or a name that is to be unset) what the config.json in `file` says for the engine
/// at `host`, in capital and in small letters, but for what is there already. A file that cannot be read has no
/// proxies.
pub(crate) fn add(env: &mut Vec<String>, file: &Path, host: &str) {
    let Ok(text) = fs::read(file) else { return };
    let Ok(ProxyConfig { mut proxies }) = serde_json::from_slice(&text) else { return };
    let Some(proxies) = proxies.remove(host).or_else(|| proxies.remove(DEFAULT)) else { return };
    for (name, value) in proxies.variables().into_iter().filter(|(_, value)| !value.is_empty()) {
        for name in [name.to_owned(), name.to_lowercase()] {
            if !env.iter().any(|entry| entry.split('=').next() == Some(&name)) {
                env.push(format!("{name}={value}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_s_own_proxies_come_before_the_default_and_what_is_set_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        let text = r#"{"auths":{},"proxies":{"default":{"httpProxy":"http://a:1","noProxy":"x,y"},
            "tcp://far:2375":{"httpsProxy":"http://b:2"}}}"#;
        fs::write(&file, text).unwrap();
        let with = |host: &str, env: &[&str]| {
            let mut env: Vec<String> = env.iter().map(|entry| (*entry).to_owned()).collect();
            add(&mut env, &file, host);
            env
        };
        assert_eq!(
            with("unix:///s", &["http_proxy=mine", "NO_PROXY"]),
            ["http_proxy=mine", "NO_PROXY", "HTTP_PROXY=http://a:1", "no_proxy=x,y"]
        );
        assert_eq!(with("tcp://far:2375", &[]), ["HTTPS_PROXY=http://b:2", "https_proxy=http://b:2"]);
        fs::write(&file, "{").unwrap();
        assert!(with("unix:///s", &[]).is_empty());
    }
}
