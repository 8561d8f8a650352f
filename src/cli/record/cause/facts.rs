//! What is known of a task that failed.

use cube::{EnvVar, Error};

/// The facts from the engine, the kernel and the task itself.
#[derive(Debug, Default)]
pub struct Facts<'a> {
    /// The error of the start, the wait or the run.
    pub error: Option<&'a Error>,
    /// The exit code of the task's process.
    pub code: Option<i64>,
    /// Whether the kernel killed one of its processes because memory ran out.
    pub out_of_memory: bool,
    /// Its memory limit in bytes.
    pub memory_limit: Option<u64>,
    /// Whether cube asked it to end.
    pub ended_by_cube: bool,
    /// The number of the last signal that was sent to it through the engine.
    pub engine_signal: Option<i32>,
    /// Its program and arguments.
    pub command: Vec<String>,
    /// Its last lines, both streams.
    pub lines: Vec<String>,
    /// The environment that it was given.
    pub env: &'a [EnvVar],
}

impl Facts<'_> {
    /// Whether the variable was given with a value.
    pub fn is_given(&self, variable: &str) -> bool {
        self.env.iter().any(|var| var.name() == variable && var.value().is_some_and(|v| !v.is_empty()))
    }

    /// Whether the task's first process is a shell, whose exit code may be that of a command it ran.
    pub fn runs_in_shell(&self) -> bool {
        const SHELLS: [&str; 7] = ["sh", "bash", "ash", "dash", "zsh", "ksh", "busybox"];
        let is_shell = |word: &String| {
            let name = word.rsplit('/').next().unwrap_or(word);
            SHELLS.contains(&name) || name.strip_suffix(".sh").is_some()
        };
        // Also found behind a wrapper: `tini -- sh -c …`.
        self.command.iter().take(3).any(is_shell)
    }
}
