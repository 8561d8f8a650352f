//! Finds a cause in the task's last lines, by patterns of messages that programs or the kernel write. The patterns are
//! in `rules.rs`.

mod rule;
mod rules;

use cube::Cause;
use regex_lite::{Captures, Regex};

use crate::cli::record::cause::{
    facts::Facts,
    lines::{
        rule::{LineRule, RECENT},
        rules::RULES,
    },
    text::Found,
};

/// How much of a line is searched, in bytes.
const LONGEST_LINE: usize = 4096;

/// Placeholders in patterns: a path, a word, a host, a variable, each with or without quotes.
const NAMES: [(&str, &str); 4] = [
    ("%path%", r#"["'`‘]?(?P<path>[^\s:;,="'`‘’()]*/[^\s:;,="'`‘’()]*)["'`’]?"#),
    ("%word%", r#"["'`‘]?(?P<word>[A-Za-z0-9_./+@-]+)["'`’]?"#),
    ("%host%", r#"["'`‘]?(?P<host>[A-Za-z0-9_.-]+)["'`’]?"#),
    ("%var%", r#"["'`‘$]*(?P<var>[A-Za-z_][A-Za-z0-9_]*)["'`’]*"#),
];

impl LineRule {
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
        let is_other =
            |line: &str| is_of_tests(line) || unless.as_ref().is_some_and(|unless| unless.is_match(line));
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

/// Whether a line is the report of a test or a warning: what it quotes is not why the task failed.
fn is_of_tests(line: &str) -> bool {
    let line = line.trim_start().to_lowercase();
    let starts =
        ["ok ", "not ok ", "pass", "fail:", "fail ", "--- ", "warn", "assert", "\u{2713}", "\u{2714}"];
    starts.iter().any(|start| line.starts_with(start)) || line.contains("warning:")
}

/// Whether a line is significant: stack frames and a runtime's closing lines are not.
fn has_weight(line: &str) -> bool {
    let frame = line.starts_with([' ', '\t']) || line.is_empty();
    let runtime =
        ["Node.js v", "}", "]", "make: ***", "npm ERR!", "npm error", "note: run with `RUST_BACKTRACE"];
    !frame && !runtime.iter().any(|start| line.starts_with(start))
}
