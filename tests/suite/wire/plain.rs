//! Removes empty values and allowed differences from requests, to compare them.

use serde_json::{Value, json};

use super::recorder::Create;

/// Fields whose keys the user chose: their values are kept even if they are empty.
const CHOSEN: [&str; 12] = [
    "ExposedPorts",
    "Volumes",
    "Labels",
    "Tmpfs",
    "Sysctls",
    "StorageOpt",
    "Annotations",
    "EndpointsConfig",
    "Options",
    "DriverOpts",
    "PortBindings",
    "Config",
];
/// Lists whose order Docker's CLI takes from a Go map.
const UNORDERED: [&str; 2] = ["Env", "Binds"];
/// An absent list and an empty one mean different things here; so do an absent `false` or `0` and a given one.
const GIVEN: [&str; 4] = ["MaskedPaths", "ReadonlyPaths", "Init", "StopTimeout"];

/// The body without empty values: null, "", 0, false, and empty lists and objects.
pub fn said(key: &str, value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        _ if GIVEN.contains(&key) => Some(value.clone()),
        Value::Bool(is) => is.then(|| value.clone()),
        Value::Number(number) => {
            let unset =
                number.as_f64() == Some(0.0) || (key == "MemorySwappiness" && number.as_i64() == Some(-1));
            (!unset).then(|| value.clone())
        }
        Value::String(text) => (!text.is_empty()).then(|| value.clone()),
        // Without a terminal there is no size.
        Value::Array(items) if key == "ConsoleSize" && items.iter().all(|item| *item == 0) => None,
        Value::Array(items) => {
            let mut items: Vec<Value> =
                items.iter().map(|item| said("", item).unwrap_or(item.clone())).collect();
            if UNORDERED.contains(&key) {
                items.sort_by_key(ToString::to_string);
            }
            (!items.is_empty()).then(|| items.into())
        }
        Value::Object(members) => {
            let is_chosen = CHOSEN.contains(&key);
            let member =
                |(name, value): (&String, &Value)| match said(if is_chosen { "" } else { name }, value) {
                    None if is_chosen => Some((name.clone(), json!(null))),
                    said => said.map(|said| (name.clone(), said)),
                };
            let members: serde_json::Map<_, _> = members.iter().filter_map(member).collect();
            (!members.is_empty()).then(|| members.into())
        }
    }
}

/// Both requests without the allowed differences.
pub fn comparable(create: &Create, docker: &Create, is_scripting: bool) -> Create {
    let mut body = create.body.clone();
    let named = |create: &Create| {
        let config = &create.body["HostConfig"]["LogConfig"];
        config["Type"].as_str().is_some_and(|driver| !driver.is_empty())
    };
    if let Some(labels) = body["Labels"].as_object_mut() {
        labels.retain(|name, _| !name.starts_with("cube."));
    }
    let host = body["HostConfig"].as_object_mut().unwrap();
    if !named(docker) {
        host.remove("LogConfig");
    }
    if is_attached(docker) {
        host.remove("AutoRemove");
    }
    if is_scripting {
        host.remove("PublishAllPorts");
    }
    let mut body = said("", &body).unwrap();
    // The network mode is the same setting.
    if body["NetworkingConfig"]["EndpointsConfig"] == json!({"default": null}) {
        body.as_object_mut().unwrap().remove("NetworkingConfig");
    }
    Create { name: create.name.clone(), platform: create.platform.clone(), body }
}

/// Whether the request is for a task in the foreground.
pub fn is_attached(create: &Create) -> bool {
    ["AttachStdin", "AttachStdout", "AttachStderr"].iter().any(|stream| create.body[stream] == true)
}
