//! The engine's time before each line of a log, by which a log that broke off goes on where it stopped.

use bytes::{Buf, Bytes, BytesMut};
use chrono::{DateTime, NaiveDateTime, Utc};

use crate::{
    docker::{
        http::refusal,
        output::{
            frames::{Chunk, Piece, Stream},
            tail::Tail,
        },
    },
    error::Error,
};

/// The length of a stamp: a time with nine decimals in UTC, and a space.
pub(crate) const STAMP: usize = "2006-01-02T15:04:05.000000000Z ".len();
const TO_THE_SECOND: usize = "2006-01-02T15:04:05".len();
const SECOND: u64 = 1_000_000_000;
/// How many lines an ended log is read from its end: more than an engine leaves out of one that it follows.
const LAST_LINES: u64 = 1_000;

/// How far a log was given, so that just the rest can be asked for.
///
/// Lines come in the log's order, which is not quite that of their times: both streams are written side
/// by side. So the rest is asked for from a moment about a second back, and as many lines as were given
/// since then are passed over. Of a log that has ended it is enough to read its last lines, and to pass over
/// those up to the one that was given last. Times are nanoseconds since 1970.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor {
    checkpoints: Checkpoints,
    /// Lines given, and the last of them.
    lines: u64,
    last: Option<Mark>,
    /// The last lines are to be read.
    at_end: bool,
    /// Bytes given of the line that comes next.
    begun: usize,
    /// The log was not asked for from its beginning.
    tail: bool,
}

/// A moment, and how many of the lines that were given are later.
#[derive(Clone, Copy, Debug, Default)]
struct Checkpoint {
    moment: u64,
    lines_after: u64,
}

impl Checkpoint {
    fn pass(&mut self, time: u64) {
        self.lines_after += u64::from(time > self.moment);
    }
}

/// From where the rest of a log is asked for, and what takes its place. Always true: all lines given that are later
/// than either moment are counted there, and `resume` is not later than `next`, which is not later than the latest
/// line. A line that comes a second late is still after `resume`.
#[derive(Clone, Copy, Debug, Default)]
struct Checkpoints {
    resume: Checkpoint,
    next: Checkpoint,
    latest: u64,
}

impl Checkpoints {
    /// Begins at a line of this time instead of the log's beginning.
    fn begin(&mut self, time: u64) {
        self.resume.moment = time.saturating_sub(1);
    }

    fn pass(&mut self, time: u64) {
        self.resume.pass(time);
        self.next.pass(time);
        self.latest = self.latest.max(time);
        if self.latest - self.next.moment >= SECOND {
            self.resume = Checkpoint { moment: self.resume.moment.max(self.next.moment), ..self.next };
            // No line so far is later than the latest.
            self.next = Checkpoint { moment: self.latest, lines_after: 0 };
        }
    }
}

/// A line by what no other has: its stream, its time, and how many before it had the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    stream: Stream,
    time: u64,
    times: u64,
}

/// Where to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReadFrom {
    /// Where the log was asked for in the first place.
    Beginning,
    /// At a moment.
    Since(DateTime<Utc>),
    /// So many lines before the end.
    Tail(u64),
}

impl Cursor {
    /// The beginning of what `tail` asks for.
    pub(crate) fn new(tail: Tail) -> Self {
        Self { tail: tail != Tail::All, ..Self::default() }
    }

    /// The same place in a log that has ended, if it is to be found from there and that is the shorter way.
    pub(crate) fn seen_from_end(self) -> Self {
        let at_end = self.lines >= LAST_LINES && self.begun == 0;
        Self { at_end, ..self }
    }

    /// From where on to ask for lines.
    pub(crate) fn place(&self) -> ReadFrom {
        match self.checkpoints.resume.moment + 1 {
            _ if self.at_end => ReadFrom::Tail(LAST_LINES),
            1 => ReadFrom::Beginning,
            from => ReadFrom::Since(moment(from)),
        }
    }

    fn pass(&mut self, stream: Stream, time: u64) {
        let times = match self.last {
            Some(last) if (last.stream, last.time) == (stream, time) => last.times + 1,
            _ => 1,
        };
        self.last = Some(Mark { stream, time, times });
        if self.tail && self.lines == 0 {
            self.checkpoints.begin(time);
        }
        self.lines += 1;
        self.checkpoints.pass(time);
        self.begun = 0;
    }
}

/// Takes the stamps off the lines of a log, and passes over what was given before.
#[derive(Debug)]
pub(crate) struct Stamps {
    cursor: Cursor,
    /// Lines to pass over, and then bytes of the next.
    known_lines: u64,
    known_bytes: usize,
    /// Up to this one they are known too.
    sought: Option<Mark>,
    /// Lines passed over on the way to it.
    passed: u64,
    /// Whether the stamps are wanted.
    shown: bool,
    stamp: BytesMut,
    time: u64,
    clock: Clock,
}

