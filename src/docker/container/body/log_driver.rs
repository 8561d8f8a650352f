//! The log driver of a create request: the one that keeps every byte, unless the config names another.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::config::Config;

/// The log driver that keeps every byte: `json-file` replaces bytes that are not UTF-8.
const LOG_DRIVER: &str = "local";
/// Options with which the log never rotates, since rotation loses output.
const LOG_OPTIONS: [(&str, &str); 3] = [("max-size", "1000g"), ("max-file", "1"), ("compress", "false")];

/// The log driver and its options.
pub(crate) fn log_driver(config: &Config) -> (String, HashMap<String, String>) {
    let logging = &config.logging;
    let mut options: HashMap<_, _> = logging.log_opts.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    if logging.log_driver.is_none() && options.is_empty() {
        options.extend(LOG_OPTIONS.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    (logging.log_driver.clone().unwrap_or_else(|| LOG_DRIVER.to_owned()), options)
}

/// The same body with the engine's own choice of log driver.
pub(crate) fn with_engines_log_driver(body: &mut Map<String, Value>) {
    if let Some(Value::Object(host)) = body.get_mut("HostConfig") {
        host.remove("LogConfig");
    }
}
