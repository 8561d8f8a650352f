//! Ways to cut bytes into pieces, as connections do.

use bytes::Bytes;

/// The bytes whole, one by one (of many some at a time), and in pieces whose sizes follow from the bytes.
pub(super) fn ways(bytes: &[u8]) -> [Vec<Bytes>; 3] {
    let whole = if bytes.is_empty() { Vec::new() } else { vec![Bytes::copy_from_slice(bytes)] };
    let single = bytes.chunks(1 + bytes.len() / 500).map(Bytes::copy_from_slice).collect();
    [whole, single, cut(bytes)]
}

/// The bytes in pieces whose sizes follow from the bytes: small ones and large ones.
pub(super) fn cut(bytes: &[u8]) -> Vec<Bytes> {
    let (mut random, mut rest, mut pieces) = (Random::of(bytes), bytes, Vec::new());
    while !rest.is_empty() {
        let most = [3, 40, 600, 20_000][random.below(4)];
        let (piece, after) = rest.split_at((1 + random.below(most)).min(rest.len()));
        pieces.push(Bytes::copy_from_slice(piece));
        rest = after;
    }
    pieces
}

/// Numbers that follow from some bytes (FNV-1a, then xorshift).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let hash = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        Self(bytes.iter().fold(0xcbf2_9ce4_8422_2325, hash) | 1)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % end
    }
}

/// Bytes read as a plan: which of several things is done next, and how often.
pub(super) struct Plan<'a>(pub(super) &'a [u8]);

impl<'a> Plan<'a> {
    pub(super) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte; 0 behind the last.
    pub(super) fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    /// A number of two bytes.
    pub(super) fn number(&mut self) -> usize {
        usize::from(self.byte()) << 8 | usize::from(self.byte())
    }

    /// At most so many bytes.
    pub(super) fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }
}