impl Stamps {
    /// For a log that was asked for from `cursor` on.
    pub(crate) fn new(cursor: Cursor, shown: bool) -> Self {
        let at_end = cursor.at_end;
        Self {
            known_lines: if at_end { 0 } else { cursor.checkpoints.resume.lines_after },
            known_bytes: cursor.begun,
            sought: cursor.last.filter(|_| at_end),
            passed: 0,
            cursor: Cursor { at_end: false, ..cursor },
            shown,
            stamp: BytesMut::with_capacity(STAMP),
            time: 0,
            clock: Clock::default(),
        }
    }

    /// How far the log was given by now.
    pub(crate) fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Whether the line that was given last did not come: more than the last lines are new.
    pub(crate) fn is_astray(&self) -> bool {
        self.sought.is_some()
    }

    /// Sees whether a known line is the last of them.
    fn seek(&mut self, stream: Stream) {
        let time = self.time;
        self.passed += 1;
        let Some(sought) = self.sought.as_mut().filter(|mark| (mark.stream, mark.time) == (stream, time))
        else {
            return;
        };
        if self.passed == 1 {
            // How many of that time came before the first line is not to be seen.
            sought.times = u64::MAX;
        }
        sought.times -= 1;
        self.sought = self.sought.filter(|mark| mark.times > 0);
    }

    /// What is new in a piece.
    pub(crate) fn take(&mut self, piece: Piece) -> Result<Option<Chunk>, Error> {
        let Piece { mut chunk, first, last } = piece;
        if first {
            self.stamp.clear();
        }
        let begins = self.stamp.len() < STAMP;
        if begins && !self.read_stamp(&mut chunk.bytes)? {
            return if last { Err(no_time()) } else { Ok(None) };
        }
        if self.sought.is_some() {
            if last {
                self.seek(chunk.stream);
            }
            return Ok(None);
        }
        if self.known_lines > 0 {
            self.known_lines -= u64::from(last);
            return Ok(None);
        }
        if begins && self.shown {
            chunk.bytes = [&self.stamp[..], &chunk.bytes[..]].concat().into();
        }
        let known = self.known_bytes.min(chunk.bytes.len());
        self.known_bytes -= known;
        chunk.bytes.advance(known);
        self.cursor.begun += chunk.bytes.len();
        if last {
            self.cursor.pass(chunk.stream, self.time);
            self.known_bytes = 0;
        }
        Ok((!chunk.bytes.is_empty()).then_some(chunk))
    }

    /// Moves the stamp out of `bytes`; `false` if it is not all there yet.
    fn read_stamp(&mut self, bytes: &mut Bytes) -> Result<bool, Error> {
        let missing = STAMP - self.stamp.len();
        self.stamp.extend_from_slice(&bytes.split_to(missing.min(bytes.len())));
        if self.stamp.len() < STAMP {
            return Ok(false);
        }
        self.time = self.clock.read(&self.stamp).ok_or_else(no_time)?;
        Ok(true)
    }
}

/// Reads stamps. Most lines are of the same second as the one before.
#[derive(Debug, Default)]
struct Clock {
    text: [u8; TO_THE_SECOND],
    second: u64,
}

impl Clock {
    fn read(&mut self, stamp: &[u8]) -> Option<u64> {
        let (text, fraction) = stamp.split_first_chunk::<TO_THE_SECOND>()?;
        if *text != self.text {
            let time = NaiveDateTime::parse_from_str(std::str::from_utf8(text).ok()?, "%Y-%m-%dT%H:%M:%S");
            self.second = u64::try_from(time.ok()?.and_utc().timestamp()).ok()?;
            self.text = *text;
        }
        let digits = fraction.strip_prefix(b".")?.strip_suffix(b"Z ")?;
        let nanoseconds = std::str::from_utf8(digits).ok()?.parse::<u64>().ok()?;
        Some(self.second * SECOND + nanoseconds)
    }
}

/// A moment by its nanoseconds since 1970.
fn moment(nanoseconds: u64) -> DateTime<Utc> {
    DateTime::from_timestamp_nanos(i64::try_from(nanoseconds).unwrap_or(i64::MAX))
}

