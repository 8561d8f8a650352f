//! Uses the engine's timestamp before each line of a log to resume a log where its connection broke.

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

/// The length of a timestamp: a time in UTC with nine decimals, and a space.
pub(crate) const STAMP: usize = "2006-01-02T15:04:05.000000000Z ".len();
const TO_THE_SECOND: usize = "2006-01-02T15:04:05".len();
const SECOND: u64 = 1_000_000_000;
/// The last nanosecond since 1970 that counts (in the year 2262): later times count as this one.
const LATEST: u64 = i64::MAX.unsigned_abs();
/// How many lines are read from the end of an ended log: more than an engine leaves out of a followed log.
const LAST_LINES: u64 = 1_000;

/// The position in a log, from which the rest can be requested.
///
/// Lines come in the order of the log, which is not exactly the order of their times, because both streams are written
/// in parallel. So the rest is requested from a time about a second earlier, and as many lines are skipped as were
/// returned since then. For a log that has ended, it is enough to read its last lines and skip those up to the last one
/// that was returned. Times are nanoseconds since 1970.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor {
    checkpoints: Checkpoints,
    /// The number of lines returned, and the last one.
    lines: u64,
    last: Option<Mark>,
    /// The last one of the other stream.
    other: Option<Mark>,
    /// Whether a stream's own times went back, as after a change of the clock: then a line's time says less of where
    /// it is.
    went_back: bool,
    /// Whether only the last lines are read.
    at_end: bool,
    /// How many bytes of the next line were returned.
    begun: usize,
    /// Whether the log was not read from its beginning.
    tail: bool,
}

/// A time, and how many of the returned lines are later.
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

/// The time from which the rest of a log is requested, and the next one that will replace it. Invariant: each
/// checkpoint counts all returned lines that are later than its time, and `resume` ≤ `next` ≤ the time of the latest
/// line. A line that comes up to a second late is still after `resume`.
#[derive(Clone, Copy, Debug, Default)]
struct Checkpoints {
    resume: Checkpoint,
    next: Checkpoint,
    latest: u64,
}

impl Checkpoints {
    /// Begins at a line with this time instead of the log's beginning.
    fn begin(&mut self, time: u64) {
        self.resume.moment = time.saturating_sub(1);
    }

    fn pass(&mut self, time: u64) {
        self.resume.pass(time);
        self.next.pass(time);
        self.latest = self.latest.max(time);
        if self.latest - self.next.moment >= SECOND {
            self.resume = Checkpoint { moment: self.resume.moment.max(self.next.moment), ..self.next };
            // No line so far is later than `latest`.
            self.next = Checkpoint { moment: self.latest, lines_after: 0 };
        }
    }
}

/// Identifies a line: its stream, its time, and which one it is of the lines with both equal. A stream's own times do
/// not go back, so those follow each other in it, if not in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    stream: Stream,
    time: u64,
    times: u64,
}

/// Where to resume reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReadFrom {
    /// Where the caller's options say.
    Beginning,
    /// At a time.
    Since(DateTime<Utc>),
    /// This many lines before the end.
    Tail(u64),
}

impl Cursor {
    /// The position at the beginning of a log, or of its last lines.
    pub(crate) fn new(tail: Tail) -> Self {
        Self { tail: tail != Tail::All, ..Self::default() }
    }

    /// The same position for a log that has ended; it is searched from the end if that is shorter and possible.
    pub(crate) fn seen_from_end(self) -> Self {
        let at_end = self.lines >= LAST_LINES && self.begun == 0 && !self.went_back;
        Self { at_end, ..self }
    }

    /// Where to request lines from.
    pub(crate) fn place(&self) -> ReadFrom {
        match self.checkpoints.resume.moment + 1 {
            _ if self.at_end => ReadFrom::Tail(LAST_LINES),
            1 => ReadFrom::Beginning,
            from => ReadFrom::Since(moment(from)),
        }
    }

