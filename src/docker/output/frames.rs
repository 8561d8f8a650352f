//! Decodes the engine's multiplexed output, in which each frame has an 8-byte header (stream, 0, 0, 0, length). Pieces
//! are passed on as they come, so a long frame takes no memory.

use bytes::{Buf, Bytes, BytesMut};

use crate::{
    docker::http::refusal::{engine_message, printable::printable},
    error::{Error, ErrorKind, Origin},
};

const HEADER: usize = 8;
/// How much of an error in the stream (frame type 3) is kept, in bytes.
const LONGEST_ERROR: usize = 4_096;
const REMOVED_HINT: &str = "see by `cube ps -a` whether the task is still there: an engine that is removing it gives no \
                            output any more; without --rm it keeps both";

/// One of the task's output streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A piece of output. All pieces of one stream, in order, are what the task wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The stream.
    pub stream: Stream,
    /// The bytes.
    pub bytes: Bytes,
}

/// A piece of one frame, which is one line of a log or a part of a long one.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) chunk: Chunk,
    /// Whether the frame begins with it.
    pub(crate) first: bool,
    /// Whether the frame ends with it.
    pub(crate) last: bool,
}

/// Converts the pieces of a response body into pieces of its frames.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    input: Bytes,
    header: BytesMut,
    kind: u8,
    left: usize,
    /// Whether nothing of the frame was returned yet.
    fresh: bool,
    error: Vec<u8>,
    /// Whether the task has a terminal, so that there are no headers.
    raw: bool,
}

impl Decoder {
    pub(crate) fn new(raw: bool) -> Self {
        Self { raw, ..Self::default() }
    }

    /// Adds the next input. Call it only when [`Decoder::next`] has returned `None`.
    pub(crate) fn feed(&mut self, input: Bytes) {
        self.input = input;
    }

    /// The next piece of the input so far; `None` if more input is needed.
    pub(crate) fn next(&mut self) -> Result<Option<Chunk>, Error> {
        Ok(self.next_piece()?.map(|piece| piece.chunk))
    }

    /// The same, with its position in its frame. A raw stream is one endless frame.
    pub(crate) fn next_piece(&mut self) -> Result<Option<Piece>, Error> {
        if self.raw {
            let bytes = std::mem::take(&mut self.input);
            let chunk = Chunk { stream: Stream::Stdout, bytes };
            return Ok((!chunk.bytes.is_empty()).then_some(Piece { chunk, first: false, last: false }));
        }
        loop {
            if self.left == 0 && !self.read_header()? {
                return Ok(None);
            }
            if self.left > 0 && self.input.is_empty() {
                return Ok(None);
            }
            let bytes = self.input.split_to(self.left.min(self.input.len()));
            self.left -= bytes.len();
            let stream = match self.kind {
                1 => Stream::Stdout,
                2 => Stream::Stderr,
                3 => {
                    self.keep_error(&bytes)?;
                    continue;
                }
                _ => continue,
            };
            let first = std::mem::take(&mut self.fresh);
            return Ok(Some(Piece { chunk: Chunk { stream, bytes }, first, last: self.left == 0 }));
        }
    }

    /// Whether the stream may end here.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        if self.left == 0 && self.header.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::ConnectionLost, "the output ends in the middle of a piece")
            .with_hint("see whether the engine was restarted"))
    }

    /// Reads a header from the input; `false` if it is not complete yet.
    fn read_header(&mut self) -> Result<bool, Error> {
        loop {
            let missing = HEADER - self.header.len();
            self.header.extend_from_slice(&self.input.split_to(missing.min(self.input.len())));
            if self.header.len() < HEADER {
                return Ok(false);
            }
            let header = self.header.split();
            let mut fields = &*header;
            self.kind = fields.get_u8();
            let padding = fields.get_uint(3);
            if self.kind > 3 || padding != 0 {
                return Err(self.unframed(&header));
            }
            self.left = usize::try_from(fields.get_u32()).unwrap_or(usize::MAX);
            if self.left > 0 {
                self.fresh = true;
                return Ok(true);
            }
        }
    }

    /// The error for something that is no frame. podman answers so with the text of an error, for example while it removes
    /// the container.
    fn unframed(&self, header: &[u8]) -> Error {
        let bytes: Vec<u8> = header.iter().chain(&self.input).copied().take(LONGEST_ERROR).collect();
        let is_text = |text: &str| !text.chars().any(|each| each.is_control() && !each.is_whitespace());
        if !std::str::from_utf8(&bytes).is_ok_and(is_text) {
            return damaged();
        }
        Error::new(ErrorKind::BadAnswer, "the engine sent a message in place of the task's output")
            .with_origin(Origin::Engine)
            .with_source(printable(&engine_message(&bytes)))
            .with_hint(REMOVED_HINT)
    }

    fn keep_error(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let room = LONGEST_ERROR.saturating_sub(self.error.len());
        self.error.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        if self.left > 0 {
            return Ok(());
        }
        let text = printable(&String::from_utf8_lossy(&std::mem::take(&mut self.error)));
        Err(Error::new(ErrorKind::Engine, "the engine broke off the output")
            .with_origin(Origin::Engine)
            .with_source(text))
    }
}

