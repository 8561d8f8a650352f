//! The sentences of causes: a text for each, filled with what was found.

use std::collections::BTreeMap;

use cube::{Cause, CauseKind};

use crate::cli::output::stdio::printable;

/// The longest quotation in a message, in characters.
const LONGEST_WORD: usize = 120;

/// What a rule found, by its placeholder in the texts.
pub type Found = BTreeMap<&'static str, String>;

/// A message and its remedy, with placeholders such as `{word}` for what was found.
#[derive(Clone, Copy)]
pub struct CauseText {
    kind: CauseKind,
    pub message: &'static str,
    pub remedy: &'static str,
}

impl CauseText {
    pub const fn new(kind: CauseKind, message: &'static str, remedy: &'static str) -> Self {
        Self { kind, message, remedy }
    }

    pub fn fill(&self, found: &Found) -> Cause {
        Cause { kind: self.kind, message: filled(self.message, found), remedy: filled(self.remedy, found) }
    }
}

fn filled(text: &str, found: &Found) -> String {
    found.iter().fold(text.to_owned(), |text, (name, value)| {
        let short: String = printable(value).chars().take(LONGEST_WORD).collect();
        text.replace(&format!("{{{name}}}"), &short)
    })
}
