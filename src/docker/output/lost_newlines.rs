//! Puts back the newlines that the log driver `local` of engines before API 1.42 loses: those behind lines
//! over 16 KiB. The engine keeps such a line in parts and forgets which of them is the last.

use bytes::{Bytes, BytesMut};

use crate::docker::output::frames::{Chunk, Piece, Stream};

/// The size of each part of a long line but the last, in bytes.
const PART: usize = 16 << 10;

/// Takes the pieces of a log and gives them with their newlines.
///
/// With the engine's times before them a line of whole parts ends with an empty one. Without times that is not
/// sent: where such a line ends cannot be known then, see [`Newlines::is_unsure`]. Whether the very last line of a
/// log ended with a newline is not known if it is that long and its last part is not whole: it is taken to, unless
/// it holds a NUL byte and so is no text.
#[derive(Debug)]
pub(crate) struct Newlines {
    /// The size of the time before each part, in bytes.
    stamp: usize,
    /// Of stdout and stderr: whether the last part was one of a line that may go on.
    open: [bool; 2],
    /// Bytes of the current part so far.
    size: usize,
    /// A whole part came without a time.
    unsure: bool,
    /// The current part, while what it is depends on its end.
    held: Option<BytesMut>,
}

impl Newlines {
    /// For a log with times of `stamp` bytes before its lines.
    pub(crate) fn new(stamp: usize) -> Self {
        Self { stamp, open: [false; 2], size: 0, unsure: false, held: None }
    }

    /// Whether the log must be read with its times from here on.
    pub(crate) fn is_unsure(&self) -> bool {
        self.unsure
    }

    /// What to give for a piece.
    pub(crate) fn take(&mut self, mut piece: Piece) -> Option<Piece> {
        let open = match piece.chunk.stream {
            Stream::Stdout => &mut self.open[0],
            Stream::Stderr => &mut self.open[1],
        };
        if piece.first {
            self.size = 0;
            self.held = open.then(BytesMut::new);
        }
        self.size += piece.chunk.bytes.len();
        let full = self.size == self.stamp + PART;
        let ended = piece.last && piece.chunk.bytes.ends_with(b"\n");
        if piece.last {
            *open = full && !ended;
            self.unsure |= *open && self.stamp == 0;
        }
        let Some(mut held) = self.held.take() else { return Some(piece) };
        held.extend_from_slice(&piece.chunk.bytes);
        if !piece.last && self.size <= self.stamp + PART {
            self.held = Some(held);
            return None;
        }
        piece.first = true;
        piece.chunk = Chunk { bytes: mended(held, self.stamp, full, ended), ..piece.chunk };
        Some(piece)
    }
}

/// The part after one of a line that may go on.
fn mended(mut part: BytesMut, stamp: usize, full: bool, ended: bool) -> Bytes {
    if ended {
        // Only a whole line has its newline: it is the next one, and the one before ended with its part.
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

    /// What the engine gives for these lines.
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
        let (mut decoder, mut newlines, mut given) = (Decoder::new(false), Newlines::new(stamp), Vec::new());
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
        fn lines_of_any_length_have_their_newlines_again(
            sizes in prop::collection::vec(prop_oneof![
                0usize..50, Just(PART - 1), Just(PART), Just(PART + 1), Just(2 * PART), 0usize..40_000
            ], 0..8),
            cut in 1usize..40_000,
        ) {
            // A line of whole parts is distinct from the next one only if that is short.
            let short = |size: &usize| (*size > 0 && size.is_multiple_of(PART)).then_some(3);
            let sizes = sizes.into_iter().flat_map(|size| [Some(size), short(&size)]).flatten();
            let lines: Vec<String> = sizes.map(|size| "x".repeat(size)).collect();
            let wanted: String = lines.iter().map(|line| format!("{line}\n")).collect();
            prop_assert!(read(&body(&lines, ""), 0, cut) == wanted.into_bytes());
        }
    }

    #[test]
    fn a_time_before_each_part_is_no_part_of_it() {
        let lines = ["x".repeat(PART + 5), "y".to_owned()];
        let given = read(&body(&lines, "12:00 "), 6, 1_000);
        let wanted = format!("12:00 {}12:00 xxxxx\n12:00 y\n", "x".repeat(PART));
        assert_eq!(given, wanted.into_bytes());
    }

    #[test]
    fn what_is_no_text_gets_no_newline() {
        let zeros = "\0".repeat(PART + 5);
        assert_eq!(read(&body(std::slice::from_ref(&zeros), ""), 0, 1_000), zeros.into_bytes());
    }

    #[test]
    fn a_part_of_absurd_length_is_not_held() {
        let mut newlines = Newlines { open: [true; 2], ..Newlines::new(0) };
        let chunk = |size| Chunk { stream: Stream::Stdout, bytes: Bytes::from(vec![b'x'; size]) };
        assert!(newlines.take(Piece { chunk: chunk(PART), first: true, last: false }).is_none());
        assert!(newlines.take(Piece { chunk: chunk(1), first: false, last: false }).is_some());
        assert!(newlines.take(Piece { chunk: chunk(PART), first: false, last: false }).is_some());
    }
}
