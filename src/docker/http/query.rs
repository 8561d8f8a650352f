//! The query of a request: percent-encoded, and the engine's filters in JSON.

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

/// Filters as an engine takes them: of one name several values may be given.
pub(crate) fn filters<'a>(filters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut words: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in filters {
        words.entry(name).or_default().push(value);
    }
    // Texts alone always become JSON.
    serde_json::to_string(&words).unwrap_or_default()
}

/// Percent-encodes what has a meaning in a query, or none.
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
    fn whatever_a_value_holds_stays_in_it() {
        let path = query("/a", &[("tag", "sha256:1"), ("x", "a&b=c#ä"), ("n", "5")]);
        assert_eq!(path, "/a?tag=sha256%3A1&x=a%26b%3Dc%23%C3%A4&n=5");
        assert_eq!(query("/a?b=1", &[("c", "d/e")]), "/a?b=1&c=d%2Fe");
        let filters = filters([("label", "a=1"), ("event", "health_status"), ("label", "b")]);
        assert_eq!(filters, r#"{"event":["health_status"],"label":["a=1","b"]}"#);
    }
}
