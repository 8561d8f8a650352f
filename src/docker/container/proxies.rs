//! The proxies in Docker's config.json, which Docker clients pass to their containers as environment variables.

use std::{collections::HashMap, path::Path};

use serde::Deserialize;

use crate::small_file::{self, LARGEST_CONFIG};

/// The key of the proxies for engines without their own entry.
const DEFAULT: &str = "default";

#[derive(Deserialize, Default)]
struct ProxyConfig {
    #[serde(default)]
    proxies: HashMap<String, Proxies>,
}

/// The proxies for one engine.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Proxies {
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

    /// Adds the variables to `env` (`NAME=value`, or a name to unset), in upper and lower case, unless `env` has them
    /// already.
    pub(crate) fn add_to(&self, env: &mut Vec<String>) {
        for (name, value) in self.variables().into_iter().filter(|(_, value)| !value.is_empty()) {
            for name in [name.to_owned(), name.to_lowercase()] {
                if !env.iter().any(|entry| entry.split('=').next() == Some(&name)) {
                    env.push(format!("{name}={value}"));
                }
            }
        }
    }
}

/// Reads the proxies for the engine at `host` from the config.json in `file`; none if it cannot be read.
pub(crate) fn of(file: &Path, host: &str) -> Proxies {
    let config =
        small_file::read(file, LARGEST_CONFIG).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let ProxyConfig { mut proxies } = config.unwrap_or_default();
    proxies.remove(host).or_else(|| proxies.remove(DEFAULT)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;

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
            of(&file, host).add_to(&mut env);
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
