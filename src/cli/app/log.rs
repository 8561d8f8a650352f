//! The verbose log: the library's events as lines on standard error. Only cube's own: what the crates below it log may
//! hold whole requests, environment variables and all.

use std::{
    fmt::{Debug, Write as _},
    io::{self, Write as _},
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
};

use crate::cli::output::patient::Patient;

/// Sends events to standard error from now on: of the level INFO at a `verbosity` of 1, DEBUG too above.
pub fn begin(verbosity: u8) {
    let most = match verbosity {
        0 => return,
        1 => Level::INFO,
        _ => Level::DEBUG,
    };
    // It fails where there is a log already: then there is nothing to do.
    let _ = tracing::subscriber::set_global_default(Log { most });
}

/// A log on standard error, up to a level.
struct Log {
    most: Level,
}

impl Subscriber for Log {
    fn enabled(&self, event: &Metadata<'_>) -> bool {
        !event.is_span() && *event.level() <= self.most && event.target().starts_with("cube")
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::from_level(self.most))
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = LogLine(format!("{:>5}", event.metadata().level().as_str()));
        event.record(&mut line);
        // A log that cannot be written is no reason to fail.
        let _ = Patient(io::stderr()).write_all(format!("{}\n", line.0).as_bytes());
    }

    // There are no spans: none is enabled.
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// An event in words: its message, and its other fields by name.
struct LogLine(String);

impl Visit for LogLine {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn only_cubes_own_events_are_logged_up_to_the_level() {
        let seen = |most, level: Level, target: &'static str| {
            let log = Log { most };
            tracing::subscriber::with_default(log, || match (level, target) {
                (Level::INFO, "cube") => tracing::enabled!(target: "cube::docker", Level::INFO),
                (Level::DEBUG, "cube") => tracing::enabled!(target: "cube::docker", Level::DEBUG),
                _ => tracing::enabled!(target: "bollard", Level::INFO),
            })
        };
        assert!(seen(Level::INFO, Level::INFO, "cube") && !seen(Level::INFO, Level::DEBUG, "cube"));
        assert!(seen(Level::DEBUG, Level::DEBUG, "cube") && !seen(Level::DEBUG, Level::INFO, "bollard"));
    }
}
