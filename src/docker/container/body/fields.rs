//! The fields of a request's body.

use serde_json::{Map, Value};

/// Adds the fields that are set: not null, and not an empty list or object.
pub(super) fn add<const N: usize>(body: &mut Map<String, Value>, fields: [(&str, Value); N]) {
    let is_said = |value: &Value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    };
    body.extend(fields.into_iter().filter(|(_, v)| is_said(v)).map(|(name, value)| (name.to_owned(), value)));
}
