//! Reads a container's log from the engine.

use chrono::{DateTime, Utc};

use crate::{
    docker::{
        Docker,
        details::Details,
        http::version::Engine,
        output::{
            cursor::{Cursor, ReadFrom, STAMP, Stamps},
            frames::{Chunk, Decoder},
            log_body::LogBody,
            lost_newlines::Newlines,
            tail::Tail,
        },
    },
    error::Error,
};

/// The log driver that loses newlines after long lines, and the API version of Docker's first engine without this
/// fault.
pub(crate) const LOSES_NEWLINES: &str = "local";
const MENDED: (u32, u32) = (1, 42);

/// Which part of the log to read, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Continue until the container ends.
    pub follow: bool,
    /// Only the last lines.
    pub tail: Tail,
    /// A time (RFC 3339, UTC, nine decimals) and a space before each line.
    pub timestamps: bool,
    /// Only what was written at or after this moment.
    pub since: Option<DateTime<Utc>>,
    /// Only what was written before this moment.
    pub until: Option<DateTime<Utc>>,
}

/// A log that is being read.
#[derive(Debug)]
pub struct Logs {
    body: LogBody,
    decoder: Decoder,
    newlines: Option<Newlines>,
    stamps: Option<Stamps>,
}

impl Logs {
    /// Reads the body of an engine's answer; `timed` says that each line has a timestamp.
    pub(crate) fn read(body: LogBody, container: &Details, engine: Engine, timed: bool) -> Self {
        let loses = container.log_driver == LOSES_NEWLINES && engine.is_before(MENDED) && !container.tty;
        Self {
            body,
            decoder: Decoder::new(container.tty),
            newlines: loses.then(|| Newlines::new(if timed { STAMP } else { 0 })),
            stamps: None,
        }
    }

    /// The next piece, or `None` at the log's end.
    ///
    /// # Errors
    /// [`crate::ErrorKind::ConnectionLost`] if the log broke off, or the engine's own failure.
    pub async fn next(&mut self) -> Result<Option<Chunk>, Error> {
        loop {
            while let Some(piece) = self.decoder.next_piece()? {
                let piece = match &mut self.newlines {
                    Some(newlines) => newlines.take(piece),
                    None => Some(piece),
                };
                let Some(piece) = piece else { continue };
                let new = match &mut self.stamps {
                    Some(stamps) => stamps.take(piece)?,
                    None => Some(piece.chunk),
                };
                if new.is_some() {
                    return Ok(new);
                }
            }
            match self.body.next().await? {
                Some(piece) => self.decoder.feed(piece),
                None => return self.decoder.finish().map(|()| None),
            }
        }
    }

    /// Whether the end of the last line is only known with timestamps.
    pub(crate) fn needs_times(&self) -> bool {
        self.newlines.as_ref().is_some_and(Newlines::is_unsure)
    }

    /// Whether it was read from its end, but does not reach back to the part that was returned before.
    pub(crate) fn is_astray(&self) -> bool {
        self.stamps.as_ref().is_some_and(Stamps::is_astray)
    }

    /// The position in the log, if it was requested with timestamps.
    pub(crate) fn cursor(&self) -> Option<Cursor> {
        self.stamps.as_ref().map(Stamps::cursor)
    }
}

impl Docker {
    /// The log of a container. With a `cursor` it is read from there, with timestamps, so that it can be resumed; only
    /// Docker's engines write timestamps that are exact enough.
    pub(crate) async fn container_log(
        &self,
        container: &Details,
        options: &LogOptions,
        cursor: Option<Cursor>,
    ) -> Result<Logs, Error> {
        let engine = self.transport.engine();
        let cursor = cursor.filter(|_| engine.is_docker() && !container.tty);
        let place = cursor.as_ref().map_or(ReadFrom::Beginning, Cursor::place);
        // A log that is resumed begins with parts that were returned before.
        let is_middle = options.tail != Tail::All && place == ReadFrom::Beginning;
        let mut asked = options.clone();
        match place {
            ReadFrom::Since(since) => asked = LogOptions { since: Some(since), tail: Tail::All, ..asked },
            ReadFrom::Tail(lines) => asked.tail = Tail::Lines(lines),
            ReadFrom::Beginning => {}
        }
        asked.timestamps |= cursor.is_some();
        let path = format!("/containers/{}/logs?{}", container.id, query(&asked));
        let body = if asked.follow && !engine.is_docker() {
            let transport = self.transport.clone();
            LogBody::asked(async move { transport.stream_at_any_time(&path).await }).await?
        } else {
            LogBody::Open(self.transport.stream(&path).await?)
        };
        let stamps = cursor.map(|cursor| Stamps::new(cursor, options.timestamps));
        let mut log = Logs { stamps, ..Logs::read(body, container, engine, asked.timestamps) };
        log.newlines = log.newlines.map(|lost| if is_middle { lost.in_the_middle() } else { lost });
        Ok(log)
    }
}

/// The options as a query.
pub(crate) fn query(options: &LogOptions) -> String {
    let mut query =
        format!("stdout=true&stderr=true&follow={}&timestamps={}", options.follow, options.timestamps);
    let tail = match options.tail {
        Tail::All => None,
        Tail::Lines(lines) => Some(lines.to_string()),
    };
    let (since, until) = (options.since.map(unix_time), options.until.map(unix_time));
    for (name, value) in [("tail", &tail), ("since", &since), ("until", &until)] {
        if let Some(value) = value {
            query.push_str(&format!("&{name}={value}"));
        }
    }
    query
}

/// A time in the engine's form: seconds since 1970, with nine decimals.
fn unix_time(moment: DateTime<Utc>) -> String {
    format!("{}.{:09}", moment.timestamp(), moment.timestamp_subsec_nanos().min(999_999_999))
}
