//! Why a task failed, from facts of the engine and the kernel, and from known messages in the task's last lines. No
//! cause is better than a wrong one.

mod engine;
pub mod facts;
mod lines;
mod signals;

use std::collections::BTreeMap;

use cube::{Cause, CauseKind};

use crate::cli::{output::stdio::printable, record::cause::facts::Facts};

/// The longest quotation in a message, in characters.
const LONGEST_WORD: usize = 120;

/// What a rule found, by its placeholder in the texts.
type Found = BTreeMap<&'static str, String>;

/// A message and its remedy, with placeholders such as `{word}` for what was found.
#[derive(Clone, Copy)]
struct CauseText {
    kind: CauseKind,
    message: &'static str,
    remedy: &'static str,
}

impl CauseText {
    const fn new(kind: CauseKind, message: &'static str, remedy: &'static str) -> Self {
        Self { kind, message, remedy }
    }

    fn fill(&self, found: &Found) -> Cause {
        Cause { kind: self.kind, message: filled(self.message, found), remedy: filled(self.remedy, found) }
    }
}

fn filled(text: &str, found: &Found) -> String {
    found.iter().fold(text.to_owned(), |text, (name, value)| {
        let short: String = printable(value).chars().take(LONGEST_WORD).collect();
        text.replace(&format!("{{{name}}}"), &short)
    })
}

/// Why the task failed, if that is known.
pub fn explain(facts: &Facts) -> Option<Cause> {
    let cause = engine::of_error(facts).or_else(|| {
        if facts.ended_by_cube || facts.code.is_none_or(|code| code == 0) {
            return None;
        }
        engine::of_memory(facts)
            .or_else(|| signals::of_engine(facts))
            .or_else(|| lines::explain(facts))
            .or_else(|| signals::of_code(facts))
    })?;
    Some(Cause { message: facts.without_env_values(&cause.message), ..cause })
}