fn no_time() -> Error {
    refusal::bad_answer("/containers/…/logs", &"a line has no time before it")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::docker::output::frames::{Decoder, Stream};

    /// A log: the time of each line in milliseconds, and what it says.
    fn body(lines: &[(u64, String)], cursor: &Cursor) -> Vec<u8> {
        let (mut from, mut tail) = (0, lines.len());
        match cursor.place() {
            ReadFrom::Beginning => {}
            ReadFrom::Since(since) => from = u64::try_from(since.timestamp_nanos_opt().unwrap()).unwrap(),
            ReadFrom::Tail(last) => tail = tail.min(usize::try_from(last).unwrap()),
        }
        let mut body = Vec::new();
        let asked = lines[lines.len() - tail..].iter();
        for (time, text) in asked.filter(|(time, _)| time * 1_000_000 >= from) {
            let stamp = chrono::DateTime::from_timestamp_millis(i64::try_from(*time).unwrap()).unwrap();
            let line = format!("{} {text}", stamp.format("%Y-%m-%dT%H:%M:%S.%9fZ"));
            body.extend([1, 0, 0, 0]);
            body.extend(u32::try_from(line.len()).unwrap().to_be_bytes());
            body.extend(line.bytes());
        }
        body
    }

    fn read(body: &[u8], stamps: &mut Stamps, cut: usize) -> Vec<u8> {
        let (mut decoder, mut given) = (Decoder::new(false), Vec::new());
        for piece in body.chunks(cut) {
            decoder.feed(Bytes::copy_from_slice(piece));
            while let Some(piece) = decoder.next_piece().unwrap() {
                given.extend(stamps.take(piece).unwrap().map(|c| c.bytes).unwrap_or_default());
            }
        }
        given
    }

    proptest! {
        #[test]
        fn a_log_cut_anywhere_and_asked_for_again_arrives_once(
            steps in prop::collection::vec((0u64..900, "[a-z]{0,40}\n?"), 0..40),
            jitter in prop::collection::vec(0u64..30, 40),
            cuts in prop::collection::vec(0usize..3_000, 0..4),
            shown in any::<bool>(),
        ) {
            let mut time = 1_800_000_000_000;
            let mut lines = Vec::new();
            for ((step, text), late) in steps.into_iter().zip(jitter) {
                time += step;
                // The times of two streams may be a little out of order.
                lines.push((time - late, text));
            }
            let (mut cursor, mut given) = (Cursor::default(), Vec::new());
            for cut in cuts.into_iter().chain([usize::MAX]) {
                let mut body = body(&lines, &cursor);
                body.truncate(cut);
                let mut stamps = Stamps::new(cursor, shown);
                given.extend(read(&body, &mut stamps, 7));
                cursor = stamps.cursor();
            }
            let mut whole = Stamps::new(Cursor::default(), shown);
            prop_assert_eq!(given, read(&body(&lines, &Cursor::default()), &mut whole, 1000));
        }
    }

    #[test]
    fn the_rest_of_an_ended_log_is_found_from_its_end_or_known_to_be_elsewhere() {
        // Three lines of each moment: the last one given is found all the same.
        let lines: Vec<_> = (0..2_100).map(|i| (1_800_000_000_000 + i / 3, format!("{i}\n"))).collect();
        for given in (1_000..1_200).chain(2_090..=2_100) {
            let mut begun = Stamps::new(Cursor::default(), false);
            read(&body(&lines[..given], &Cursor::default()), &mut begun, 1_000);
            let cursor = begun.cursor().seen_from_end();
            let mut end = Stamps::new(cursor, false);
            let rest = read(&body(&lines, &cursor), &mut end, 1_000);
            let expected: String = lines[given..].iter().map(|(_, text)| text.as_str()).collect();
            // The last thousand begin with line 1100, whose moment has lines before it.
            assert_eq!(end.is_astray(), given < 1_102, "{given}");
            assert_eq!(rest, if end.is_astray() { b"" } else { expected.as_bytes() }, "{given}");
        }
        assert_eq!(Cursor::default().seen_from_end().place(), ReadFrom::Beginning);
    }

    #[test]
    fn what_is_asked_for_again_is_at_most_some_seconds_old() {
        let lines: Vec<_> = (0..100).map(|i| (1_800_000_000_000 + i * 500, "x\n".to_owned())).collect();
        let mut stamps = Stamps::new(Cursor::default(), false);
        read(&body(&lines, &Cursor::default()), &mut stamps, 100);
        let rest = body(&lines, &stamps.cursor());
        assert!(!rest.is_empty() && rest.len() < body(&lines[..6], &Cursor::default()).len());
    }

    #[test]
    fn a_line_without_a_time_is_an_error() {
        let frame = [&[1, 0, 0, 0, 0, 0, 0, 3][..], b"abc"].concat();
        let mut decoder = Decoder::new(false);
        decoder.feed(frame.into());
        let piece = decoder.next_piece().unwrap().unwrap();
        assert_eq!(piece.chunk.stream, Stream::Stdout);
        assert!(Stamps::new(Cursor::default(), false).take(piece).is_err());
    }
}
