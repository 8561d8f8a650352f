//! Restores the newlines that the log driver `local` loses after lines over 16 KiB, in engines before API 1.42. The
//! engine stores such a line in parts and does not store which part is the last.

use bytes::{Bytes, BytesMut};

use crate::docker::output::frames::{Chunk, Piece, Stream};

/// The size of each part of a long line but the last, in bytes.
const PART: usize = 16 << 10;

/// Adds the lost newlines to the pieces of a log.
///
/// In a log with timestamps, a line that consists of full parts ends with an empty part. Without timestamps that part
/// is not sent, so the end of such a line is unknown, see [`Newlines::is_unsure`]. If the last line of a log is that
/// long and its last part is not full, it is unknown whether it ended with a newline: one is added, unless the part
/// contains a NUL byte and so is not text. A log that is read from the middle on may begin with such a last part: its
/// newline is added once another part of the stream follows.
#[derive(Debug)]
pub(crate) struct Newlines {
    /// The length of the timestamp before each part, in bytes.
    stamp: usize,
    /// For stdout and stderr, by the part before.
    before: [Before; 2],
    /// The size of the current part so far, in bytes.
    size: usize,
    /// Whether a full part came without a timestamp.
    unsure: bool,
    /// The current part, held back until its end decides what it is.
    held: Option<BytesMut>,
}

/// What is known from the part before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// The log begins here, perhaps in the middle of a line.
    Middle,
    /// Its line has ended.
    Ended,
    /// Its line may continue.
    Open,
    /// Its line has ended, and has lost its newline.
    Lost,
}

impl Newlines {
    /// For a log with timestamps of `stamp` bytes.
    pub(crate) fn new(stamp: usize) -> Self {
        Self { stamp, before: [Before::Ended; 2], size: 0, unsure: false, held: None }
    }

    /// The same for a log that is not read from its beginning.
    pub(crate) fn in_the_middle(self) -> Self {
        Self { before: [Before::Middle; 2], ..self }
    }

    /// Whether the log must be read with timestamps from here on.
    pub(crate) fn is_unsure(&self) -> bool {
        self.unsure
    }

    /// The piece to return for a piece of the log.
    pub(crate) fn take(&mut self, mut piece: Piece) -> Option<Piece> {
        let before = match piece.chunk.stream {
            Stream::Stdout => &mut self.before[0],
            Stream::Stderr => &mut self.before[1],
        };
        if piece.first {
            self.size = 0;
            self.held = matches!(before, Before::Open | Before::Lost).then(BytesMut::new);
        }
        self.size += piece.chunk.bytes.len();
        let full = self.size == self.stamp + PART;
        let ended = piece.last && piece.chunk.bytes.ends_with(b"\n");
        let was_lost = *before == Before::Lost;
        if piece.last {
            *before = match before {
                _ if full && !ended => Before::Open,
                Before::Middle if !ended && self.size < self.stamp + PART => Before::Lost,
                _ => Before::Ended,
            };
            self.unsure |= *before == Before::Open && self.stamp == 0;
        }
        let Some(mut held) = self.held.take() else { return Some(piece) };
        held.extend_from_slice(&piece.chunk.bytes);
        if !piece.last && self.size <= self.stamp + PART {
            self.held = Some(held);
            return None;
        }
        piece.first = true;
        piece.chunk = Chunk { bytes: mended(held, self.stamp, full, ended || was_lost), ..piece.chunk };
        Some(piece)
    }
}

