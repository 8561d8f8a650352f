//! Counts the matching lines in a task's output, which comes in pieces of both streams.

use regex_lite::Regex;

use crate::docker::{
    http::refusal::printable::printable,
    output::frames::{Chunk, Stream},
    ready::progress::LONGEST_QUOTE,
};

/// How much of a line is kept, in bytes. Of a longer line, at least the last half of this is kept.
pub(crate) const LONGEST: usize = 1 << 20;
/// How much of the searched bytes is searched again with the next ones, in bytes. A longer match is found when the line
/// ends or its length has doubled.
const OVERLAP: usize = 4 << 10;

/// Counts matching lines in both streams.
pub(crate) struct MatchedLines {
    pattern: Regex,
    stdout: Open,
    stderr: Open,
    matches: u32,
    /// The first complete line that matched.
    first: Option<String>,
}

/// An incomplete line.
#[derive(Default)]
struct Open {
    bytes: Vec<u8>,
    /// Whether its beginning was dropped.
    cut: bool,
    /// Whether a match was found that later bytes cannot invalidate.
    matched: bool,
    /// Whether a match was found that ends at the current end of the line.
    matched_at_end: bool,
    /// How many bytes were searched, and the length of the line when it was last searched completely.
    searched: usize,
    all_searched: usize,
}

impl MatchedLines {
    pub(crate) fn new(pattern: Regex) -> Self {
        Self { pattern, stdout: Open::default(), stderr: Open::default(), matches: 0, first: None }
    }

    /// Adds the next piece.
    pub(crate) fn feed(&mut self, chunk: &Chunk) {
        let open = match chunk.stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        let mut rest = chunk.bytes.as_ref();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            open.push(line, &self.pattern);
            if open.matches(&self.pattern) {
                self.matches = self.matches.saturating_add(1);
                self.first.get_or_insert_with(|| open.quote(&self.pattern));
            }
            *open = Open::default();
            rest = after.get(1..).unwrap_or_default();
        }
        open.push(rest, &self.pattern);
        open.search(&self.pattern);
    }

    /// How many lines match, including incomplete ones.
    pub(crate) fn matches(&self) -> u32 {
        // An empty incomplete line does not count, even if the pattern matches it.
        let open = [&self.stdout, &self.stderr].map(|open| u32::from(open.matches_so_far()));
        self.matches.saturating_add(open.iter().sum())
    }

    /// A line that matched, for a message.
    pub(crate) fn first_match(&self) -> Option<String> {
        let open = || [&self.stdout, &self.stderr].into_iter().find(|open| open.matches_so_far());
        self.first.clone().or_else(|| open().map(|open| open.quote(&self.pattern)))
    }
}

impl Open {
    /// Whether it matches so far.
    fn matches_so_far(&self) -> bool {
        !self.bytes.is_empty() && (self.matched || self.matched_at_end)
    }

