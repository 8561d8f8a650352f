//! When to read a stream that comes in small pieces. An engine writes a log line by line: to be woken for
//! each of them costs cube and the engine more than all the rest, so while many come they are let gather.

use std::time::Duration;

/// So many small reads are taken as they come: a short output is not late.
const PROMPT: u32 = 64;
/// Below this a read is small, in bytes.
const SMALL: usize = 16 << 10;
/// How long more may gather. A socket holds more than an engine writes in that time.
const REST: Duration = Duration::from_micros(300);

/// The pace of one stream.
#[derive(Debug, Default)]
pub(crate) struct Coalescer {
    /// Small reads so far.
    small: u32,
    /// The last read was small, and there were many: nothing more was at hand.
    rests: bool,
}

impl Coalescer {
    /// Returns when it is time to read. It holds its thread: a socket that is waited for wakes whoever waits
    /// with each line, asleep on a timer or not.
    pub(crate) fn rest(&mut self) {
        if self.take_rest() {
            std::thread::sleep(REST);
        }
    }

    /// So many bytes came.
    pub(crate) fn note(&mut self, read: usize) {
        let small = read < SMALL;
        self.small = self.small.saturating_add(u32::from(small));
        self.rests = small && self.small > PROMPT;
    }

    /// Whether to rest before the next read. Who asks again has rested.
    fn take_rest(&mut self) -> bool {
        std::mem::take(&mut self.rests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often there is a rest before reads of these lengths.
    fn rests(reads: impl IntoIterator<Item = usize>) -> usize {
        let mut pace = Coalescer::default();
        let rested = reads.into_iter().map(|read| {
            pace.note(read);
            usize::from(pace.take_rest()) + usize::from(pace.take_rest())
        });
        rested.sum()
    }

    #[test]
    fn many_small_pieces_are_given_time_to_gather() {
        assert_eq!(rests([100; 1_000]), 1_000 - PROMPT as usize);
    }

    #[test]
    fn what_gathered_does_not_end_the_gathering() {
        assert!(rests((0..1_000).map(|number| if number % 2 == 0 { 100 } else { SMALL })) >= 400);
    }

    #[test]
    fn what_is_short_or_large_is_read_at_once() {
        assert_eq!(rests([100; PROMPT as usize]), 0);
        assert_eq!(rests([SMALL; 1_000]), 0);
    }
}
