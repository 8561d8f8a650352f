//! The form of a rule for the last lines.

use std::ops::RangeInclusive;

use crate::cli::record::cause::text::CauseText;

/// How many of the last significant lines a rule looks at, unless it says otherwise.
pub const RECENT: usize = 3;
/// A rule by which one of the last lines shows a cause.
pub struct LineRule {
    pub pattern: &'static str,
    /// The exit codes that it applies to.
    pub codes: RangeInclusive<i64>,
    /// How many of the last lines are searched.
    pub within: usize,
    /// A line that matches this pattern does not count.
    pub unless: Option<&'static str>,
    /// A pattern that must match too, in any of the last lines.
    pub also: Option<&'static str>,
    pub text: CauseText,
}

impl LineRule {
    pub const fn new(pattern: &'static str, text: CauseText) -> Self {
        Self { pattern, codes: 1..=127, within: RECENT, unless: None, also: None, text }
    }

    pub const fn codes(mut self, codes: RangeInclusive<i64>) -> Self {
        self.codes = codes;
        self
    }

    pub const fn within(mut self, lines: usize) -> Self {
        self.within = lines;
        self
    }

    pub const fn unless(mut self, pattern: &'static str) -> Self {
        self.unless = Some(pattern);
        self
    }

    pub const fn also(mut self, pattern: &'static str) -> Self {
        self.also = Some(pattern);
        self
    }
}
