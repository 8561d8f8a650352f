//! Slows down reading from a stream of many small pieces. An engine writes a log line by line, and waking up for each
//! line costs cube and the engine more than everything else; so cube waits until several lines have arrived.

use std::time::Duration;

/// This many small reads are done without a pause, so that a short output is not delayed.
const PROMPT: u32 = 64;
/// A shorter read is small, in bytes.
const SMALL: usize = 16 << 10;
/// The length of a pause. A socket's buffer holds more than an engine writes in that time.
const REST: Duration = Duration::from_micros(300);

/// Decides on pauses for one stream.
#[derive(Debug, Default)]
pub(crate) struct Coalescer {
    /// The number of small reads so far.
    small: u32,
    /// Whether to pause: the last read was small, after many small ones.
    rests: bool,
}

impl Coalescer {
    /// Pauses if necessary. It blocks the thread: an asynchronous timer would not help, since the runtime wakes up for
    /// each line on a socket that it watches.
    pub(crate) fn rest(&mut self) {
        if self.take_rest() {
            std::thread::sleep(REST);
        }
    }

    /// Notes the number of bytes of a read.
    pub(crate) fn note(&mut self, read: usize) {
        let small = read < SMALL;
        self.small = self.small.saturating_add(u32::from(small));
        self.rests = small && self.small > PROMPT;
    }

    /// Whether to pause before the next read; then `false` until the next call of `note`.
    fn take_rest(&mut self) -> bool {
        std::mem::take(&mut self.rests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of pauses for reads of these lengths.
    fn rests(reads: impl IntoIterator<Item = usize>) -> usize {
        let mut coalescer = Coalescer::default();
        let rested = reads.into_iter().map(|read| {
            coalescer.note(read);
            usize::from(coalescer.take_rest()) + usize::from(coalescer.take_rest())
        });
        rested.sum()
    }

    #[test]
    fn reading_pauses_after_many_small_pieces() {
        assert_eq!(rests([100; 1_000]), 1_000 - PROMPT as usize);
    }

    #[test]
    fn a_large_read_does_not_end_the_pauses() {
        assert!(rests((0..1_000).map(|number| if number % 2 == 0 { 100 } else { SMALL })) >= 400);
    }

    #[test]
    fn short_or_large_output_is_read_at_once() {
        assert_eq!(rests([100; PROMPT as usize]), 0);
        assert_eq!(rests([SMALL; 1_000]), 0);
    }
}