    /// The line for a message; if it is long, a part with the match.
    fn quote(&self, pattern: &Regex) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        let start = pattern.find(&text).map_or(0, |found| found.start());
        let before = text.get(..start).unwrap_or_default().chars().rev();
        let skipped: usize = before.skip(LONGEST_QUOTE / 4).map(char::len_utf8).sum();
        let rest = text.get(skipped..).unwrap_or_default();
        let mut part: String = rest.chars().take(LONGEST_QUOTE).collect();
        if part.len() < rest.trim_end().len() {
            part.push('…');
        }
        let part = printable(part.trim());
        if skipped > 0 { format!("…{part}") } else { part }
    }

    /// Adds bytes. Old bytes are searched before they are dropped.
    fn push(&mut self, bytes: &[u8], pattern: &Regex) {
        for bytes in bytes.chunks(LONGEST / 2) {
            if self.bytes.len() + bytes.len() > LONGEST {
                self.search(pattern);
                let dropped = self.bytes.len().saturating_sub(LONGEST / 2);
                self.bytes.drain(..dropped);
                self.cut = true;
                self.searched = self.searched.saturating_sub(dropped);
                self.all_searched = self.bytes.len();
            }
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// Searches the bytes since the last search; the whole line if its length has doubled.
    fn search(&mut self, pattern: &Regex) {
        if self.matched || self.searched == self.bytes.len() {
            return;
        }
        let from = if self.bytes.len() >= self.all_searched.saturating_mul(2) {
            self.all_searched = self.bytes.len();
            0
        } else {
            self.searched.saturating_sub(OVERLAP)
        };
        self.searched = self.bytes.len();
        let found = self.find(pattern, from);
        self.matched = found == Some(false);
        self.matched_at_end = found == Some(true);
    }

    /// Whether the complete line matches.
    fn matches(&self, pattern: &Regex) -> bool {
        self.matched || self.find(pattern, 0).is_some()
    }

    /// Searches from byte `from` on; if there is a match, returns whether it reaches the end of the line.
    fn find(&self, pattern: &Regex, from: usize) -> Option<bool> {
        let part = self.bytes.get(from..).unwrap_or_default();
        let text = String::from_utf8_lossy(part.strip_suffix(b"\r").unwrap_or(part));
        // A part is searched with one character before it, so that `^` does not match inside a line.
        let inside = self.cut || from > 0;
        let start = if inside { text.chars().next().map_or(0, char::len_utf8) } else { 0 };
        pattern.find_at(&text, start).map(|found| found.end() == text.len())
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
    fn only_the_end_of_an_endless_line_is_kept() {
        let mut lines = MatchedLines::new(Regex::new("^y").unwrap());
        let bytes = Bytes::from(vec![b'x'; 300_000]);
        for _ in 0..20 {
            lines.feed(&Chunk { stream: Stream::Stdout, bytes: bytes.clone() });
        }
        assert!(lines.stdout.bytes.len() <= LONGEST);
        // The rest of a cut line is not the beginning of a line.
        lines.feed(&Chunk { stream: Stream::Stdout, bytes: Bytes::from(vec![b'y'; 2 << 20]) });
        assert_eq!(lines.matches(), 0);
        lines.feed(&Chunk { stream: Stream::Stdout, bytes: Bytes::from_static(b"\ny\n") });
        assert_eq!(lines.matches(), 1);
    }

    #[test]
    fn a_match_after_much_output_without_a_newline_is_found() {
        let mut lines = MatchedLines::new(Regex::new("READY").unwrap());
        let bytes = Bytes::from(vec![b'x'; 16 << 10]);
        for _ in 0..3_000 {
            lines.feed(&Chunk { stream: Stream::Stdout, bytes: bytes.clone() });
            assert_eq!(lines.matches(), 0);
        }
        for piece in ["xxREA", "DYxx", "READY"] {
            lines.feed(&Chunk { stream: Stream::Stdout, bytes: Bytes::from(piece) });
        }
        assert_eq!(lines.matches(), 1);
        lines.feed(&Chunk { stream: Stream::Stdout, bytes: Bytes::from(vec![b'x'; 5 << 20]) });
        assert_eq!(lines.matches(), 1, "what matched is forgotten");
    }

    #[test]
    fn the_first_line_that_matched_is_kept_for_a_message() {
        let mut lines = MatchedLines::new(Regex::new("FATAL").unwrap());
        let feed = |lines: &mut MatchedLines, text: &str| {
            lines.feed(&Chunk { stream: Stream::Stderr, bytes: Bytes::copy_from_slice(text.as_bytes()) });
        };
        feed(&mut lines, "all is well\n");
        assert_eq!(lines.first_match(), None);
        feed(&mut lines, "1 \x1b[31mFATAL: \"a\" ");
        assert_eq!(lines.first_match().as_deref(), Some("1  [31mFATAL: \"a\""));
        feed(&mut lines, "is gone\r\nFATAL: more\n");
        assert_eq!(lines.first_match().as_deref(), Some("1  [31mFATAL: \"a\" is gone"));
        let mut long = MatchedLines::new(Regex::new("FATAL").unwrap());
        feed(&mut long, &format!("{}FATAL: here{}\n", "é".repeat(1_000), "z".repeat(1_000)));
        let quoted = long.first_match().unwrap();
        assert!(quoted.starts_with("…éé") && quoted.contains("FATAL: here") && quoted.ends_with("zz…"));
        assert!(quoted.chars().count() <= LONGEST_QUOTE + 2, "{quoted}");
    }

    #[test]
    fn a_match_at_a_line_end_that_moved_does_not_count() {
        assert_eq!(count("a$", &[(Stream::Stdout, b"a"), (Stream::Stdout, b"b\n")]), 0);
        assert_eq!(count("a$", &[(Stream::Stdout, b"a")]), 1);
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
