//! The conditions that make a task ready: what a user writes after `--wait-for`.

pub mod fail_on;
pub mod http;
pub mod server_protocol;

use std::{fmt, str::FromStr};

use regex_lite::Regex;

use crate::{
    config::value::{
        condition::{http::HttpCondition, server_protocol::ServerProtocol},
        port::{Port, Protocol},
    },
    error::Error,
};

/// A condition that a task must meet to count as ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Its process runs.
    Running,
    /// Its health check passes.
    Healthy,
    /// A process of the task listens on this port, reachable from outside the container; without a
    /// port, on every tcp port that the container exposes.
    Port(Option<Port>),
    /// That many lines of its output (either stream) match.
    Log {
        /// A regular expression in the syntax of the crate `regex-lite`; it need not match the whole line.
        pattern: String,
        /// How many lines must match.
        times: u32,
    },
    /// A request to a published port is answered as expected.
    Http(HttpCondition),
    /// The server on this published tcp port answers in its own protocol that it accepts clients.
    Server {
        /// The protocol.
        protocol: ServerProtocol,
        /// The container's port.
        port: u16,
    },
    /// Its health check passes, if it has one; else the servers on exposed ports with a known protocol accept clients;
    /// else something listens on every exposed tcp port.
    Ready,
    /// This path exists in the container.
    File(String),
    /// A command run in the container exits with 0.
    Exec(String),
    /// Its process ends.
    Exit,
}

const HINT: &str = "write ready, running, healthy, port, port=5432, log=REGEX, log*2=REGEX, http=8080/path, \
                    https=8443/path, postgres, mysql, redis, amqp, file=/path, exec=COMMAND or exit";

impl FromStr for Condition {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (word, argument) = match text.split_once('=') {
            Some((word, argument)) => (word, Some(argument)),
            None => (text, None),
        };
        let invalid = |reason: &str| Error::invalid("condition", text, reason).with_hint(HINT);
        match (word, argument) {
            ("running", None) => Ok(Self::Running),
            ("healthy", None) => Ok(Self::Healthy),
            ("exit", None) => Ok(Self::Exit),
            ("ready", None) => Ok(Self::Ready),
            ("port", None) => Ok(Self::Port(None)),
            ("port", Some(port)) => port_condition(port).ok_or_else(|| invalid("not a port")),
            ("http" | "https", Some(target)) => {
                HttpCondition::parse(word == "https", target).map(Self::Http).map_err(|e| invalid(&e))
            }
            ("file", Some(path)) => file(path).map_err(invalid),
            ("exec", Some("")) => Err(invalid("the command is missing")),
            ("exec", Some(command)) => Ok(Self::Exec(command.to_owned())),
            (_, Some(pattern)) if word == "log" || word.starts_with("log*") => log(word, pattern, text),
            ("log" | "http" | "https" | "exec" | "file", None) => {
                Err(invalid("a value is missing after `=`"))
            }
            _ => server(word, argument).unwrap_or(Err("not a condition")).map_err(invalid),
        }
    }
}

/// A condition by a server's protocol, if `word` names one.
fn server(word: &str, port: Option<&str>) -> Option<Result<Condition, &'static str>> {
    let protocol = ServerProtocol::ALL.into_iter().find(|protocol| protocol.word() == word)?;
    let port = match port {
        None => Some(protocol.default_port()),
        Some(port) => port.strip_suffix("/tcp").unwrap_or(port).parse().ok().filter(|number| *number > 0),
    };
    Some(port.map(|port| Condition::Server { protocol, port }).ok_or("not a tcp port"))
}

fn file(path: &str) -> Result<Condition, &'static str> {
    if path.contains('\0') {
        return Err("a path holds no zero byte");
    }
    if path.starts_with('/') { Ok(Condition::File(path.to_owned())) } else { Err("the path is not absolute") }
}

