//! The log driver of a create request: the one that keeps every byte, unless the config names another.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::config::Config;

/// The log driver that keeps every byte: `json-file` replaces bytes that are not UTF-8.
const LOG_DRIVER: &str = "local";
/// Options with which the log never rotates, since rotation loses output.
const LOG_OPTIONS: [(&str, &str); 3] = [("max-size", "1000g"), ("max-file", "1"), ("compress", "false")];
/// The options of that driver. Any other is meant for the engine's default driver.
const KNOWN_OPTIONS: [&str; 10] = [
    "compress",
    "env",
    "env-regex",
    "labels",
    "labels-regex",
    "max-buffer-size",
    "max-file",
    "max-size",
    "mode",
    "tag",
];

/// The log driver and its options. An empty name is the engine's default driver.
pub(crate) fn log_driver(config: &Config) -> (String, HashMap<String, String>) {
    let logging = &config.logging;
    let mut options: HashMap<_, _> = logging.log_opts.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    if logging.log_driver.is_none() && options.is_empty() {
        options.extend(LOG_OPTIONS.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    let fits = options.keys().all(|name| KNOWN_OPTIONS.contains(&name.as_str()));
    let default = if fits { LOG_DRIVER } else { "" };
    (logging.log_driver.clone().unwrap_or_else(|| default.to_owned()), options)
}

/// Whether cube, not the user or the engine, chose the log driver.
pub(crate) fn is_chosen_by_cube(config: &Config) -> bool {
    config.logging.log_driver.is_none() && log_driver(config).0 == LOG_DRIVER
}

/// The same body with the engine's own choice of log driver, and no options but the user's.
pub(crate) fn with_engines_log_driver(body: &mut Map<String, Value>, config: &Config) {
    let Some(Value::Object(host)) = body.get_mut("HostConfig") else { return };
    if config.logging.log_opts.is_empty() {
        host.remove("LogConfig");
    } else {
        host.insert("LogConfig".to_owned(), json!({"Type": "", "Config": config.logging.log_opts}));
    }
}
