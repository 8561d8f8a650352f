//! Where the engine listens: the address, its text form, and how it is chosen.

pub(crate) mod context;
mod resolve;
mod surroundings;

use std::{fmt, path::PathBuf, str::FromStr};

pub use resolve::AddressChoice;
pub use surroundings::Surroundings;

use crate::error::Error;

/// Docker's registered port without TLS, for an address without a port.
const PORT: u16 = 2375;
/// Docker's registered port with TLS, for an address without a port.
const TLS_PORT: u16 = 2376;
/// The engine's usual socket: also the path of `unix://` alone.
const SOCKET: &str = "/var/run/docker.sock";

/// Where an engine listens.
///
/// Its text form is that of `DOCKER_HOST`: `unix:///run/docker.sock`, `tcp://host:2375`,
/// `https://host:2376` (TLS), `ssh://user@host:22/run/docker.sock`. It never holds a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A socket in the file system.
    Unix(PathBuf),
    /// A TCP port, with TLS or without.
    Tcp {
        /// A name or an IP address, IPv6 without its brackets.
        host: String,
        /// The port; 2375, or 2376 with TLS, where none was given.
        port: u16,
        /// The TLS settings; `None` is a connection without TLS.
        tls: Option<Tls>,
    },
    /// The `docker` command on another machine, reached by `ssh`.
    Ssh {
        /// The user there; `None` leaves it to ssh's configuration.
        user: Option<String>,
        /// A name, an alias of ssh's configuration, or an IP address.
        host: String,
        /// The port of sshd; `None` leaves it to ssh's configuration.
        port: Option<u16>,
        /// The engine's socket there; `None` leaves it to `docker` there.
        path: Option<String>,
    },
}

/// TLS settings for an engine: PEM files, and whether its certificate must be valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The authorities to trust; `None` means those of this system.
    pub ca: Option<PathBuf>,
    /// The client's certificate, used with `key`; `None` sends no certificate.
    pub cert: Option<PathBuf>,
    /// The private key of `cert`.
    pub key: Option<PathBuf>,
    /// Whether the engine's certificate and name are checked (default: true).
    pub verify: bool,
}

impl Default for Tls {
    fn default() -> Self {
        Self { ca: None, cert: None, key: None, verify: true }
    }
}

impl FromStr for Address {
    type Err = Error;

    /// Reads an address as `DOCKER_HOST` holds it: schemes unix, tcp, http, https, ssh; without a
    /// scheme a path is a socket and anything else TCP. `https` is TLS with this system's authorities.
    ///
    /// # Errors
    /// `InvalidInput` names the text, without a password in it, and what is wrong with it.
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse("engine address", text, None, &Tls::default())
    }
}

impl Address {
    /// Reads `text`, which came from `source`. A TCP address uses `tls` if that is given; otherwise an `https`
    /// address uses the settings in `https`.
    fn parse(source: &str, text: &str, tls: Option<&Tls>, https: &Tls) -> Result<Self, Error> {
        let text = text.trim();
        let wrong = |reason: String| {
            Error::invalid(source, &without_password(text), reason).with_hint(
                "an address looks like unix:///var/run/docker.sock, tcp://host:2376 or ssh://user@host",
            )
        };
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(wrong("it holds spaces or control characters".into()));
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (scheme, rest),
            None if text.starts_with(['/', '.']) => ("unix", text),
            None => ("tcp", text),
        };
        match scheme {
            "unix" => Ok(Self::Unix(if rest.is_empty() { SOCKET } else { rest }.into())),
            "tcp" => tcp(rest, tls).map_err(wrong),
            "http" if tls.is_some() => Err(wrong(
                "http is clear text, but TLS is asked for by DOCKER_TLS_VERIFY or DOCKER_TLS".into(),
            )),
            "http" => tcp(rest, None).map_err(wrong),
            "https" => tcp(rest, Some(tls.unwrap_or(https))).map_err(wrong),
            "ssh" => ssh(rest).map_err(wrong),
            "npipe" => Err(wrong("named pipes exist on Windows only".into())),
            "fd" => Err(wrong("fd:// is where an engine listens, not where a client connects".into())),
            _ => Err(wrong(format!("{scheme:?} is none of unix, tcp, http, https, ssh"))),
        }
    }
}

fn tcp(rest: &str, tls: Option<&Tls>) -> Result<Address, String> {
    let (authority, path) = cut_path(rest);
    if !matches!(path, None | Some("/")) {
        return Err("a path after the port is not supported".into());
    }
    if authority.contains('@') {
        return Err("a user name is not supported here, only with ssh://".into());
    }
    let (host, port) = host_and_port(authority)?;
    let port = port.unwrap_or(if tls.is_some() { TLS_PORT } else { PORT });
    let host = if host.is_empty() { "localhost" } else { host };
    Ok(Address::Tcp { host: host.into(), port, tls: tls.cloned() })
}

