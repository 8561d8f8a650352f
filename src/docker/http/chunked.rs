//! Decodes HTTP's chunked bodies (RFC 9112, section 7.1) without copying.

use bytes::{Buf, Bytes};

/// The most digits of a chunk's size, so that it fits into 64 bits.
const DIGITS: u32 = 16;
/// The longest line (a chunk's extensions, a trailer) that is skipped, in bytes.
const LONGEST_LINE: u32 = 8 << 10;

/// The body is not validly chunked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The position in a chunked body.
#[derive(Debug)]
pub(crate) struct Chunked {
    position: Position,
    /// The bytes left in the chunk; while its size is being read, the value so far.
    left: u64,
    /// The length of the current line so far.
    line: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    Size,
    /// After the digits of the size, until the end of the line.
    Extension,
    Data,
    /// After a chunk's data: an empty line.
    Behind,
    /// In the lines after the last chunk, until an empty one.
    Trailer,
    End,
}

impl Chunked {
    pub(crate) fn new() -> Self {
        Self { position: Position::Size, left: 0, line: 0 }
    }

    /// Whether the whole body was there.
    pub(crate) fn is_over(&self) -> bool {
        self.position == Position::End
    }

    /// The next piece of the body in `input`; `None` when `input` is used up.
    pub(crate) fn next(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, Malformed> {
        while !input.is_empty() && self.position != Position::End {
            if self.position == Position::Data {
                let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(input.len());
                self.left -= length as u64;
                if self.left == 0 {
                    self.go(Position::Behind);
                }
                return Ok(Some(input.split_to(length)));
            }
            self.read(input.get_u8())?;
        }
        Ok(None)
    }

    /// Reads a byte that is not data.
    fn read(&mut self, byte: u8) -> Result<(), Malformed> {
        self.line += 1;
        match (self.position, byte) {
            (Position::Size, b'\r' | b';' | b' ' | b'\t') if self.line > 1 => {
                self.position = Position::Extension;
            }
            (Position::Size | Position::Extension, b'\n') if self.line > 1 => {
                self.go(if self.left == 0 { Position::Trailer } else { Position::Data });
            }
            (Position::Size, _) if self.line <= DIGITS => {
                let digit = char::from(byte).to_digit(16).ok_or(Malformed)?;
                self.left = self.left << 4 | u64::from(digit);
            }
            (Position::Behind, b'\r') if self.line == 1 => {}
            (Position::Behind, b'\n') => self.go(Position::Size),
            // The end of the line may be two bytes.
            (Position::Trailer, b'\n') if self.line <= 1 => self.position = Position::End,
            (Position::Trailer, b'\n') => self.line = 0,
            (Position::Trailer, b'\r') => self.line -= 1,
            (Position::Extension | Position::Trailer, _) if self.line < LONGEST_LINE => {}
            _ => return Err(Malformed),
        }
        Ok(())
    }

    fn go(&mut self, position: Position) {
        self.position = position;
        self.line = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The body in `input` that comes in pieces of `cut` bytes; and whether it is all there.
    fn body(input: &[u8], cut: usize) -> Result<(Vec<u8>, bool), Malformed> {
        let (mut chunked, mut body) = (Chunked::new(), Vec::new());
        for piece in input.chunks(cut) {
            let mut piece = Bytes::copy_from_slice(piece);
            while let Some(data) = chunked.next(&mut piece)? {
                body.extend_from_slice(&data);
            }
        }
        Ok((body, chunked.is_over()))
    }

    proptest! {
        #[test]
        fn any_chunks_cut_anywhere_arrive_whole(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..20),
            extension in "(;[a-z]{0,9}(=[a-z0-9]{1,9})?)?",
            trailer in "([A-Za-z]{1,9}: [a-z]{0,9}\r\n){0,3}",
            cut in 1usize..50,
            lost in 1usize..5,
        ) {
            let mut input = Vec::new();
            for chunk in &chunks {
                input.extend(format!("{:x}{extension}\r\n", chunk.len()).bytes());
                input.extend(chunk);
                input.extend(b"\r\n");
            }
            input.extend(format!("0\r\n{trailer}\r\n").bytes());
            prop_assert_eq!(body(&input, cut), Ok((chunks.concat(), true)));
            let cut_short = body(&input[..input.len() - lost], cut).unwrap();
            prop_assert!(!cut_short.1);
        }

        #[test]
        fn any_bytes_give_a_body_or_an_error(input in prop::collection::vec(any::<u8>(), 0..200), cut in 1usize..50) {
            let _ = body(&input, cut);
        }

        #[test]
        fn any_sizes_give_a_body_or_an_error(input in "([0-9a-fA-F]{0,18};?\r?\n?){0,4}", cut in 1usize..9) {
            let _ = body(input.as_bytes(), cut);
        }
    }

    #[test]
    fn invalid_chunks_are_malformed() {
        for input in [
            "x\r\n",
            "\r\n",
            ";a\r\n",
            "-1\r\n",
            "1\r\naX",
            "10000000000000000\r\n",
            "1\r\na\r\r\n",
            "+1\r\n",
        ] {
            assert_eq!(body(input.as_bytes(), 3), Err(Malformed), "{input:?}");
        }
        let endless = [b"1;".to_vec(), vec![b'a'; 1 << 20]].concat();
        assert_eq!(body(&endless, 4096), Err(Malformed));
    }
}
