//! Counts the lines that match, as a task wrote them: pieces of both streams put together again.

use regex_lite::Regex;

use crate::docker::output::frames::{Chunk, Stream};

/// The most of one line that is kept and searched, in bytes.
pub(crate) const LONGEST: usize = 1 << 20;

/// The lines of both streams so far.
pub(crate) struct MatchedLines {
    pattern: Regex,
    stdout: Open,
    stderr: Open,
    matches: u32,
}

/// A line that may go on.
#[derive(Default)]
struct Open(Vec<u8>);

impl MatchedLines {
    pub(crate) fn new(pattern: Regex) -> Self {
        Self { pattern, stdout: Open::default(), stderr: Open::default(), matches: 0 }
    }

    /// Adds what came next.
    pub(crate) fn feed(&mut self, chunk: &Chunk) {
        let open = match chunk.stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        let mut rest = chunk.bytes.as_ref();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            open.push(line);
            self.matches = self.matches.saturating_add(open.matches(&self.pattern).into());
            open.0.clear();
            rest = after.get(1..).unwrap_or_default();
        }
        open.push(rest);
    }

    /// How many lines matched, with those that have no end yet.
    pub(crate) fn matches(&self) -> u32 {
        // A line that nothing was written to is none yet, whatever the pattern.
        let open = [&self.stdout, &self.stderr]
            .map(|open| u32::from(!open.0.is_empty() && open.matches(&self.pattern)));
        self.matches.saturating_add(open.iter().sum())
    }
}

impl Open {
    fn push(&mut self, bytes: &[u8]) {
        let room = LONGEST.saturating_sub(self.0.len());
        self.0.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
    }

    fn matches(&self, pattern: &Regex) -> bool {
        let line = self.0.strip_suffix(b"\r").unwrap_or(&self.0);
        pattern.is_match(&String::from_utf8_lossy(line))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn count(pattern: &str, pieces: &[(Stream, &[u8])]) -> u32 {
        let mut lines = MatchedLines::new(Regex::new(pattern).unwrap());
        for (stream, bytes) in pieces {
            lines.feed(&Chunk { stream: *stream, bytes: Bytes::copy_from_slice(bytes) });
        }
        lines.matches()
    }

    #[test]
    fn each_stream_has_lines_of_its_own() {
        let pieces: [(Stream, &[u8]); 4] = [
            (Stream::Stdout, b"rea"),
            (Stream::Stderr, b"dy no\n"),
            (Stream::Stdout, b"dy yes\n"),
            (Stream::Stderr, b"ready"),
        ];
        assert_eq!(count("^ready", &pieces), 2);
    }

    #[test]
    fn a_match_anywhere_in_a_line_counts_once() {
        assert_eq!(count("a", &[(Stream::Stdout, b"aaa\nb\nba\r\n")]), 2);
        assert_eq!(count("a$", &[(Stream::Stdout, b"ba\r\n")]), 1);
        assert_eq!(count("x", &[(Stream::Stdout, b"\xff\xfex\xff\n")]), 1);
    }

    #[test]
    fn an_empty_line_counts_once_it_is_written() {
        assert_eq!(count("", &[]), 0);
        assert_eq!(count("^$", &[(Stream::Stdout, b"\na\n")]), 1);
    }

    #[test]
    fn of_a_line_without_end_only_its_beginning_is_kept() {
        let mut lines = MatchedLines::new(Regex::new("^x.*").unwrap());
        let bytes = Bytes::from(vec![b'x'; 1 << 20]);
        for _ in 0..3 {
            lines.feed(&Chunk { stream: Stream::Stdout, bytes: bytes.clone() });
        }
        assert_eq!(lines.stdout.0.len(), LONGEST);
        lines.feed(&Chunk { stream: Stream::Stdout, bytes: Bytes::from_static(b"\nx\n") });
        assert_eq!(lines.matches, 2);
    }

    proptest! {
        #[test]
        fn cuts_do_not_change_the_count(
            lines in prop::collection::vec("[ab]{0,6}", 0..20),
            cut in 1usize..9,
            ended in any::<bool>(),
        ) {
            let mut text = lines.join("\n");
            if ended && !lines.is_empty() {
                text.push('\n');
            }
            let pieces: Vec<_> = text.as_bytes().chunks(cut).map(|piece| (Stream::Stdout, piece)).collect();
            let wanted = lines.iter().filter(|line| line.contains('a')).count();
            prop_assert_eq!(count("a", &pieces), u32::try_from(wanted).unwrap());
        }
    }
}
