//! Reads JSON answers. Go writes empty values as `null`, so `null` counts as left out.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{docker::http::refusal, error::Error};

/// Reads an answer. A field that is `null` gets its default, as if it were missing.
pub(crate) fn read<T: DeserializeOwned>(text: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(&without_nulls(text))
}

/// The answer to a request for `path` with its nulls, for showing it.
///
/// # Errors
/// [`crate::ErrorKind::BadAnswer`].
pub(crate) fn as_it_is(path: &str, text: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(text).map_err(|e| refusal::bad_answer(path, &e))
}

/// Whether JSON allows this byte between its words.
pub(crate) fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The same text without members of objects that are `null`. What lies between them is copied at once.
fn without_nulls(text: &[u8]) -> Cow<'_, [u8]> {
    let behind = |at: usize| text.get(at..).unwrap_or_default();
    let (mut kept, mut copied, mut key) = (Vec::new(), 0, 0);
    let (mut at, mut before) = (0, b' ');
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => {
                key = if before == b':' { key } else { at };
                at += string(behind(at));
                before = b'"';
            }
            b'n' if before == b':' && behind(at).starts_with(NULL) => {
                kept.reserve(text.len() - kept.len());
                kept.extend_from_slice(text.get(copied..key).unwrap_or_default());
                let rest = behind(at + NULL.len()).trim_ascii_start();
                let next = rest.strip_prefix(b",");
                if next.is_none() {
                    drop_comma(&mut kept);
                }
                at = text.len() - next.unwrap_or(rest).len();
                (copied, before) = (at, b' ');
            }
            byte if is_white(*byte) => at += 1,
            byte => (at, before) = (at + 1, *byte),
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    kept.extend_from_slice(behind(copied));
    Cow::Owned(kept)
}

/// Removes the comma at the end, if there is one: the member behind it was the last one.
fn drop_comma(kept: &mut Vec<u8>) {
    let text = kept.trim_ascii_end();
    if text.ends_with(b",") {
        kept.truncate(text.len() - 1);
    }
}

const NULL: &[u8] = b"null";

/// The length, in bytes and with its quotes, of the JSON string at the beginning of `text`.
fn string(text: &[u8]) -> usize {
    let mut escaped = true;
    let end = text.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        // The first quote begins it.
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 1)
}

/// The value without members that are null, made the plain way: what [`read`] must give.
#[cfg(any(test, fuzzing))]
pub(crate) fn pruned(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(pruned).collect(),
        Value::Object(members) => {
            let left = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(left.map(|(name, value)| (name, pruned(value))).collect())
        }
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Map;

    use super::*;

    fn any_json() -> impl Strategy<Value = Value> {
        let text = "[a-z\"\\\\:,{}null ]{0,8}";
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            text.prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((text, inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    proptest! {
        #[test]
        fn only_members_that_are_null_are_removed(value in any_json(), indented in any::<bool>()) {
            let text = if indented { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) };
            prop_assert_eq!(read::<Value>(&text.unwrap()).unwrap(), pruned(value));
        }

        #[test]
        fn no_text_makes_it_panic(text in "([\\[\\]{}:,\"\\\\ ]|null|a){0,20}") {
            let _ = read::<Value>(text.as_bytes());
        }
    }
}
