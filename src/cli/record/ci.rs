//! Marks for the log of a CI service, on standard error: long parts are folded, a failure is annotated. A task's lines
//! are printed so that the service does not take them for commands.

use std::time::{SystemTime, UNIX_EPOCH};

use cube::{Cause, Error, random_id};

use crate::cli::{args::flags::record::CiChoice, output::stdio};

/// The CI service whose log this is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ci {
    /// No CI service, or one whose marks cube does not know.
    #[default]
    None,
    /// GitHub Actions: workflow commands.
    Github,
    /// GitLab CI: sections.
    Gitlab,
}

impl Ci {
    /// The chosen service, or the one that the variables show.
    pub fn detect(choice: CiChoice, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty() && value != "false");
        match choice {
            CiChoice::Github => Self::Github,
            CiChoice::Gitlab => Self::Gitlab,
            CiChoice::Auto if is_set("GITHUB_ACTIONS") => Self::Github,
            CiChoice::Auto if is_set("GITLAB_CI") => Self::Gitlab,
            CiChoice::Auto | CiChoice::Off => Self::None,
        }
    }

    /// The service that the environment names.
    pub fn of_environment() -> Self {
        Self::detect(CiChoice::Auto, &|name| std::env::var(name).ok())
    }

    /// Begins a fold, which ends when the result is dropped.
    pub fn fold(self, title: &str) -> Fold {
        let id = random_id().simple().to_string();
        match self {
            Self::None => {}
            Self::Github => stdio::step(&format!("::group::{}", stdio::printable(title))),
            Self::Gitlab => stdio::raw(&format!(
                "\x1b[0Ksection_start:{}:cube_{id}[collapsed=true]\r\x1b[0K{}\n",
                now(),
                stdio::printable(title)
            )),
        }
        Fold { ci: self, id }
    }

    /// Lines of a task under a heading, folded.
    pub fn task_lines(self, heading: &str, lines: &[u8]) {
        let _fold = if self == Self::None {
            stdio::step(&format!("{heading}:"));
            None
        } else {
            Some(self.fold(heading))
        };
        let end = if lines.last().is_none_or(|last| *last == b'\n') { "" } else { "\n" };
        let text = [lines, end.as_bytes()].concat();
        if self == Self::Github {
            // The word that turns commands on again is random, so that no task can print it.
            let word = random_id().simple();
            stdio::raw(&format!("::stop-commands::{word}\n"));
            stdio::raw_bytes(&text);
            stdio::raw(&format!("::{word}::\n"));
        } else {
            stdio::raw_bytes(&without_sections(self, text));
        }
    }

    /// One annotation for a failure of cube or of the task.
    pub fn annotation(self, error: Option<&Error>, cause: Option<&Cause>) -> Option<String> {
        let causes =
            error.into_iter().flat_map(|error| std::iter::once(error.to_string()).chain(error.causes()));
        let why: Vec<String> = causes.chain(cause.map(|cause| cause.message.clone())).collect();
        if why.is_empty() { None } else { self.annotated(&why.join(": ")) }
    }

    /// The text as an annotation.
    pub fn annotated(self, text: &str) -> Option<String> {
        (self == Self::Github).then(|| format!("::error title=cube::{}\n", data(&stdio::printable(text))))
    }
}

/// GitLab reads marks anywhere in a log, so the first character of marks in a task's lines is removed.
fn without_sections(ci: Ci, text: Vec<u8>) -> Vec<u8> {
    if ci != Ci::Gitlab {
        return text;
    }
    String::from_utf8_lossy(&text)
        .replace("section_start:", "section-start:")
        .replace("section_end:", "section-end:")
        .into_bytes()
}

/// A fold in the log.
#[must_use]
pub struct Fold {
    ci: Ci,
    id: String,
}

impl Drop for Fold {
    fn drop(&mut self) {
        match self.ci {
            Ci::None => {}
            Ci::Github => stdio::step("::endgroup::"),
            Ci::Gitlab => stdio::raw(&format!("\x1b[0Ksection_end:{}:cube_{}\r\x1b[0K\n", now(), self.id)),
        }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Text as a workflow command's message.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_known_by_its_variable() {
        let with = |name: &'static str| move |asked: &str| (asked == name).then(|| "true".to_owned());
        assert_eq!(Ci::detect(CiChoice::Auto, &with("GITHUB_ACTIONS")), Ci::Github);
        assert_eq!(Ci::detect(CiChoice::Auto, &with("GITLAB_CI")), Ci::Gitlab);
        assert_eq!(Ci::detect(CiChoice::Auto, &with("CI")), Ci::None);
        assert_eq!(Ci::detect(CiChoice::Off, &with("GITLAB_CI")), Ci::None);
        assert_eq!(Ci::detect(CiChoice::Gitlab, &with("GITHUB_ACTIONS")), Ci::Gitlab);
    }

    #[test]
    fn a_message_of_several_lines_stays_one_command() {
        assert_eq!(data("a\n::error::b 5%"), "a%0A::error::b 5%25");
    }
}
