//! Decides which failed starts are tried again with a new container: the start had no effect, and the cause was not
//! something that the caller chose.

use crate::{
    config::{
        Config,
        value::{copy::CopySource, port::HostPort},
    },
    error::{Error, ErrorKind},
};

/// How often a start is tried again because another process took the port that the engine had chosen.
const PORT_TRIES: u32 = 3;

/// The repetitions so far.
#[derive(Debug, Default)]
pub(super) struct Again {
    network: bool,
    ports: u32,
}

impl Again {
    /// Whether to try again after this error; counts the repetition.
    pub(super) fn after(&mut self, error: &Error, config: &Config) -> bool {
        // An archive on standard input can be read only once.
        if config.swarm || config.files.copy_in.iter().any(|copy| *copy.source() == CopySource::Stdin) {
            return false;
        }
        match error.kind() {
            // The network was removed with the last task on it.
            ErrorKind::NetworkNotFound if config.network.create_network && !self.network => {
                self.network = true;
                true
            }
            ErrorKind::PortTaken if self.ports < PORT_TRIES && !fixes_a_port(config) => {
                self.ports += 1;
                true
            }
            _ => false,
        }
    }
}

/// Whether the caller chose a host port or a range of host ports.
fn fixes_a_port(config: &Config) -> bool {
    config.network.publish.iter().any(|mapping| mapping.host_port != HostPort::Any)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(json: &str) -> Config {
        Config::from_json(json.as_bytes(), Some("a".parse().unwrap())).unwrap()
    }

    fn times(json: &str, kind: ErrorKind) -> usize {
        let (mut again, error, config) = (Again::default(), Error::new(kind, "x"), config(json));
        (0..10).take_while(|_| again.after(&error, &config)).count()
    }

    #[test]
    fn only_ports_that_the_engine_chose_are_chosen_again() {
        for json in ["{}", r#"{"publish":["80/tcp"]}"#, r#"{"publish":["127.0.0.1::80/tcp"]}"#] {
            assert_eq!(times(json, ErrorKind::PortTaken), 3, "{json}");
        }
        for json in [
            r#"{"publish":["8080:80/tcp"]}"#,
            r#"{"publish":["80/tcp","8080-8090:81/tcp"]}"#,
            r#"{"swarm":true}"#,
            r#"{"copy_in":["-:/x"]}"#,
        ] {
            assert_eq!(times(json, ErrorKind::PortTaken), 0, "{json}");
        }
    }

    #[test]
    fn a_network_that_disappeared_is_made_again_once() {
        let json = r#"{"network":"web","create_network":true}"#;
        assert_eq!(times(json, ErrorKind::NetworkNotFound), 1);
        assert_eq!(times(r#"{"network":"web"}"#, ErrorKind::NetworkNotFound), 0);
        assert_eq!(times(json, ErrorKind::Engine), 0);
    }
}
