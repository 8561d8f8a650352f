//! What is known of a task that failed.

use std::cmp::Reverse;

use cube::{EnvVar, Error};

/// The shortest value that is blanked in texts, in bytes: shorter ones occur in any sentence by chance.
const SHORTEST_SECRET: usize = 4;

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

/// The text with the values of the environment replaced by the names of their variables.
pub fn without_env_values(text: &str, env: &[EnvVar]) -> String {
    let given = env.iter().filter_map(|var| Some((var.name(), var.value()?)));
    let mut secret: Vec<_> = given.filter(|(_, value)| value.len() >= SHORTEST_SECRET).collect();
    // A value may be part of a longer one.
    secret.sort_by_key(|(_, value)| Reverse(value.len()));
    secret.into_iter().fold(text.to_owned(), |text, (name, value)| text.replace(value, &format!("${name}")))
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