fn ssh(rest: &str) -> Result<Address, String> {
    let (authority, path) = cut_path(rest);
    let (user, authority) = match authority.rsplit_once('@') {
        Some((user, authority)) => (Some(user), authority),
        None => (None, authority),
    };
    if user.is_some_and(|user| user.contains(':')) {
        return Err("a password does not belong in an ssh address: use a key or ssh-agent".into());
    }
    let user = user.map(decoded).transpose()?;
    if user.as_ref().is_some_and(|user| user.is_empty() || user.starts_with('-')) {
        return Err("the user name is empty or begins with `-`".into());
    }
    let (host, port) = host_and_port(authority)?;
    if host.is_empty() {
        return Err("the host is missing".into());
    }
    let path = path.filter(|path| !path.trim_matches('/').is_empty());
    if path.is_some_and(|path| path.contains(['?', '#'])) {
        return Err("an ssh address takes no `?` or `#`".into());
    }
    Ok(Address::Ssh { user, host: host.into(), port, path: path.map(Into::into) })
}

/// A user's name without its percent-encoding.
fn decoded(user: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(user.len());
    let mut rest = user.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.ok_or("a % in the user name must be written %25")?);
        rest = after.get(2..).unwrap_or_default();
    }
    let user = String::from_utf8(bytes).map_err(|_| "the user name is not UTF-8")?;
    if user.chars().any(char::is_control) {
        return Err("the user name holds control characters".into());
    }
    Ok(user)
}

/// A user's name before an `@`. Characters that have a meaning in an address are percent-encoded.
struct Encoded<'a>(&'a str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if c.is_alphanumeric() || "-._~+".contains(c) {
                write!(f, "{c}")?;
            } else {
                c.encode_utf8(&mut [0; 4]).bytes().try_for_each(|byte| write!(f, "%{byte:02X}"))?;
            }
        }
        Ok(())
    }
}

/// Splits `host:port` from the path, which begins with the first slash.
fn cut_path(rest: &str) -> (&str, Option<&str>) {
    match rest.find('/') {
        Some(at) => {
            let (authority, path) = rest.split_at(at);
            (authority, Some(path))
        }
        None => (rest, None),
    }
}

fn host_and_port(authority: &str) -> Result<(&str, Option<u16>), String> {
    let (host, port) = if let Some(inside) = authority.strip_prefix('[') {
        let (host, after) = inside.split_once(']').ok_or("the bracket is not closed")?;
        (host, after.strip_prefix(':').or((!after.is_empty()).then_some(after)))
    } else {
        match authority.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err("an IPv6 address needs brackets: [::1]:2375".into());
            }
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    // A program that gets such a host as an argument would read it as an option.
    if host.starts_with('-') {
        return Err("the host begins with `-`".into());
    }
    if let Some(odd) = host.chars().find(|c| !c.is_alphanumeric() && !"-._:%".contains(*c)) {
        return Err(format!("the host holds {odd:?}"));
    }
    let port = port.filter(|port| !port.is_empty()).map(port_number).transpose()?;
    Ok((host, port))
}

fn port_number(text: &str) -> Result<u16, String> {
    let number = text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    number
        .filter(|port| *port != 0)
        .ok_or_else(|| format!("the port {text:?} is not a number from 1 to 65535"))
}

/// The text with `***` for the password of `user:password@`.
fn without_password(text: &str) -> String {
    let start = text.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = text.split_at(start);
    match rest.rsplit_once('@') {
        Some((user, after)) => match user.split_once(':') {
            Some((user, _)) => format!("{scheme}{user}:***@{after}"),
            None => text.into(),
        },
        None => text.into(),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port, tls } => {
                let scheme = if tls.is_some() { "https" } else { "tcp" };
                write!(f, "{scheme}://{}:{port}", Bracketed(host))
            }
            Self::Ssh { user, host, port, path } => {
                f.write_str("ssh://")?;
                user.iter().try_for_each(|user| write!(f, "{}@", Encoded(user)))?;
                write!(f, "{}", Bracketed(host))?;
                port.iter().try_for_each(|port| write!(f, ":{port}"))?;
                path.iter().try_for_each(|path| f.write_str(path))
            }
        }
    }
}

/// A host as it stands before a port: IPv6 in brackets.
struct Bracketed<'a>(&'a str);

