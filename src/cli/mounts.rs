//! Warns of `-v` paths that do not exist where the engine runs.

use std::path::Path;

use cube::{Address, Config};

use crate::cli::{app::App, output::stdio};

/// Warns of each path of this machine that the task will not see.
pub fn warn(app: &App, address: &Address, config: &Config) {
    if app.global.quiet {
        return;
    }
    for path in config.storage.volumes.iter().filter_map(cube::Mount::source) {
        if let Some(text) = warning(path, is_here(address)) {
            stdio::step(&format!("warning: {text}"));
        }
    }
}

fn warning(path: &str, here: bool) -> Option<String> {
    if !path.starts_with('/') {
        return None;
    }
    if !here {
        return Some(format!(
            "--volume {path} is a path of the engine's machine, which is not this one; --copy-in copies files there"
        ));
    }
    (!Path::new(path).exists())
        .then(|| format!("--volume {path} does not exist: the engine creates an empty folder there"))
}

/// Whether the engine runs on this machine, as far as its address shows.
fn is_here(address: &Address) -> bool {
    match address {
        Address::Unix(_) => true,
        Address::Tcp { host, .. } => {
            host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        }
        Address::Ssh { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::warning;

    #[test]
    fn only_what_is_not_mounted_is_reported() {
        assert_eq!(warning("data", true), None);
        assert_eq!(warning("/", true), None);
        assert!(warning("/no/such/path", true).is_some_and(|text| text.contains("/no/such/path")));
        assert!(warning("/", false).is_some_and(|text| text.contains("--copy-in")));
        assert_eq!(warning("data", false), None);
    }
}
