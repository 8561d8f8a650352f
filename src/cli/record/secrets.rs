//! The values that messages and files must not show, and what stands there instead.

use std::cmp::Reverse;

use cube::EnvVar;
use serde_json::Value;

/// Replaces a blanked value.
const BLANK: &str = "***";
/// The shortest value that is left out of texts, in bytes: shorter ones occur in any text by chance.
const SHORTEST_SECRET: usize = 4;

/// The values that must not be shown: those of the task's environment.
/// Longest first: a value may be part of a longer one.
#[derive(Clone, Default)]
pub struct Secrets(Vec<Secret>);

#[derive(Clone)]
struct Secret {
    name: String,
    value: String,
}

impl Secrets {
    pub fn of(env: &[EnvVar]) -> Self {
        let given = env.iter().filter_map(|var| Some((var.name(), var.value()?)));
        let long = given.filter(|(_, value)| value.len() >= SHORTEST_SECRET);
        let mut secrets: Vec<Secret> =
            long.map(|(name, value)| Secret { name: name.to_owned(), value: value.to_owned() }).collect();
        secrets.sort_by_key(|secret| Reverse(secret.value.len()));
        Self(secrets)
    }

    /// The text with each value replaced by the name of its variable, as a shell writes it.
    pub fn named(&self, text: &str) -> String {
        let replaced =
            |text: String, secret: &Secret| text.replace(&secret.value, &format!("${}", secret.name));
        self.0.iter().fold(text.to_owned(), replaced)
    }

    /// Blanks the values in every text, and all values of each list named `Env`.
    pub fn blank(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                for Secret { value, .. } in &self.0 {
                    if text.contains(value) {
                        *text = text.replace(value, BLANK);
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.blank(item)),
            Value::Object(members) => {
                for (name, member) in members {
                    match (name.as_str(), member) {
                        ("Env", Value::Array(variables)) => variables.iter_mut().for_each(blank_variable),
                        // Variables of `--export` are made to be shown.
                        ("env", _) => {}
                        (_, member) => self.blank(member),
                    }
                }
            }
            _ => {}
        }
    }

    /// The bytes with each value blanked.
    pub fn blanked(&self, line: &[u8]) -> Vec<u8> {
        self.0.iter().fold(line.to_vec(), |line, secret| replaced(&line, secret.value.as_bytes()))
    }
}

fn blank_variable(variable: &mut Value) {
    if let Some((name, _)) = variable.as_str().and_then(|text| text.split_once('=')) {
        *variable = Value::String(format!("{name}={BLANK}"));
    }
}

/// The bytes with every `secret` in them blanked.
fn replaced(bytes: &[u8], secret: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::with_capacity(bytes.len()), bytes);
    while let Some(at) = rest.windows(secret.len()).position(|window| window == secret) {
        let (before, from) = rest.split_at(at);
        out.extend_from_slice(before);
        out.extend_from_slice(BLANK.as_bytes());
        rest = from.get(secret.len()..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(env: &[&str]) -> Secrets {
        let env: Vec<EnvVar> = env.iter().map(|text| EnvVar::parse(text, &|_| None).unwrap()).collect();
        Secrets::of(&env)
    }

    #[test]
    fn no_value_of_the_environment_remains() {
        let mut value = serde_json::json!({
            "Config": {"Env": ["A=x", "TOKEN=s3cret", "PATH=/bin"], "Cmd": ["login", "s3cret-2"]},
            "Labels": {"a": "the s3cret"},
            "env": {"URL": "http://s3cret"},
        });
        secrets(&["TOKEN=s3cret", "B=s3cret-2"]).blank(&mut value);
        assert_eq!(
            value,
            serde_json::json!({
                "Config": {"Env": ["A=***", "TOKEN=***", "PATH=***"], "Cmd": ["login", "***"]},
                "Labels": {"a": "the ***"},
                "env": {"URL": "http://s3cret"},
            })
        );
    }

    #[test]
    fn a_name_stands_for_its_value_and_the_longer_value_comes_first() {
        let secrets = secrets(&["TOKEN=s3cret", "B=s3cret-2", "C=abc"]);
        assert_eq!(secrets.named("s3cret-2, s3cret, abc"), "$B, $TOKEN, abc");
    }
}
