//! The data that the probe writes and the tests expect: each byte is determined by its position.

/// `count` lines of `width` bytes each, newline included: the line's number, then letters.
pub struct Lines {
    next: u64,
    count: u64,
    width: usize,
}

impl Lines {
    /// The lines 0 to `count`, each at least 11 bytes wide.
    pub fn new(count: u64, width: usize) -> Self {
        Self { next: 0, count, width: width.max(11) }
    }
}

impl Iterator for Lines {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let number = (self.next < self.count).then_some(self.next)?;
        self.next += 1;
        let mut line = format!("{number:010}").into_bytes();
        let letters = (0u8..26).cycle().skip((number % 26) as usize).map(|at| b'a' + at);
        line.extend(letters.take(self.width - 11));
        line.push(b'\n');
        Some(line)
    }
}

/// `count` bytes of every value, newlines and zeros among them, in blocks of at most 64 KiB.
pub struct Noise {
    left: u64,
    state: u64,
}

impl Noise {
    /// The first `count` bytes of the sequence.
    pub fn new(count: u64) -> Self {
        Self { left: count, state: 0x2545_F491_4F6C_DD1D }
    }
}

impl Iterator for Noise {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let size = self.left.min(64 * 1024) as usize;
        self.left -= size as u64;
        let mut block = Vec::with_capacity(size + 8);
        while block.len() < size {
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            block.extend_from_slice(&self.state.to_le_bytes());
        }
        block.truncate(size);
        (size > 0).then_some(block)
    }
}
