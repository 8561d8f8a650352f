//! What every command needs: the engine, the flags of every command, and where to print.

use std::io::{self, IsTerminal, Write};

use cube::{Address, AddressChoice, Docker, Error, ErrorKind, Surroundings, duration};
use tracing_subscriber::{filter::LevelFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use super::args::{Global, Output, When};

/// The flags of every command, and what follows from them.
pub struct App {
    /// The flags.
    pub global: Global,
}

impl App {
    pub fn new(mut global: Global) -> Self {
        global.host = global.host.or_else(|| engine_host(std::env::var("CUBE_HOST").ok()));
        Self { global }
    }

    /// The engine that the flags and the environment name. Nothing is sent yet.
    pub fn docker(&self) -> Result<Docker, Error> {
        let limit = duration::parse(&self.global.engine_timeout)?;
        let choice = AddressChoice { context: self.global.context.clone(), host: self.global.host.clone() };
        let surroundings = Surroundings::of_process();
        let address = Address::resolve(&choice, &surroundings).map_err(of_address)?;
        tracing::info!("engine at {address}");
        Docker::connect(address, &surroundings, limit).map_err(of_address)
    }

    /// The form of the output.
    pub fn output(&self) -> Output {
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

/// `CUBE_HOST` as an engine's address. Without a scheme it is what `with` and `-o env` tell of a task.
fn engine_host(variable: Option<String>) -> Option<String> {
    variable.filter(|host| host.contains("://"))
}

/// The environment has a part in the address: an unusable one is no fault of the command line.
fn of_address(error: Error) -> Error {
    match error.kind() {
        ErrorKind::InvalidInput => error.with_kind(ErrorKind::BadAddress),
        _ => error,
    }
}

/// Prints to standard output. A reader that has gone is no error, unless what is printed must arrive.
pub fn print(text: &str) -> Result<(), Error> {
    match print_surely(text) {
        Err(error) if is_closed_pipe(&error) => Ok(()),
        printed => printed.map_err(unwritable),
    }
}

/// Prints to standard output what the caller cannot do without.
pub fn print_surely(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Whether nobody reads any more.
pub fn is_closed_pipe(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

/// The error for output that cannot be written.
pub fn unwritable(cause: io::Error) -> Error {
    Error::new(ErrorKind::Output, "cannot write the output")
        .with_source(cause)
        .with_hint("see whether the disk is full or the output was closed")
}

/// Sends the library's log to standard error. Only cube's own targets: bollard logs whole requests,
/// environment variables and all.
pub fn log(verbosity: u8) {
    let level = match verbosity {
        0 => return,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    let own = tracing_subscriber::filter::filter_fn(|meta| meta.target().starts_with("cube"));
    let lines = fmt::layer().with_writer(io::stderr).with_target(false).with_ansi(false).without_time();
    tracing_subscriber::registry().with(level).with(own).with(lines).init();
}

#[cfg(test)]
mod tests {
    use super::engine_host;

    #[test]
    fn the_address_of_a_task_is_not_taken_for_the_engines() {
        assert_eq!(engine_host(Some("127.0.0.1".into())), None);
        assert_eq!(engine_host(Some("unix:///a".into())).as_deref(), Some("unix:///a"));
    }
}