    fn pass(&mut self, stream: Stream, time: u64) {
        if self.last.is_some_and(|last| last.stream != stream) {
            (self.last, self.other) = (self.other, self.last);
        }
        let times = match self.last {
            Some(last) if last.time == time => last.times + 1,
            before => {
                self.went_back |= before.is_some_and(|before| before.time > time);
                1
            }
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

/// Removes the timestamps from the lines of a log, and skips lines that were returned before.
#[derive(Debug)]
pub(crate) struct Stamps {
    cursor: Cursor,
    /// How many lines to skip, and then how many bytes of the next one.
    known_lines: u64,
    known_bytes: usize,
    /// Lines up to this one are skipped too.
    sought: Option<Mark>,
    /// Whether an earlier line of its stream was read before it.
    after_another: bool,
    /// Whether the caller wants the timestamps.
    shown: bool,
    stamp: BytesMut,
    time: u64,
    clock: Clock,
}

impl Stamps {
    /// For a log that was requested from `cursor` on.
    pub(crate) fn new(cursor: Cursor, shown: bool) -> Self {
        let at_end = cursor.at_end;
        Self {
            known_lines: if at_end { 0 } else { cursor.checkpoints.resume.lines_after },
            known_bytes: cursor.begun,
            sought: cursor.last.filter(|_| at_end),
            after_another: false,
            cursor: Cursor { at_end: false, ..cursor },
            shown,
            stamp: BytesMut::with_capacity(STAMP),
            time: 0,
            clock: Clock::default(),
        }
    }

    /// The position now.
    pub(crate) fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Whether the last returned line was not found: more lines are new than were read.
    pub(crate) fn is_astray(&self) -> bool {
        self.sought.is_some()
    }

    /// Checks whether a skipped line is the last one to skip.
    fn seek(&mut self, stream: Stream) {
        let Some(sought) = self.sought.as_mut().filter(|mark| mark.stream == stream) else { return };
        if sought.time != self.time {
            self.after_another = true;
            return;
        }
        if !self.after_another {
            // It is unknown how many lines of this stream with this time come before the first one read.
            sought.times = u64::MAX;
            self.after_another = true;
        }
        sought.times -= 1;
        self.sought = self.sought.filter(|mark| mark.times > 0);
    }

    /// The new part of a piece.
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

    /// Takes the timestamp from `bytes`; `false` if it is not complete yet.
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

/// Parses timestamps. The last second is cached, because most lines have the same second as the one before.
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
        Some(self.second.saturating_mul(SECOND).saturating_add(nanoseconds).min(LATEST))
    }
}

/// The time of nanoseconds since 1970.
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

    /// A log with the time of each line, in milliseconds, and its text.
    fn body(lines: &[(u64, String)], cursor: &Cursor) -> Vec<u8> {
        let (mut from, mut tail) = (0, lines.len());
        match cursor.place() {
            ReadFrom::Beginning => {}
            ReadFrom::Since(since) => from = u64::try_from(since.timestamp_nanos_opt().unwrap()).unwrap(),
            ReadFrom::Tail(last) => tail = tail.min(usize::try_from(last).unwrap()),
        }
        let asked = lines[lines.len() - tail..].iter();
        let asked = asked.filter(|(time, _)| time * 1_000_000 >= from);
        asked.flat_map(|(time, text)| frame(1, *time, text)).collect()
    }

    fn frame(stream: u8, time: u64, text: &str) -> Vec<u8> {
        let stamp = chrono::DateTime::from_timestamp_millis(i64::try_from(time).unwrap()).unwrap();
        let line = format!("{} {text}", stamp.format("%Y-%m-%dT%H:%M:%S.%9fZ"));
        let length = u32::try_from(line.len()).unwrap().to_be_bytes();
        [&[stream, 0, 0, 0], &length[..], line.as_bytes()].concat()
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
        fn a_log_cut_anywhere_and_resumed_arrives_once(
            steps in prop::collection::vec((0u64..900, "[a-z]{0,40}\n?"), 0..40),
            jitter in prop::collection::vec(0u64..30, 40),
            cuts in prop::collection::vec(0usize..3_000, 0..4),
            shown in any::<bool>(),
        ) {
            let mut time = 1_800_000_000_000;
            let mut lines = Vec::new();
            for ((step, text), late) in steps.into_iter().zip(jitter) {
                time += step;
                // The times of the two streams may be slightly out of order.
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
        // Three lines with each time: the last returned one is still found.
        let lines: Vec<_> = (0..2_100).map(|i| (1_800_000_000_000 + i / 3, format!("{i}\n"))).collect();
        for given in (1_000..1_200).chain(2_090..=2_100) {
            let mut begun = Stamps::new(Cursor::default(), false);
            read(&body(&lines[..given], &Cursor::default()), &mut begun, 1_000);
            let cursor = begun.cursor().seen_from_end();
            let mut end = Stamps::new(cursor, false);
            let rest = read(&body(&lines, &cursor), &mut end, 1_000);
            let expected: String = lines[given..].iter().map(|(_, text)| text.as_str()).collect();
            // The last thousand lines begin with line 1100, and there are lines with the same time before it.
            assert_eq!(end.is_astray(), given < 1_102, "{given}");
            assert_eq!(rest, if end.is_astray() { b"" } else { expected.as_bytes() }, "{given}");
        }
        assert_eq!(Cursor::default().seen_from_end().place(), ReadFrom::Beginning);
    }

    #[test]
    fn lines_of_both_streams_with_one_time_are_told_apart() {
        // Six lines with each time, the streams in turn.
        let line = |i: usize| {
            frame(1 + u8::from(i.is_multiple_of(2)), 1_800_000_000_000 + i as u64 / 6, &format!("{i}\n"))
        };
        let lines = |from: usize, to: usize| (from..to).flat_map(line).collect::<Vec<_>>();
        for given in 1_100..1_112 {
            let mut begun = Stamps::new(Cursor::default(), false);
            read(&lines(0, given), &mut begun, 1_000);
            let mut end = Stamps::new(begun.cursor().seen_from_end(), false);
            // The last thousand of 2,099 lines.
            let rest = read(&lines(1_099, 2_099), &mut end, 1_000);
            let expected: String = (given..2_099).map(|i| format!("{i}\n")).collect();
            assert!(end.is_astray() || rest == expected.as_bytes(), "{given}");
            // Those from 1,104 on have an earlier line of their stream before them.
            assert_eq!(end.is_astray(), given < 1_105, "{given}");
        }
    }

    #[test]
    fn a_log_whose_times_go_back_is_not_searched_from_its_end() {
        let mut cursor = Cursor::default();
        for time in (0..1_000).chain([998]) {
            cursor.pass(Stream::Stdout, 1_800_000_000_000_000_000 + time);
        }
        assert!(matches!(cursor.seen_from_end().place(), ReadFrom::Since(_) | ReadFrom::Beginning));
    }

    #[test]
    fn only_the_last_seconds_are_requested_again() {
        let lines: Vec<_> = (0..100).map(|i| (1_800_000_000_000 + i * 500, "x\n".to_owned())).collect();
        let mut stamps = Stamps::new(Cursor::default(), false);
        read(&body(&lines, &Cursor::default()), &mut stamps, 100);
        let rest = body(&lines, &stamps.cursor());
        assert!(!rest.is_empty() && rest.len() < body(&lines[..6], &Cursor::default()).len());
    }

    #[test]
    fn a_time_that_does_not_fit_into_nanoseconds_counts_as_the_latest() {
        let mut clock = Clock::default();
        for stamp in ["2600-01-01T00:00:00.000000000Z ", "9999-12-31T23:59:59.999999999Z "] {
            assert_eq!(clock.read(stamp.as_bytes()), Some(LATEST));
        }
        let mut cursor = Cursor::default();
        cursor.pass(Stream::Stdout, LATEST);
        cursor.pass(Stream::Stdout, LATEST);
        assert_eq!(cursor.place(), ReadFrom::Beginning);
    }

    #[test]
    fn a_line_without_a_timestamp_is_an_error() {
        let frame = [&[1, 0, 0, 0, 0, 0, 0, 3][..], b"abc"].concat();
        let mut decoder = Decoder::new(false);
        decoder.feed(frame.into());
        let piece = decoder.next_piece().unwrap().unwrap();
        assert_eq!(piece.chunk.stream, Stream::Stdout);
        assert!(Stamps::new(Cursor::default(), false).take(piece).is_err());
    }
}
