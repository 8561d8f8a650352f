//! Random numbers that a seed decides.

/// A stream of numbers (splitmix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A stream for one purpose, whatever else was asked for.
    pub fn of(seed: u64, purpose: &str, number: u64) -> Self {
        Self(Hash::default().text(purpose).number(seed).number(number).value())
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// Whether something happens that happens in so many of a thousand cases.
    pub fn chance(&mut self, of_thousand: u64) -> bool {
        self.below(1000) < of_thousand
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let place = self.below(from.len() as u64);
        &from[usize::try_from(place).unwrap_or_default()]
    }

    /// A time in milliseconds up to `most`, short ones as often as long ones.
    pub fn millis(&mut self, most: u64) -> u64 {
        let order = self.below(u64::from(most.max(2).ilog2()) + 1);
        self.below(1 << (order + 1)).min(most)
    }
}

/// What happened, as a number (FNV-1a).
#[derive(Clone, Copy, Debug)]
pub struct Hash(u64);

impl Default for Hash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hash {
    /// With a text at its end.
    pub fn text(self, text: &str) -> Self {
        let mixed = text
            .bytes()
            .chain([0])
            .fold(self.0, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        Self(mixed)
    }

    /// With a text at its end, of which the numbers do not count.
    pub fn text_without_numbers(self, text: &str) -> Self {
        let mixed = text
            .bytes()
            .filter(|byte| !byte.is_ascii_digit())
            .chain([0])
            .fold(self.0, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        Self(mixed)
    }

    /// With a number at its end.
    pub fn number(self, number: u64) -> Self {
        let mixed = number
            .to_le_bytes()
            .iter()
            .fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
        Self(mixed)
    }

    /// The number.
    pub fn value(self) -> u64 {
        self.0
    }
}

/// What happened in a schedule: the whole of it, and the mere order of events.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trace {
    whole: Hash,
    order: Hash,
}

impl Trace {
    /// With one more thing that happened at `moment`.
    pub fn with(self, words: &str, moment: u64) -> Self {
        Self { whole: self.whole.text(words).number(moment), order: self.order.text_without_numbers(words) }
    }

    /// What happened, and when, as a number.
    pub fn whole(self) -> u64 {
        self.whole.value()
    }

    /// What happened in which order, whatever the times, ids and exit codes.
    pub fn order(self) -> u64 {
        self.order.value()
    }
}
