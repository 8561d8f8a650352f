//! A log that breaks off and goes on by the times before its lines.

use bytes::Bytes;
use chrono::DateTime;

use crate::{
    docker::output::{
        cursor::{Cursor, ReadFrom, Stamps},
        frames::{Decoder, Stream},
        tail::Tail,
    },
    fuzzing::pieces::{Plan, cut, ways},
};

/// A line: its time in nanoseconds, and its frame.
type Line = (u64, Vec<u8>);
/// What was given: of each piece its stream and its bytes, joined where they follow each other.
type Given = Vec<(Stream, Vec<u8>)>;

const MICROSECOND: u64 = 1_000;
const BEGIN: u64 = 1_800_000_000_000_000_000;
/// The most lines of a log: more than are read from its end.
const LINES: usize = 1_200;

pub(crate) fn check(bytes: &[u8]) {
    let read = ways(bytes).map(|pieces| {
        let (mut stamps, mut given) = (Stamps::new(Cursor::default(), false), Given::new());
        let end = follow(pieces, &mut stamps, &mut given);
        (given, end)
    });
    assert!(read[0] == read[1] && read[0] == read[2]);
    check_resumed(Plan(bytes));
}

/// Plays a log that grows, breaks off at any byte and is asked for again, to its end.
fn check_resumed(mut plan: Plan<'_>) {
    let shown = plan.byte() & 1 == 1;
    let cuts: Vec<usize> = (0..plan.byte() % 5).map(|_| plan.number()).collect();
    let lines = lines(&mut plan);
    let (mut cursor, mut given, mut written) = (Cursor::new(Tail::All), Given::new(), 0);
    for cut_at in cuts {
        // By then so much of the log was written, not less than before.
        written = written.max(cut_at % (lines.len() + 1));
        let mut asked = body(&lines[..written], &cursor);
        asked.truncate(cut_at * 7 % (asked.len() + 1));
        let mut stamps = Stamps::new(cursor, shown);
        let _ = follow(cut(&asked), &mut stamps, &mut given);
        cursor = stamps.cursor();
    }
    let mut rest = Given::new();
    let mut from_end = Stamps::new(cursor.seen_from_end(), shown);
    follow(cut(&body(&lines, &cursor.seen_from_end())), &mut from_end, &mut rest).unwrap();
    if from_end.is_astray() {
        assert!(rest.is_empty());
        let mut stamps = Stamps::new(cursor, shown);
        follow(cut(&body(&lines, &cursor)), &mut stamps, &mut rest).unwrap();
    }
    for (stream, bytes) in rest {
        join(&mut given, stream, &bytes);
    }
    let mut unbroken = Given::new();
    let mut stamps = Stamps::new(Cursor::default(), shown);
    follow(cut(&body(&lines, &Cursor::default())), &mut stamps, &mut unbroken).unwrap();
    assert_eq!(given, unbroken);
}

/// Lines of both streams. Their times are up to a second out of order, as two writers make them.
fn lines(plan: &mut Plan<'_>) -> Vec<Line> {
    let (mut now, mut lines) = (BEGIN, Vec::new());
    while !plan.is_over() && lines.len() < LINES {
        let (kind, length) = (plan.byte(), plan.byte());
        let step = [0, 1, 1_000, 300_000, 999_999, 1_500_000, 5_000_000, 60_000_000][usize::from(kind & 7)];
        let late = [0, 1, 500_000, 999_999][usize::from(kind >> 3 & 3)];
        let stream = if kind & 32 == 0 { 1 } else { 2 };
        let times = if kind & 64 == 0 { 1 } else { usize::from(length) * 4 };
        let mut text = plan.take(usize::from(length % 16)).to_vec();
        if kind & 128 == 0 {
            text.push(b'\n');
        }
        for _ in 0..times.clamp(1, LINES - lines.len()) {
            now += step * MICROSECOND;
            let time = now - late * MICROSECOND;
            lines.push((time, frame(stream, time, &text)));
        }
    }
    lines
}

fn frame(stream: u8, time: u64, text: &[u8]) -> Vec<u8> {
    let moment = DateTime::from_timestamp_nanos(i64::try_from(time).unwrap());
    let stamp = moment.format("%Y-%m-%dT%H:%M:%S.%9fZ ").to_string();
    let length = u32::try_from(stamp.len() + text.len()).unwrap().to_be_bytes();
    [&[stream, 0, 0, 0], &length[..], stamp.as_bytes(), text].concat()
}

/// What an engine answers that is asked from there on.
fn body(lines: &[Line], cursor: &Cursor) -> Vec<u8> {
    let (mut since, mut tail) = (0, lines.len());
    match cursor.place() {
        ReadFrom::Beginning => {}
        ReadFrom::Since(moment) => since = u64::try_from(moment.timestamp_nanos_opt().unwrap()).unwrap(),
        ReadFrom::Tail(last) => tail = tail.min(usize::try_from(last).unwrap()),
    }
    let asked = lines[lines.len() - tail..].iter().filter(|(time, _)| *time >= since);
    asked.map(|(_, frame)| frame.as_slice()).collect::<Vec<_>>().concat()
}

/// Reads a log as far as it goes; the kind of the error that ended it.
fn follow(pieces: Vec<Bytes>, stamps: &mut Stamps, given: &mut Given) -> Result<(), crate::error::ErrorKind> {
    let mut decoder = Decoder::new(false);
    for piece in pieces {
        decoder.feed(piece);
        while let Some(piece) = decoder.next_piece().map_err(|error| error.kind())? {
            if let Some(chunk) = stamps.take(piece).map_err(|error| error.kind())? {
                join(given, chunk.stream, &chunk.bytes);
            }
        }
    }
    decoder.finish().map_err(|error| error.kind())
}

fn join(given: &mut Given, stream: Stream, bytes: &[u8]) {
    match given.last_mut() {
        Some((last, all)) if *last == stream => all.extend_from_slice(bytes),
        _ => given.push((stream, bytes.to_vec())),
    }
}
