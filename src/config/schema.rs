//! The JSON Schema of a task file, `examples/task.schema.json`: made from the definitions of the fields.

use std::{fs, path::Path};

use serde_json::{Map, Value, json};

use crate::config::{
    Config, files::Files, health::HealthCheck, limits::Limits, logging::Logging, network::Network,
    process::Process, readiness::Readiness, security::Security, storage::Storage,
};

/// The variable that makes the test write the file.
const WRITE: &str = "CUBE_WRITE_SCHEMA";

type Field = (&'static str, &'static str, &'static str);

fn of_type(rust: &str) -> Value {
    let inside = |name: &str| rust.strip_prefix(name)?.strip_prefix('<')?.strip_suffix('>').map(str::trim);
    if let Some(item) = inside("Vec") {
        return json!({"type": "array", "items": of_type(item)});
    }
    if inside("BTreeMap").or_else(|| inside("std::collections::BTreeMap")).is_some() {
        return json!({"type": "object", "additionalProperties": {"type": "string"}});
    }
    match inside("Option").unwrap_or(rust) {
        "bool" => json!({"type": "boolean"}),
        "u16" | "u32" => json!({"type": "integer", "minimum": 0}),
        "i32" | "i64" => json!({"type": "integer"}),
        // A number (of bytes, processors or seconds), or the value of the flag as text.
        "Size" | "SwapLimit" | "Cpus" | "Duration" | "std::time::Duration" => {
            json!({"type": ["number", "string"]})
        }
        "HealthCheck" => object(HealthCheck::FIELDS.iter().copied()),
        // All others are the value of the flag as text.
        _ => json!({"type": "string"}),
    }
}

fn object(fields: impl Iterator<Item = Field>) -> Value {
    let property = |(name, rust, about): Field| {
        let mut property = of_type(rust);
        if name == "network" {
            property = json!({"anyOf": [{"type": "string"}, property]});
        }
        if !about.is_empty() {
            property["description"] = about.trim().into();
        }
        (name.to_owned(), property)
    };
    let properties: Map<String, Value> = fields.map(property).collect();
    json!({"type": "object", "additionalProperties": false, "properties": properties})
}

fn schema() -> Value {
    const IMAGE: Field = ("image", "ImageRef", "The image. Without tag or digest it is `:latest`.");
    let groups = [
        Config::FIELDS,
        Process::FIELDS,
        Limits::FIELDS,
        Network::FIELDS,
        Storage::FIELDS,
        Security::FIELDS,
        Logging::FIELDS,
        Readiness::FIELDS,
        Files::FIELDS,
    ];
    let mut schema = object([IMAGE].into_iter().chain(groups.concat()));
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = "A task file of cube".into();
    schema
}

#[test]
fn the_schema_beside_the_examples_names_every_field() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/task.schema.json");
    let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os(WRITE).is_some() {
        fs::write(&file, &text).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == text,
        "examples/task.schema.json is behind: `{WRITE}=1 cargo test --lib schema` writes it anew"
    );
}

/// The JSON of a config has the types that the schema names.
#[test]
fn a_written_config_fits_the_schema() {
    let json = r#"{"image":"a","network":["a","b"],"memory":"1g","ttl":"1h","env":["A=1"],"health":{"retries":3},
        "labels":{"a":"b"},"stop_timeout":-1,"publish_all":false,"mount":["target=/x"],"memory_swap":-1}"#;
    let written = serde_json::to_value(serde_json::from_str::<Config>(json).unwrap()).unwrap();
    let schema = schema();
    for (name, value) in written.as_object().unwrap() {
        let property = &schema["properties"][name];
        let kinds = json!([property["type"], property["anyOf"][1]["type"]]).to_string();
        let kind = match value {
            Value::Bool(_) => "boolean",
            Value::Number(_) if kinds.contains("integer") => "integer",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            _ => "object",
        };
        assert!(kinds.contains(kind), "{name}: {value} is no {kinds}");
    }
}