/// A part after one whose line may continue.
fn mended(mut part: BytesMut, stamp: usize, full: bool, is_new: bool) -> Bytes {
    if is_new {
        // A part with a newline is a line of its own, so the line before ended with its last part.
        let line = part.split_off(stamp.min(part.len()));
        part.extend_from_slice(b"\n");
        part.unsplit(line);
    } else if !full && !part.contains(&0) {
        part.extend_from_slice(b"\n");
    }
    part.freeze()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::docker::output::frames::Decoder;

    /// The length of a frame's head.
    const HEAD: usize = 8;

    /// The engine's log for these lines.
    fn body(lines: &[String], stamp: &str) -> Vec<u8> {
        let mut body = Vec::new();
        for line in lines {
            let long = line.len() >= PART;
            let whole = if long { line.clone() } else { format!("{line}\n") };
            for part in whole.as_bytes().chunks(PART) {
                body.extend([1, 0, 0, 0]);
                body.extend(u32::try_from(stamp.len() + part.len()).unwrap().to_be_bytes());
                body.extend(stamp.bytes());
                body.extend(part);
            }
        }
        body
    }

    fn read(body: &[u8], stamp: usize, cut: usize) -> Vec<u8> {
        read_by(Newlines::new(stamp), body, cut)
    }

    fn read_by(mut newlines: Newlines, body: &[u8], cut: usize) -> Vec<u8> {
        let (mut decoder, mut given) = (Decoder::new(false), Vec::new());
        for piece in body.chunks(cut) {
            decoder.feed(Bytes::copy_from_slice(piece));
            while let Some(piece) = decoder.next_piece().unwrap() {
                given.extend(newlines.take(piece).map(|p| p.chunk.bytes).unwrap_or_default());
            }
        }
        given
    }

    proptest! {
        #[test]
        fn lines_of_any_length_get_their_newlines_back(
            sizes in prop::collection::vec(prop_oneof![
                0usize..50, Just(PART - 1), Just(PART), Just(PART + 1), Just(2 * PART), 0usize..40_000
            ], 0..8),
            cut in 1usize..40_000,
        ) {
            // After a line of full parts, the next line is recognized only if it is short.
            let short = |size: &usize| (*size > 0 && size.is_multiple_of(PART)).then_some(3);
            let sizes = sizes.into_iter().flat_map(|size| [Some(size), short(&size)]).flatten();
            let lines: Vec<String> = sizes.map(|size| "x".repeat(size)).collect();
            let wanted: String = lines.iter().map(|line| format!("{line}\n")).collect();
            prop_assert!(read(&body(&lines, ""), 0, cut) == wanted.into_bytes());
        }
    }

    #[test]
    fn a_timestamp_before_each_part_is_not_part_of_it() {
        let lines = ["x".repeat(PART + 5), "y".to_owned()];
        let given = read(&body(&lines, "12:00 "), 6, 1_000);
        let wanted = format!("12:00 {}12:00 xxxxx\n12:00 y\n", "x".repeat(PART));
        assert_eq!(given, wanted.into_bytes());
    }

    #[test]
    fn a_log_that_begins_in_a_line_has_that_line_s_end() {
        let lines = ["x".repeat(PART + 5), "y".to_owned(), "z".repeat(PART + 1)];
        let first = HEAD + PART;
        let body = body(&lines, "").split_off(first);
        let read = |body: &[u8]| {
            String::from_utf8(read_by(Newlines::new(0).in_the_middle(), body, body.len())).unwrap()
        };
        assert_eq!(read(&body), format!("xxxxx\ny\n{}\n", lines[2]));
        // Nothing follows: the task may have written no newline.
        assert_eq!(read(&body[..HEAD + 5]), "xxxxx");
        assert_eq!(read(&body[HEAD + 5..HEAD + 5 + HEAD + 2]), "y\n");
    }

    #[test]
    fn binary_data_gets_no_newline() {
        let zeros = "\0".repeat(PART + 5);
        assert_eq!(read(&body(std::slice::from_ref(&zeros), ""), 0, 1_000), zeros.into_bytes());
    }

    #[test]
    fn a_part_of_absurd_length_is_not_buffered() {
        let mut newlines = Newlines { before: [Before::Open; 2], ..Newlines::new(0) };
        let chunk = |size| Chunk { stream: Stream::Stdout, bytes: Bytes::from(vec![b'x'; size]) };
        assert!(newlines.take(Piece { chunk: chunk(PART), first: true, last: false }).is_none());
        assert!(newlines.take(Piece { chunk: chunk(1), first: false, last: false }).is_some());
        assert!(newlines.take(Piece { chunk: chunk(PART), first: false, last: false }).is_some());
    }
}
