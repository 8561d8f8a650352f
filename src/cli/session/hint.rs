//! Adapts the hint of a failed start to the flags that were given: it never suggests what was already done.

use cube::{Config, Error, ErrorKind, HostPort, PortMapping};

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
        match error.kind() {
            ErrorKind::NameTaken if self.replaces => error.with_hint(REPLACED),
            ErrorKind::PortTaken => match taken(&error, &config.network.publish) {
                Some(mapping) => {
                    let free = PortMapping { host_port: HostPort::Any, ..mapping }.to_string();
                    let free = free.strip_suffix("/tcp").unwrap_or(&free);
                    error.with_hint(format!("leave the host port out to get a free one: -p {free}"))
                }
                None => error.with_hint(PORT_LOST),
            },
            _ => error,
        }
    }
}

/// The mapping whose host port is taken: of those with a chosen one, the first that the error's texts name.
fn taken(error: &Error, published: &[PortMapping]) -> Option<PortMapping> {
    let text = error.causes().collect::<Vec<_>>().join(" ");
    let place = |port: u16| {
        let word = format!(":{port}");
        let is_whole = |at: usize| !text[at + word.len()..].starts_with(|c: char| c.is_ascii_digit());
        text.match_indices(&word).map(|(at, _)| at).find(|at| is_whole(*at)).unwrap_or(usize::MAX)
    };
    let chosen = published.iter().filter_map(|mapping| match mapping.host_port {
        HostPort::Any => None,
        HostPort::Fixed(port) => Some((place(port), *mapping)),
        HostPort::Range(first, last) => Some(((first..=last).map(place).min()?, *mapping)),
    });
    chosen.min_by_key(|(place, _)| *place).map(|(_, mapping)| mapping)
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
        for (mapping, shown) in [
            ("8080:90", "90"),
            ("127.0.0.1:80:53/udp", "127.0.0.1::53/udp"),
            ("8080:80", "80"),
            ("8000-8100:80", "80"),
        ] {
            config.network.publish = ["1:2", mapping, "80:4"].map(|text| text.parse().unwrap()).to_vec();
            let text = "failed to bind host port for [::]:8080:172.17.0.2:80/tcp: address already in use";
            let text = if mapping.contains(":80:") { "Bind for 127.0.0.1:80 failed" } else { text };
            let error = Error::new(ErrorKind::PortTaken, "x").with_source(text);
            let fitted = Hints { replaces: false }.fit(error, &config);
            let wanted = format!("leave the host port out to get a free one: -p {shown}");
            assert_eq!(fitted.hint(), Some(wanted.as_str()), "{mapping}");
        }
    }
}
