//! What is shown after a run's error and before its JSON: an annotation, notes, and last the reason.

use cube::Cause;

use crate::cli::output::stdio;

/// The closing lines of a run.
#[derive(Debug, Default)]
pub struct Closing {
    /// A line for the CI service.
    pub annotation: Option<String>,
    /// Lines about the task's usage, and about files that could not be written.
    pub notes: Vec<String>,
}

impl Closing {
    /// Shows them on standard error.
    pub fn show(&self, cause: Option<&Cause>) {
        if let Some(annotation) = &self.annotation {
            stdio::raw(annotation);
        }
        for note in &self.notes {
            stdio::note(note);
        }
        if let Some(cause) = cause {
            stdio::step(&format!("reason: {}", cause.message));
            stdio::step(&format!("  remedy: {}", cause.remedy));
        }
    }
}
