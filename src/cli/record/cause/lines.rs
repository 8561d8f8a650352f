//! Finds a cause in the task's last lines, by patterns of messages that programs or the kernel write. The patterns are
//! in `rules.rs`.

mod rules;

use std::ops::RangeInclusive;

use cube::Cause;
use regex_lite::{Captures, Regex};

use crate::cli::record::cause::{CauseText, Found, facts::Facts, lines::rules::RULES};

/// How many of the last significant lines a rule looks at, unless it says otherwise.
const RECENT: usize = 3;
/// How much of a line is searched, in bytes.
const LONGEST_LINE: usize = 4096;

/// Placeholders in patterns: a path, a word, a host, a variable, each with or without quotes.
const NAMES: [(&str, &str); 4] = [
    ("%path%", r#"["'`‘]?(?P<path>[^\s:;,="'`‘’()]*/[^\s:;,="'`‘’()]*)["'`’]?"#),
    ("%word%", r#"["'`‘]?(?P<word>[A-Za-z0-9_./+@-]+)["'`’]?"#),
    ("%host%", r#"["'`‘]?(?P<host>[A-Za-z0-9_.-]+)["'`’]?"#),
    ("%var%", r#"["'`‘$]*(?P<var>[A-Za-z_][A-Za-z0-9_]*)["'`’]*"#),
];

/// A rule by which one of the last lines shows a cause.
struct LineRule {
    pattern: &'static str,
    /// The exit codes that it applies to.
    codes: RangeInclusive<i64>,
    /// How many of the last lines are searched.
    within: usize,
    /// A line that matches this pattern does not count.
    unless: Option<&'static str>,
    /// A pattern that must match too, in any of the last lines.
    also: Option<&'static str>,
    text: CauseText,
}

impl LineRule {
    const fn new(pattern: &'static str, text: CauseText) -> Self {
        Self { pattern, codes: 1..=127, within: RECENT, unless: None, also: None, text }
    }

    const fn codes(mut self, codes: RangeInclusive<i64>) -> Self {
        self.codes = codes;
        self
    }

    const fn within(mut self, lines: usize) -> Self {
        self.within = lines;
        self
    }

    const fn unless(mut self, pattern: &'static str) -> Self {
        self.unless = Some(pattern);
        self
    }

    const fn also(mut self, pattern: &'static str) -> Self {
        self.also = Some(pattern);
        self
    }

    fn fits(&self, facts: &Facts) -> bool {
        // Many runtimes return 255 where others return 1; it is not a signal.
        let code = facts.code.map(|code| if code == 255 { 1 } else { code });
        code.is_some_and(|code| self.codes.contains(&code))
    }

    fn explain(&self, facts: &Facts, lines: &[&str]) -> Option<Cause> {
        if !self.fits(facts) {
            return None;
        }
        let pattern = Regex::new(&expanded(self.pattern)).ok()?;
        let unless = self.unless.and_then(|pattern| Regex::new(pattern).ok());
        let also = self.also.and_then(|pattern| Regex::new(pattern).ok());
        if also.is_some_and(|also| !facts.lines.iter().any(|line| also.is_match(line))) {
            return None;
        }
        let is_other = |line: &str| unless.as_ref().is_some_and(|unless| unless.is_match(line));
        let mut recent = lines.iter().rev().take(self.within).filter(|line| !is_other(line));
        let found = recent.find_map(|line| pattern.captures(line).map(|captures| found(line, &captures)))?;
        if found.get("var").is_some_and(|var| facts.is_given(var)) {
            return None;
        }
        Some(self.text.fill(&found))
    }
}

fn expanded(pattern: &str) -> String {
    NAMES.iter().fold(pattern.to_owned(), |text, (name, expression)| text.replace(name, expression))
}

fn found(line: &str, captures: &Captures) -> Found {
    let mut found = Found::new();
    for name in ["path", "word", "host", "var", "port"] {
        if let Some(value) = captures.name(name) {
            found.insert(name, value.as_str().to_owned());
        }
    }
    let place = found.get("path").cloned().or_else(|| path(line));
    found.insert("at", place.map(|path| format!(" ({path})")).unwrap_or_default());
    found
}

/// The first absolute path in a line, for messages where it is optional.
fn path(line: &str) -> Option<String> {
    let words = line.split([' ', '\t', '"', '\'', '`', '‘', '’', '(', ')', ',', ';', '=', ':']);
    words
        .into_iter()
        .find(|word| word.len() > 1 && word.starts_with('/') && !word.starts_with("//"))
        .map(str::to_owned)
}

/// The cause that the last lines show.
pub fn explain(facts: &Facts) -> Option<Cause> {
    let cut = facts.lines.iter().map(|line| line.get(..LONGEST_LINE).unwrap_or(line));
    let all: Vec<&str> = cut.map(str::trim_end).collect();
    let weighty: Vec<&str> = all.iter().copied().filter(|line| has_weight(line)).collect();
    // A rule for a message of several lines has to see indented lines too.
    RULES.iter().find_map(|rule| rule.explain(facts, if rule.within > RECENT { &all } else { &weighty }))
}

/// Whether a line is significant: stack frames and a runtime's closing lines are not.
fn has_weight(line: &str) -> bool {
    let frame = line.starts_with([' ', '\t']) || line.is_empty();
    let runtime =
        ["Node.js v", "}", "]", "make: ***", "npm ERR!", "npm error", "note: run with `RUST_BACKTRACE"];
    !frame && !runtime.iter().any(|start| line.starts_with(start))
}
