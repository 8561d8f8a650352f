//! What every command needs: the global flags, the connection to the engine, the runtime and the log.

pub mod log;

use std::{
    io::{self, IsTerminal},
    os::unix::net::UnixStream,
    time::Duration,
};

use cube::{Address, AddressChoice, Docker, Error, ErrorKind, Surroundings, duration};
use rustix::{
    io::{Errno, fcntl_dupfd_cloexec},
    process::{Resource, getrlimit},
};
use tokio::runtime::{Builder, Runtime};

use crate::cli::{
    args::global::{Global, OutputFormat, When},
    output::{stdio, variables},
    signals,
};

/// Up to this limit of open files, cube checks that it can open as many as it needs.
const FEW_DESCRIPTORS: u64 = 64;
/// How many file descriptors a runtime, the signals and the first connection need.
const RUNTIME_DESCRIPTORS: u32 = 8;

/// The global flags, and the settings that follow from them.
#[derive(Clone)]
pub struct App {
    /// The flags.
    pub global: Global,
}

impl App {
    pub fn new(mut global: Global) -> Self {
        global.host.retain(|host| !host.is_empty());
        if global.host.is_empty() {
            global.host = engine_hosts(&std::env::var("CUBE_HOST").unwrap_or_default());
        }
        Self { global }
    }

    /// The engine that the flags and the environment name; of several, the first that answers. If there is only
    /// one, nothing is sent yet.
    pub async fn docker(&self) -> Result<Docker, Error> {
        variables::check_place(self.global.output)?;
        let limit = duration::parse(&self.global.engine_timeout)?;
        let quiet = self.global.quiet;
        let warn = move |text: &str| {
            if !quiet {
                stdio::note(&format!("warning: {text}"));
            }
        };
        let (docker, silent) =
            connect(&self.global.host, self.global.context.as_deref(), limit, &warn).await?;
        for reason in silent.iter().filter(|_| !self.global.quiet) {
            stdio::note(&format!("{reason}; {} is asked instead", docker.address()));
        }
        tracing::info!("engine at {}", docker.address());
        Ok(docker)
    }

    /// The hosts where a task of `docker` can be found again: any manager of a swarm knows its services, but only
    /// the task's own engine knows a container.
    pub fn hosts_of(&self, docker: &Docker, swarm: bool) -> Vec<String> {
        let hosts = self.global.host.iter();
        let is_meant = |host: &&String| {
            swarm || resolve(Some(host), None, &|_| ()).is_ok_and(|address| address == *docker.address())
        };
        hosts.filter(is_meant).cloned().collect()
    }

    /// The form of the output.
    pub fn output(&self) -> OutputFormat {
        self.global.output
    }

    /// Whether what goes to standard error may have colours.
    pub fn colors_errors(&self) -> bool {
        match self.global.color {
            When::Always => true,
            When::Never => false,
            When::Auto => {
                io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
            }
        }
    }
}

/// The runtime in which every command runs.
pub fn runtime() -> Result<Runtime, Error> {
    check_descriptors()?;
    Builder::new_current_thread()
        .enable_all()
        .on_thread_start(signals::leave_to_main)
        .build()
        .map_err(no_runtime)
}

/// Checks that enough files can be opened for a runtime, and a pair of sockets, by which it hears of signals: it would
/// panic otherwise.
fn check_descriptors() -> Result<(), Error> {
    UnixStream::pair().map_err(no_runtime)?;
    if getrlimit(Resource::Nofile).current.is_none_or(|limit| limit > FEW_DESCRIPTORS) {
        return Ok(());
    }
    let input = io::stdin();
    // If standard input is closed, this fails with another error, which does not matter.
    let free = |_| match fcntl_dupfd_cloexec(&input, 0) {
        Err(Errno::MFILE) => Err(too_few_descriptors().with_source(io::Error::from(Errno::MFILE))),
        other => Ok(other.ok()),
    };
    (0..RUNTIME_DESCRIPTORS).map(free).collect::<Result<Vec<_>, _>>().map(drop)
}

/// Why a runtime cannot be made: this process's limit, or the whole system's.
fn no_runtime(cause: io::Error) -> Error {
    let error = match Errno::from_io_error(&cause) {
        Some(Errno::NOMEM | Errno::NOBUFS | Errno::NFILE) => {
            Error::new(ErrorKind::Output, "cube cannot start: this machine is out of memory or of open files")
                .with_hint(
                    "end what takes them: `free -h` and `cat /proc/sys/fs/file-nr` show how much is left",
                )
        }
        _ => too_few_descriptors(),
    };
    error.with_source(cause)
}

fn too_few_descriptors() -> Error {
    let limit = getrlimit(Resource::Nofile).current.map_or("unlimited".to_owned(), |limit| limit.to_string());
    Error::new(ErrorKind::Output, format!("cube cannot open the files that it needs: the limit is {limit}"))
        .with_hint(signals::LIMIT_HINT)
}

/// Connects to the first of `hosts` that answers; also returns why the ones before it did not.
pub async fn connect(
    hosts: &[String],
    context: Option<&str>,
    limit: Duration,
    warn: &(dyn Fn(&str) + Sync),
) -> Result<(Docker, Vec<Error>), Error> {
    let mut addresses = match hosts {
        [] => vec![resolve(None, context, warn)?],
        hosts => hosts.iter().map(|host| resolve(Some(host), context, warn)).collect::<Result<_, _>>()?,
    };
    // With --context all of them are the same address.
    addresses.dedup();
    let surroundings = Surroundings::of_process();
    let connected = match <[Address; 1]>::try_from(addresses) {
        Ok([only]) => Docker::connect(only, &surroundings, limit).map(|docker| (docker, Vec::new())),
        Err(several) => Docker::connect_first(several, &surroundings, limit).await,
    };
    connected.map_err(of_address)
}

fn resolve(
    host: Option<&str>,
    context: Option<&str>,
    warn: &(dyn Fn(&str) + Sync),
) -> Result<Address, Error> {
    let choice = AddressChoice { context: context.map(str::to_owned), host: host.map(str::to_owned) };
    Address::resolve(&choice, &Surroundings { warn, ..Surroundings::of_process() }).map_err(of_address)
}

/// The addresses in `CUBE_HOST`. A host without scheme and port is a task's, set by `with` or `-o env`.
pub fn engine_hosts(variable: &str) -> Vec<String> {
    variable.split_whitespace().filter(|host| names_engine(host)).map(str::to_owned).collect()
}

/// Whether there is a scheme or a port.
fn names_engine(host: &str) -> bool {
    let has_port = |host: &str| {
        host.rsplit_once(':').is_some_and(|(name, port)| {
            (!name.contains(':') || name.ends_with(']')) && port.parse::<u16>().is_ok()
        })
    };
    host.contains("://") || has_port(host)
}

/// An unusable address may come from the environment, so it does not count as a wrong command line.
fn of_address(error: Error) -> Error {
    match error.kind() {
        ErrorKind::InvalidInput => error.with_kind(ErrorKind::BadAddress),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::engine_hosts;

    #[test]
    fn the_address_of_a_task_is_not_used_as_the_engine_s() {
        assert!(engine_hosts("127.0.0.1").is_empty() && engine_hosts("").is_empty());
        assert!(engine_hosts("::1").is_empty() && engine_hosts("db.example.com").is_empty());
        assert_eq!(engine_hosts("unix:///a tcp://b"), ["unix:///a", "tcp://b"]);
        assert_eq!(engine_hosts("b:2375 [::1]:2375"), ["b:2375", "[::1]:2375"]);
    }
}
