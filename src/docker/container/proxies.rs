//! The proxies in Docker's config.json, which Docker clients pass to their containers as environment variables.

use std::{io, path::Path};

use serde_json::{Deserializer, Map, Value};

use crate::small_file::{self, LARGEST_CONFIG};

/// The key of the proxies for engines without their own entry.
const DEFAULT: &str = "default";
/// The members of an entry, and the variables for them.
const MEMBERS: [(&str, &str); 5] = [
    ("httpProxy", "HTTP_PROXY"),
    ("httpsProxy", "HTTPS_PROXY"),
    ("ftpProxy", "FTP_PROXY"),
    ("noProxy", "NO_PROXY"),
    ("allProxy", "ALL_PROXY"),
];

/// The proxies for one engine: the variables and their values.
#[derive(Default)]
pub(crate) struct Proxies(Vec<(&'static str, String)>);

impl Proxies {
    fn read(entry: &Map<String, Value>, unusable: &mut dyn FnMut(&str)) -> Self {
        let value = |(name, variable): (&str, &'static str)| match member(entry, name)? {
            Value::String(value) => (!value.is_empty()).then(|| (variable, value.clone())),
            Value::Null => None,
            _ => {
                unusable(name);
                None
            }
        };
        Self(MEMBERS.into_iter().filter_map(value).collect())
    }

    /// Adds the variables to `env` (`NAME=value`, or a name to unset), in upper and lower case, unless `env` has them
    /// already.
    pub(crate) fn add_to(&self, env: &mut Vec<String>) {
        for (name, value) in &self.0 {
            for name in [(*name).to_owned(), name.to_lowercase()] {
                if !env.iter().any(|entry| entry.split('=').next() == Some(&name)) {
                    env.push(format!("{name}={value}"));
                }
            }
        }
    }
}

/// Reads the proxies for the engine at `host` from the config.json in `file`, as Docker's CLI does: names in any case,
/// nothing behind the object. `warn` is given what cannot be read.
pub(crate) fn of(file: &Path, host: &str, warn: &mut dyn FnMut(String)) -> Proxies {
    let mut unusable =
        |what: &str| warn(format!("{what} in {} cannot be used; going on without it", file.display()));
    let entry = match small_file::read(file, LARGEST_CONFIG) {
        Ok(text) => entry(&text, host),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(_) => Err("what is"),
    };
    match entry {
        Ok(entry) => entry.map(|entry| Proxies::read(&entry, &mut unusable)).unwrap_or_default(),
        Err(what) => {
            unusable(what);
            Proxies::default()
        }
    }
}

/// The entry for the engine at `host`, if there is one; what cannot be used otherwise.
fn entry(text: &[u8], host: &str) -> Result<Option<Map<String, Value>>, &'static str> {
    let Some(config) = Deserializer::from_slice(text).into_iter::<Value>().next() else { return Ok(None) };
    let config = config.map_err(|_| "what is")?;
    let entries = match &config {
        Value::Object(config) => object(member(config, "proxies"), "proxies")?,
        _ => return Err("what is"),
    };
    let entry = entries.and_then(|entries| entries.get(host).or_else(|| entries.get(DEFAULT)));
    object(entry, "an entry of proxies").map(Option::<&_>::cloned)
}

/// The object that a member is; `None` if it is missing or null.
fn object<'a>(
    value: Option<&'a Value>,
    what: &'static str,
) -> Result<Option<&'a Map<String, Value>>, &'static str> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(what),
    }
}

/// The member with this name; if there is none, with this name in another case.
fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let other = || object.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    object.get(name).or_else(other)
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
            of(&file, host, &mut |warning| panic!("{warning}")).add_to(&mut env);
            env
        };
        assert_eq!(
            with("unix:///s", &["http_proxy=mine", "NO_PROXY"]),
            ["http_proxy=mine", "NO_PROXY", "HTTP_PROXY=http://a:1", "no_proxy=x,y"]
        );
        assert_eq!(with("tcp://far:2375", &[]), ["HTTPS_PROXY=http://b:2", "https_proxy=http://b:2"]);
        fs::remove_file(&file).unwrap();
        assert!(with("unix:///s", &[]).is_empty());
    }

    #[test]
    fn what_docker_reads_is_read_and_what_it_does_not_is_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        let one = "HTTP_PROXY=http://p:1";
        for (text, first, warned) in [
            ("", None, None),
            (r#"{"Proxies":{"default":{"HTTPProxy":"http://p:1"},"x":null}} more"#, Some(one), None),
            (
                r#"{"proxies":{"default":{"httpProxy":"http://p:1","noProxy":["a","b"]}}}"#,
                Some(one),
                Some("noProxy in "),
            ),
            (r#"{"proxies":null}"#, None, None),
            (r#"{"proxies":"x"}"#, None, Some("proxies in ")),
            (r#"{"proxies":{"default":5}}"#, None, Some("an entry of proxies in ")),
            ("[]", None, Some("what is in ")),
            (r#"{"a":"#, None, Some("what is in ")),
        ] {
            fs::write(&file, text).unwrap();
            let (mut env, mut warnings) = (Vec::new(), Vec::new());
            of(&file, "unix:///s", &mut |warning| warnings.push(warning)).add_to(&mut env);
            assert_eq!(env.first().map(String::as_str), first, "{text}");
            let shown = warned.map(|warned| format!("{warned}{}", file.display()));
            assert_eq!(warnings.len(), usize::from(shown.is_some()), "{text}: {warnings:?}");
            assert!(
                warnings.iter().zip(shown).all(|(warning, shown)| warning.starts_with(&shown)),
                "{warnings:?}"
            );
        }
    }
}
