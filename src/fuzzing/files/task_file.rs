//! The file of `--file`.

use crate::config::Config;

pub(crate) fn check(bytes: &[u8]) {
    let Ok(config) = Config::from_json(bytes, None) else { return };
    let written = serde_json::to_vec(&config).unwrap();
    let again = Config::from_json(&written, None).unwrap();
    assert_eq!(again, config);
    assert_eq!(config.check().is_ok(), again.check().is_ok());
    let image = "another:1".parse().unwrap();
    let of_another = Config { image, ..config.clone() };
    assert_eq!(Config::from_json(bytes, Some(of_another.image.clone())).unwrap(), of_another);
    let shown = config.without_env_values();
    assert!(shown.process.env.iter().all(|variable| variable.value().is_none()));
}
