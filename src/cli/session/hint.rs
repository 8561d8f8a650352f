//! Adapts the hint of a failed start to the flags that were given: it never suggests what was already done.

use cube::{Config, Error, ErrorKind, HostPort};

const REPLACED: &str =
    "--replace removes only what cube started: choose another --name, or remove the other container";
const PORT_LOST: &str = "another process took the free port that the engine chose: run it again";

/// The flags outside the config that hints depend on.
#[derive(Clone, Copy, Debug)]
pub struct Hints {
    /// Whether `--replace` was given.
    pub replaces: bool,
}

impl Hints {
    /// The error with a hint that fits the flags.
    pub fn fit(self, error: Error, config: &Config) -> Error {
        let is_chosen = |port: HostPort| matches!(port, HostPort::Fixed(_) | HostPort::Range(..));
        match error.kind() {
            ErrorKind::NameTaken if self.replaces => error.with_hint(REPLACED),
            ErrorKind::PortTaken if !config.network.publish.iter().any(|port| is_chosen(port.host_port)) => {
                error.with_hint(PORT_LOST)
            }
            _ => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_does_not_advise_what_was_done() {
        let error = |kind| Error::new(kind, "x").with_hint("usual");
        let mut config = Config::new("x".parse().unwrap());
        let hint = |kind, config: &Config, replaces| {
            Hints { replaces }.fit(error(kind), config).hint().map(str::to_owned).unwrap()
        };
        assert_eq!(hint(ErrorKind::NameTaken, &config, false), "usual");
        assert_eq!(hint(ErrorKind::NameTaken, &config, true), REPLACED);
        assert_eq!(hint(ErrorKind::PortTaken, &config, false), PORT_LOST);
        config.network.publish = vec!["80".parse().unwrap()];
        assert_eq!(hint(ErrorKind::PortTaken, &config, false), PORT_LOST);
        config.network.publish.push("80:80".parse().unwrap());
        assert_eq!(hint(ErrorKind::PortTaken, &config, true), "usual");
    }
}
