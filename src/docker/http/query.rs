//! The query part of a request's path: percent-encoding, and the engine's filters as JSON.

use std::{collections::BTreeMap, fmt::Write};

/// `path` with these parameters.
pub(crate) fn query(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut text = path.to_owned();
    let mut before = if path.contains('?') { '&' } else { '?' };
    for (name, value) in parameters {
        text.push(before);
        text.push_str(name);
        text.push('=');
        encode(value, &mut text);
        before = '&';
    }
    text
}

/// Filters in the engine's form: a name may occur several times.
pub(crate) fn filters<'a>(filters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut words: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in filters {
        words.entry(name).or_default().push(value);
    }
    // Serializing strings cannot fail.
    serde_json::to_string(&words).unwrap_or_default()
}

/// Percent-encodes all characters that are special or not allowed in a query.
fn encode(value: &str, text: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_characters_stay_in_the_value() {
        let path = query("/a", &[("tag", "sha256:1"), ("x", "a&b=c#ä"), ("n", "5")]);
        assert_eq!(path, "/a?tag=sha256%3A1&x=a%26b%3Dc%23%C3%A4&n=5");
        assert_eq!(query("/a?b=1", &[("c", "d/e")]), "/a?b=1&c=d%2Fe");
        let filters = filters([("label", "a=1"), ("event", "health_status"), ("label", "b")]);
        assert_eq!(filters, r#"{"event":["health_status"],"label":["a=1","b"]}"#);
    }
}
