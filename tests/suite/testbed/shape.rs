//! Compares recorded answers with what an engine says today: same fields, same types.

use serde_json::Value;

/// Every field of `recorded` is in `live`, with a value of the same type.
pub fn assert_in(live: &Value, recorded: &Value, at: &str) {
    match (live, recorded) {
        (Value::Object(live), Value::Object(recorded)) => {
            for (key, value) in recorded {
                let found = live.get(key).unwrap_or_else(|| panic!("the engine no longer says {at}.{key}"));
                assert_in(found, value, &format!("{at}.{key}"));
            }
        }
        (Value::Array(live), Value::Array(recorded)) => {
            if let (Some(live), Some(recorded)) = (live.first(), recorded.first()) {
                assert_in(live, recorded, &format!("{at}[0]"));
            }
        }
        _ => assert_eq!(kind(live), kind(recorded), "the engine's {at} has become another type"),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
