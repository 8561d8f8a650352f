//! What a condition last saw, and the error for the time that ran out before all held.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{
    config::value::{condition::Condition, duration},
    docker::{http::refusal, ready::Watch},
    error::{Error, ErrorKind, Origin},
};

/// The most of a line of output that a message quotes, in characters.
const LONGEST_QUOTE: usize = 200;

const HINT: &str = "give it longer: --wait-timeout, or --timeout of `cube wait`; its output may say why";
pub(crate) const LOOPBACK_HINT: &str =
    "let it listen on 0.0.0.0 or [::]: its loopback cannot be reached from outside";

/// How far a condition is.
#[derive(Default)]
pub(crate) struct Progress(Mutex<ConditionState>);

#[derive(Default)]
struct ConditionState {
    held: bool,
    text: String,
    hint: Option<&'static str>,
}

impl Progress {
    /// Notes what the last look showed.
    pub(crate) fn note(&self, text: impl Into<String>) {
        self.note_with(text, None);
    }

    /// The same with a hint of its own, in place of more time.
    pub(crate) fn note_with(&self, text: impl Into<String>, hint: Option<&'static str>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (state.text, state.hint) = (text.into(), hint);
    }

    /// Notes that the condition held.
    pub(crate) fn hold(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).held = true;
    }

    /// Whether it held.
    pub(crate) fn held(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).held
    }

    fn hint(&self) -> Option<&'static str> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).hint
    }

    fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).text.clone()
    }
}

/// A line of output for a message.
pub(crate) fn quote(text: &str) -> String {
    let text = refusal::printable(text.trim());
    let mut short: String = text.chars().take(LONGEST_QUOTE).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}

/// The error for a wait that ran out after `limit`.
pub(crate) fn timed_out(limit: Duration, watches: &[Watch<'_>]) -> Error {
    let open: Vec<_> = watches.iter().filter(|watch| !watch.seen.held()).collect();
    let limit = duration::format(limit);
    if open.is_empty() {
        return Error::new(ErrorKind::TimedOut, format!("the task did not end within {limit}"))
            .with_hint("`cube stop TASK` ends it");
    }
    let states: Vec<String> =
        open.iter().map(|watch| describe(watch.condition, &watch.seen.text())).collect();
    Error::new(ErrorKind::TimedOut, format!("the task was not ready within {limit}: {}", states.join("; ")))
        .with_origin(Origin::Task)
        .with_hint(open.iter().find_map(|watch| watch.seen.hint()).unwrap_or(HINT))
}

fn describe(condition: &Condition, seen: &str) -> String {
    if seen.is_empty() { format!("{condition} (not seen yet)") } else { format!("{condition} ({seen})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(conditions: &[(&str, Option<&str>)]) -> Error {
        error_with(conditions, None)
    }

    fn error_with(conditions: &[(&str, Option<&str>)], hint: Option<&'static str>) -> Error {
        let conditions: Vec<(Condition, _)> =
            conditions.iter().map(|(text, seen)| (text.parse().unwrap(), *seen)).collect();
        let watches: Vec<Watch> = conditions
            .iter()
            .map(|(condition, text)| {
                let seen = Progress::default();
                match text {
                    Some(text) => seen.note_with(*text, hint),
                    None => seen.hold(),
                }
                Watch { condition, seen }
            })
            .collect();
        timed_out(Duration::from_secs(2), &watches)
    }

    #[test]
    fn the_message_tells_what_each_open_condition_last_saw() {
        let error = error(&[("running", None), ("log*2=up", Some("1 line so far")), ("healthy", Some(""))]);
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(
            error.to_string(),
            "the task was not ready within 2s: log*2=up (1 line so far); healthy (not seen yet)"
        );
    }

    #[test]
    fn a_listener_on_loopback_gets_a_hint_of_its_own() {
        let condition = [("port=80", Some("listening: 127.0.0.1:80 (loopback only)"))];
        assert_eq!(error_with(&condition, Some(LOOPBACK_HINT)).hint(), Some(LOOPBACK_HINT));
        assert_eq!(error(&condition).hint(), Some(HINT));
        assert_eq!(error(&[("log=loopback only", Some("no line matched so far"))]).hint(), Some(HINT));
    }

    #[test]
    fn when_all_held_the_end_was_what_did_not_come() {
        assert_eq!(error(&[("running", None)]).to_string(), "the task did not end within 2s");
    }

    #[test]
    fn a_quote_is_short_and_clean() {
        assert_eq!(quote(" a\x1bb\n"), "\"a b\"");
        assert_eq!(quote(&"é".repeat(500)).chars().count(), LONGEST_QUOTE + 3);
    }
}
