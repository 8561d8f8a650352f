//! The frames of multiplexed output, and the newlines that one log driver loses behind them.

use bytes::{Buf, Bytes};

use crate::{
    docker::output::{
        frames::{Decoder, Piece, Stream},
        lost_newlines::Newlines,
    },
    error::ErrorKind,
    fuzzing::pieces::ways,
};

/// The longest part that the log driver writes, in bytes.
const PART: usize = 16 << 10;

/// A frame's stream and what came of its data; and how the output ended.
type Read = (Vec<(Stream, Vec<u8>)>, Result<(), ErrorKind>);

pub(crate) fn check(bytes: &[u8]) {
    let expected = expected(bytes);
    for pieces in ways(bytes) {
        assert_eq!(read(pieces.clone(), &mut Some), expected);
        let mut raw = Decoder::new(true);
        let mut all = Vec::new();
        for piece in pieces {
            raw.feed(piece);
            while let Some(chunk) = raw.next().unwrap() {
                all.extend_from_slice(&chunk.bytes);
            }
        }
        assert!(raw.finish().is_ok() && all == bytes);
    }
    for stamp in [0, 31] {
        check_newlines(bytes, stamp, &expected);
    }
}

/// The frames as the engine's API describes them.
fn expected(mut rest: &[u8]) -> Read {
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let Some((header, data)) = rest.split_at_checked(8) else {
            return (frames, Err(ErrorKind::ConnectionLost));
        };
        let length = (&header[4..]).get_u32() as usize;
        if header[0] > 3 || header[1..4] != [0; 3] {
            return (frames, Err(ErrorKind::BadAnswer));
        }
        let whole = length <= data.len();
        let (data, after) = data.split_at(length.min(data.len()));
        match header[0] {
            1 if !data.is_empty() => frames.push((Stream::Stdout, data.to_vec())),
            2 if !data.is_empty() => frames.push((Stream::Stderr, data.to_vec())),
            3 if whole && length > 0 => return (frames, Err(ErrorKind::Engine)),
            _ => {}
        }
        if !whole {
            return (frames, Err(ErrorKind::ConnectionLost));
        }
        rest = after;
    }
    (frames, Ok(()))
}

fn read(pieces: Vec<Bytes>, through: &mut dyn FnMut(Piece) -> Option<Piece>) -> Read {
    let (mut decoder, mut frames) = (Decoder::new(false), Vec::<(Stream, Vec<u8>)>::new());
    for piece in pieces {
        let length = piece.len();
        decoder.feed(piece);
        loop {
            let piece = match decoder.next_piece() {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                Err(error) => return (frames, Err(error.kind())),
            };
            assert!(piece.chunk.bytes.len() <= length, "more comes out than went in");
            let Some(Piece { chunk, first, .. }) = through(piece) else { continue };
            match frames.last_mut() {
                Some((stream, data)) if !first => {
                    assert_eq!(*stream, chunk.stream);
                    data.extend_from_slice(&chunk.bytes);
                }
                _ => frames.push((chunk.stream, chunk.bytes.to_vec())),
            }
        }
    }
    (frames, decoder.finish().map_err(|error| error.kind()))
}

/// Newlines come between parts and nothing else changes, wherever the parts are cut. Longer parts than the driver's
/// are no log of its.
fn check_newlines(bytes: &[u8], stamp: usize, expected: &Read) {
    if expected.1.is_err() || expected.0.iter().any(|(_, data)| data.len() > stamp + PART) {
        return;
    }
    let mended = ways(bytes).map(|pieces| {
        let mut newlines = Newlines::new(stamp);
        read(pieces, &mut |piece| newlines.take(piece))
    });
    assert!(mended[0] == mended[1] && mended[0] == mended[2]);
    let text = |read: &Read| {
        let all: Vec<u8> = read.0.iter().flat_map(|(_, data)| data.clone()).collect();
        all.into_iter().filter(|byte| *byte != b'\n').collect::<Vec<_>>()
    };
    assert_eq!(text(&mended[0]), text(expected));
}