fn port_condition(text: &str) -> Option<Condition> {
    let port: Port = text.parse().ok()?;
    (port.protocol != Protocol::Sctp).then_some(Condition::Port(Some(port)))
}

fn log(word: &str, pattern: &str, text: &str) -> Result<Condition, Error> {
    let invalid = |reason: &str| Error::invalid("condition", text, reason).with_hint(HINT);
    let times = match word.strip_prefix("log*") {
        None => 1,
        Some(times) => {
            times.parse().ok().filter(|n| *n > 0).ok_or_else(|| invalid("not a number of times"))?
        }
    };
    if pattern.is_empty() {
        return Err(invalid("the regular expression is missing"));
    }
    Regex::new(pattern).map_err(|e| invalid(&e.to_string()))?;
    Ok(Condition::Log { pattern: pattern.to_owned(), times })
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => f.write_str("running"),
            Self::Healthy => f.write_str("healthy"),
            Self::Port(None) => f.write_str("port"),
            Self::Port(Some(port)) => write!(f, "port={port}"),
            Self::Log { pattern, times: 1 } => write!(f, "log={pattern}"),
            Self::Log { pattern, times } => write!(f, "log*{times}={pattern}"),
            Self::Http(http) => http.fmt(f),
            Self::Server { protocol, port } if *port == protocol.default_port() => protocol.fmt(f),
            Self::Server { protocol, port } => write!(f, "{protocol}={port}"),
            Self::Ready => f.write_str("ready"),
            Self::File(path) => write!(f, "file={path}"),
            Self::Exec(command) => write!(f, "exec={command}"),
            Self::Exit => f.write_str("exit"),
        }
    }
}

crate::config::text::text_serde!(Condition, "a condition");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_condition_prints_what_it_was_read_from() {
        for text in [
            "running",
            "healthy",
            "exit",
            "port",
            "port=5432/tcp",
            "port=53/udp",
            "log=ready to accept",
            "log*2=ready=yes",
            "http=8080/health?a=b",
            "https=8443/",
            "https=8443/up,status=401,body=no, not yet,insecure",
            "ready",
            "postgres",
            "postgres=5433",
            "mysql",
            "redis=6380",
            "amqp",
            "file=/run/up to date",
            "exec=pg_isready -U cube",
        ] {
            assert_eq!(text.parse::<Condition>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn omitted_parts_get_their_defaults() {
        assert_eq!("port=80".parse::<Condition>().unwrap().to_string(), "port=80/tcp");
        assert_eq!("http=80".parse::<Condition>().unwrap().to_string(), "http=80/");
        assert_eq!("redis=6379/tcp".parse::<Condition>().unwrap().to_string(), "redis");
        assert_eq!("http=80,status=200".parse::<Condition>().unwrap().to_string(), "http=80/,status=200");
        assert_eq!("log*1=x".parse::<Condition>().unwrap().to_string(), "log=x");
    }

    #[test]
    fn a_malformed_condition_is_refused_with_a_hint() {
        for text in [
            "",
            "ready=1",
            "postgres=",
            "postgres=x",
            "mysql=0",
            "redis=6379/udp",
            "file",
            "file=",
            "file=up",
            "http=80/,status=9",
            "http=80/,status=300-200",
            "http=80/,body=(",
            "http=80/,body=",
            "port=",
            "port=x",
            "port=70000",
            "port=1/sctp",
            "log",
            "log=",
            "log*0=x",
            "log*x=x",
            "log=(",
            "http=",
            "http=/x",
            "http=80/ x",
            "exec=",
            "running=1",
            "logs=x",
            "http",
        ] {
            let error = text.parse::<Condition>().unwrap_err();
            assert!(error.hint().is_some() && error.to_string().contains("condition"), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,60}") {
            if let Ok(condition) = text.parse::<Condition>() {
                prop_assert_eq!(condition.to_string().parse::<Condition>().unwrap(), condition);
            }
        }
    }
}
