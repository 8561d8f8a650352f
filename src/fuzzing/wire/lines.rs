//! Lines of output that match a pattern.

use bytes::Bytes;
use regex_lite::Regex;

use crate::{
    docker::{
        output::frames::{Chunk, Stream},
        ready::log::lines::MatchedLines,
    },
    fuzzing::pieces::ways,
};

/// Patterns whose matches begin or end at every kind of place. Their matches are short: of a line that has not ended
/// a long one may be found late.
const PATTERNS: [&str; 12] =
    ["a", "^a", "a$", "^$", "", "ab", "a.c", r"\ba\b", "é", "[^a-z]$", "(?i)READY", "^a|b$"];
/// How much of an open line is searched again with what comes next, in bytes.
const OVERLAP: usize = 4 << 10;
/// How much may be searched again in one way to cut the output, in bytes: slow inputs leave no time for others.
const MOST_SEARCHED: usize = 200_000;

pub(crate) fn check(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let pattern = Regex::new(PATTERNS[usize::from(*first) % PATTERNS.len()]).unwrap();
    let matching = |line: &[u8]| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        pattern.is_match(&String::from_utf8_lossy(line))
    };
    let mut expected: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let open = expected.pop().unwrap_or_default();
    let ended = expected.into_iter().filter(|line| matching(line)).count();
    let so_far = ended + usize::from(!open.is_empty() && matching(open));
    for pieces in ways(bytes) {
        if pieces.len() * bytes.len().min(OVERLAP) > MOST_SEARCHED {
            continue;
        }
        let mut lines = MatchedLines::new(pattern.clone());
        // What the other stream writes meanwhile has lines of its own.
        for (at, piece) in pieces.into_iter().enumerate() {
            lines.feed(&Chunk { stream: Stream::Stdout, bytes: piece });
            if at % 3 == 0 {
                lines.feed(&Chunk { stream: Stream::Stderr, bytes: Bytes::from_static(b"0") });
            }
        }
        let other = u32::from(!bytes.is_empty() && pattern.is_match("0"));
        if open.len() <= OVERLAP && pattern.is_match("0") == pattern.is_match("00") {
            assert_eq!(lines.matches(), u32::try_from(so_far).unwrap() + other, "{pattern}");
        }
        lines.feed(&Chunk { stream: Stream::Stdout, bytes: Bytes::from_static(b"\n") });
        let all = u32::try_from(ended + usize::from(matching(open))).unwrap();
        assert_eq!(lines.matches(), all + other, "{pattern}");
        assert_eq!(lines.first_match().is_some(), lines.matches() > 0);
    }
}
