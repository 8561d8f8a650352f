//! What runs in the container, and how it ends.

use crate::{
    config::{
        group::group,
        value::{env::EnvVar, restart::RestartPolicy, signal::Signal, standard_stream::StandardStream},
    },
    error::Error,
};

group! {
    /// What runs in the container, and how it ends.
    pub struct Process {
        /// The command and its arguments; the image's own if empty.
        pub command: Vec<String> = Vec::new();
        /// The entry point; the image's own if left out, none if it is the empty string.
        pub entrypoint: Option<String> = None;
        /// Environment variables, in order; the last of a name wins.
        pub env: Vec<EnvVar> = Vec::new();
        /// Working directory in the container.
        pub workdir: Option<String> = None;
        /// User, and group after a colon, by name or number.
        pub user: Option<String> = None;
        /// Whether an init process reaps the task's orphans and forwards signals; the engine's default if left out.
        pub init: Option<bool> = None;
        /// Whether the task has an open standard input.
        pub interactive: bool = false;
        /// Whether the task has a terminal: one stream for input and output.
        pub tty: bool = false;
        /// The standard streams to connect before the task starts; empty for a task in the background.
        pub attach: Vec<StandardStream> = Vec::new();
        /// Whether the engine removes the container at its end, with its anonymous volumes.
        pub auto_remove: bool = false;
        /// The signal that asks the task to stop; the image's, else SIGTERM, if left out.
        pub stop_signal: Option<Signal> = None;
        /// Time between the stop signal and the kill, in seconds; -1 waits for ever. The engine's default is 10.
        pub stop_timeout: Option<i32> = None;
        /// What the engine does when the task's process ends. Nothing by default.
        pub restart: RestartPolicy = RestartPolicy::No;
    }
}

impl Process {
    /// Connects the streams that Docker's CLI connects in the foreground: `named`, or stdout and stderr if that is
    /// empty; and stdin if the task has an open one.
    pub fn connect(&mut self, named: &[StandardStream]) {
        const OUTPUTS: [StandardStream; 2] = [StandardStream::Stdout, StandardStream::Stderr];
        self.attach = if named.is_empty() { OUTPUTS.to_vec() } else { named.to_vec() };
        if self.interactive && !self.attach.contains(&StandardStream::Stdin) {
            self.attach.insert(0, StandardStream::Stdin);
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.stop_timeout.filter(|seconds| *seconds < -1) {
            Some(given) => Err(Error::invalid(
                "stop timeout",
                &given.to_string(),
                "the least is -1, which waits for ever",
            )
            .with_hint("write --stop-timeout 10")),
            None => Ok(()),
        }
    }
}