fn damaged() -> Error {
    Error::new(ErrorKind::BadAnswer, "the output is not framed as the engine's API says")
        .with_origin(Origin::Engine)
        .with_hint("`docker version` shows what answers at this address")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, text: &[u8]) -> Vec<u8> {
        let mut frame = vec![kind, 0, 0, 0];
        frame.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
        frame.extend(text);
        frame
    }

    fn decode(input: &[u8], cut: usize) -> Result<(Vec<u8>, Vec<u8>), Error> {
        let mut decoder = Decoder::new(false);
        let (mut out, mut err) = (vec![], vec![]);
        for piece in input.chunks(cut) {
            decoder.feed(Bytes::copy_from_slice(piece));
            while let Some(chunk) = decoder.next()? {
                match chunk.stream {
                    Stream::Stdout => out.extend(chunk.bytes),
                    Stream::Stderr => err.extend(chunk.bytes),
                }
            }
        }
        decoder.finish()?;
        Ok((out, err))
    }

    proptest! {
        #[test]
        fn any_frames_cut_anywhere_arrive_whole(
            frames in prop::collection::vec((1u8..3, prop::collection::vec(any::<u8>(), 0..100)), 0..20),
            cut in 1usize..50,
        ) {
            let input: Vec<u8> = frames.iter().flat_map(|(kind, text)| frame(*kind, text)).collect();
            let (out, err) = decode(&input, cut).unwrap();
            let joined = |kind| frames.iter().filter(|f| f.0 == kind).flat_map(|f| f.1.clone()).collect::<Vec<_>>();
            prop_assert_eq!(out, joined(1));
            prop_assert_eq!(err, joined(2));
        }

        #[test]
        fn any_bytes_give_output_or_an_error(input in prop::collection::vec(any::<u8>(), 0..200), cut in 1usize..50) {
            let _ = decode(&input, cut);
        }
    }

    #[test]
    fn a_stream_cut_in_a_frame_is_an_error() {
        let whole = frame(1, b"hello");
        assert!(decode(&whole[..whole.len() - 1], 100).is_err());
        assert!(decode(&whole[..4], 100).is_err());
        assert!(decode(&whole, 100).is_ok());
    }

    #[test]
    fn an_error_of_the_engine_in_the_stream_is_reported() {
        let error = decode(&frame(3, b"disk \x1b[31mfull"), 5).unwrap_err();
        assert_eq!(error.causes().collect::<Vec<_>>(), ["disk  [31mfull"]);
    }

    #[test]
    fn a_message_in_place_of_frames_is_shown() {
        let json = br#"{"cause":"no such container","message":"cannot read\u001b the log","response":500}"#;
        for (sent, shown) in
            [(&json[..], "cannot read  the log"), (b"it is being removed\n", "it is being removed ")]
        {
            let error = decode(sent, 100).unwrap_err();
            assert_eq!(
                (error.kind(), error.causes().collect::<Vec<_>>()),
                (ErrorKind::BadAnswer, vec![shown.to_owned()])
            );
            assert_eq!(error.hint(), Some(REMOVED_HINT));
        }
        assert_eq!(decode(&frame(9, b"x"), 100).unwrap_err().causes().count(), 0);
    }

    #[test]
    fn an_unknown_stream_is_damage_and_an_absurd_length_takes_no_memory() {
        assert_eq!(decode(&frame(9, b"x"), 100).unwrap_err().kind(), ErrorKind::BadAnswer);
        let absurd = [1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, b'x'];
        assert_eq!(decode(&absurd, 100).unwrap_err().kind(), ErrorKind::ConnectionLost);
    }
}