impl fmt::Display for Bracketed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') { write!(f, "[{}]", self.0) } else { f.write_str(self.0) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Text that resembles an address.
    fn like_an_address() -> impl Strategy<Value = String> {
        let scheme =
            prop::sample::select(vec!["unix://", "tcp://", "http://", "https://", "ssh://", "fd://", ""]);
        (scheme, "([a-z@:.-]{1,6}@)?", "[a-z0-9.:%_\\[\\]-]{0,10}", "(:[0-9]{0,6})?", "(/[ -~]{0,10})?")
            .prop_map(|(scheme, user, host, port, path)| [scheme, &user, &host, &port, &path].concat())
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in prop_oneof!["\\PC{0,60}", like_an_address()]) {
            if let Ok(address) = text.parse::<Address>() {
                let printed = address.to_string();
                prop_assert_eq!(printed.parse::<Address>().unwrap(), address, "{} from {}", printed, text);
            }
        }

        #[test]
        fn no_password_is_ever_repeated(
            scheme in "(tcp|ssh|http|https|unix|ftp)",
            secret in "s3cret[!-.0-~]{0,8}",
            rest in "[a-z0-9.:/-]{0,12}",
        ) {
            let read = format!("{scheme}://me:{secret}@{rest}").parse::<Address>();
            if let Err(error) = read {
                prop_assert!(!error.to_string().contains("s3cret"), "{}", error);
            } else {
                prop_assert_eq!(scheme, "unix");
            }
        }
    }

    #[test]
    fn every_scheme_is_read_and_printed() {
        for (text, printed) in [
            ("unix:///run/x.sock", "unix:///run/x.sock"),
            ("unix://", "unix:///var/run/docker.sock"),
            ("/run/x.sock", "unix:///run/x.sock"),
            ("./x.sock", "unix://./x.sock"),
            ("tcp://1.2.3.4:99", "tcp://1.2.3.4:99"),
            ("tcp://ci/", "tcp://ci:2375"),
            ("tcp://", "tcp://localhost:2375"),
            ("tcp://:99", "tcp://localhost:99"),
            ("ci", "tcp://ci:2375"),
            ("ci:99", "tcp://ci:99"),
            ("tcp://[::1]", "tcp://[::1]:2375"),
            ("tcp://[::1]:99", "tcp://[::1]:99"),
            ("http://ci:99", "tcp://ci:99"),
            ("https://ci", "https://ci:2376"),
            (" ssh://ci\n", "ssh://ci"),
            ("ssh://me@ci:22/run/x.sock", "ssh://me@ci:22/run/x.sock"),
            ("ssh://me@[::1]:22/", "ssh://me@[::1]:22"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), printed, "{text}");
            assert_eq!(printed.parse::<Address>().unwrap(), address, "{text}");
        }
    }

    #[test]
    fn a_bad_address_says_what_is_wrong_with_it() {
        for (text, reason) in [
            ("ftp://ci", "is none of unix"),
            ("npipe:////./pipe/docker_engine", "Windows"),
            ("fd://", "engine listens"),
            ("tcp://ci:0", "port"),
            ("tcp://ci:65536", "port"),
            ("tcp://ci:+5", "port"),
            ("tcp://ci:99/v1", "path"),
            ("tcp://::1:99", "brackets"),
            ("tcp://[::1", "bracket"),
            ("tcp://[::1]x", "port"),
            ("tcp://-oProxyCommand=x", "begins with `-`"),
            ("ssh://-oProxyCommand=x", "begins with `-`"),
            ("ssh://-x@ci", "user name"),
            ("ssh://", "host is missing"),
            ("ssh://ci/x?y", "`?`"),
            ("ssh://a;b", "';'"),
            ("tcp://a b", "spaces"),
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert_eq!(error.kind(), crate::error::ErrorKind::InvalidInput);
            let message = error.to_string();
            assert!(message.contains(reason) && error.hint().is_some(), "{text}: {message}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_repeated() {
        for text in ["ssh://me:s3cret@ci", "tcp://me:s3cret@ci:99", "ssh://me:a@s3cret@ci"] {
            let message = text.parse::<Address>().unwrap_err().to_string();
            assert!(!message.contains("s3cret") && message.contains("me:***@ci"), "{message}");
        }
    }

    #[test]
    fn a_user_of_ssh_is_percent_decoded_and_printed_so_that_it_is_read_again() {
        let address: Address = "ssh://me%40corp@build:2222".parse().unwrap();
        assert!(
            matches!(&address, Address::Ssh { user: Some(user), .. } if user == "me@corp"),
            "{address:?}"
        );
        assert_eq!(address.to_string(), "ssh://me%40corp@build:2222");
        for wrong in
            ["ssh://a%@h", "ssh://a%4@h", "ssh://%ff@h", "ssh://%2Doption@h", "ssh://a%0ab@h", "ssh://a%+1@h"]
        {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }
}
