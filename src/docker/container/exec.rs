//! Runs a command in a container.

use std::{collections::VecDeque, ops::RangeInclusive};

use bollard::{
    models::ExecConfig,
    query_parameters::{ResizeContainerTTYOptionsBuilder, ResizeExecOptionsBuilder},
};

use crate::{
    config::value::env::EnvVar,
    docker::{
        Docker,
        http::refusal::{self, call::Call},
        output::{
            attach::{Attachment, Input},
            frames::Chunk,
        },
    },
    error::Error,
};

/// How an engine's refusal to run a command begins, which it writes as the command's output: Docker's, and podman's for
/// the runtimes runc and crun.
const REFUSALS: [&[u8]; 5] = [
    b"OCI runtime exec failed",
    b"unable to find user ",
    b"unable to find group ",
    b"Error: runc: exec failed",
    b"Error: crun: ",
];
/// Longer than any refusal, in bytes.
const LONGEST_REFUSAL: usize = 8 << 10;
/// The exit codes of a refusal. Older engines use 126 also for a command that is not found. For a cause that they do not
/// know, for example a working directory that is no folder, newer ones use 128 and podman 125.
const NOT_EXECUTED: RangeInclusive<i64> = 125..=128;

/// How to run a command in a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecOptions {
    /// The command and its arguments.
    pub command: Vec<String>,
    /// Environment variables in addition to the container's.
    pub env: Vec<EnvVar>,
    /// The user; the container's own if left out.
    pub user: Option<String>,
    /// The working directory; the container's own if left out.
    pub workdir: Option<String>,
    /// Whether the command has every capability, whatever the container has.
    pub privileged: bool,
    /// Whether the command reads the caller's standard input.
    pub stdin: bool,
    /// Whether the command has a terminal.
    pub tty: bool,
    /// The keys by which the engine detaches from that terminal; `ctrl-p,ctrl-q` if left out.
    pub detach_keys: Option<String>,
}

/// A command that runs in a container.
#[derive(Debug)]
pub struct Exec {
    docker: Docker,
    output: Attachment,
    id: String,
    begun: bool,
    /// Pieces that were held back because they looked like an engine's refusal, in order.
    held_back: VecDeque<Chunk>,
}

impl Exec {
    /// The next piece of its output, or `None` at its end.
    ///
    /// # Errors
    /// As [`Attachment::next`]; [`crate::ErrorKind::CommandNotFound`] or [`crate::ErrorKind::CommandNotExecutable`] if
    /// the engine reports that instead of the command's output.
    pub async fn next(&mut self) -> Result<Option<Chunk>, Error> {
        if let Some(chunk) = self.held_back.pop_front() {
            return Ok(Some(chunk));
        }
        let chunk = self.output.next().await?;
        let begins = !std::mem::replace(&mut self.begun, true);
        match chunk {
            Some(first) if begins && REFUSALS.iter().any(|words| first.bytes.starts_with(words)) => {
                self.command_or_engine(first).await
            }
            chunk => Ok(chunk),
        }
    }

    /// Returns `first` if the command wrote it. An engine's refusal is the whole output, and the exit code fits it.
    async fn command_or_engine(&mut self, first: Chunk) -> Result<Option<Chunk>, Error> {
        let mut length = first.bytes.len();
        while length < LONGEST_REFUSAL {
            let Some(more) = self.output.next().await? else {
                if NOT_EXECUTED.contains(&self.docker.exec_code(&self.id).await?) {
                    let text = String::from_utf8_lossy(&first.bytes);
                    return Err(refusal::refusal(Call::Exec, 400, &text, self.docker.transport.engine()));
                }
                break;
            };
            length += more.bytes.len();
            self.held_back.push_back(more);
        }
        Ok(Some(first))
    }

    /// The engine's id of the command ([`Docker::resize_exec`] takes it).
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The exit code, once the output has ended.
    ///
    /// # Errors
    /// The engine's; [`crate::ErrorKind::BadAnswer`] if it does not know the code.
    pub fn code(&self) -> impl Future<Output = Result<i64, Error>> + Send {
        // Copied out of `self`, whose connection must not be shared between threads.
        let (docker, id) = (&self.docker, &self.id);
        docker.exec_code(id)
    }
}

impl Docker {
    /// Starts a command in the container `id`.
    pub(crate) async fn exec_in(&self, id: &str, options: &ExecOptions) -> Result<(Exec, Input), Error> {
        let config = ExecConfig {
            attach_stdin: Some(options.stdin),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(options.tty),
            detach_keys: options.detach_keys.clone(),
            cmd: Some(options.command.clone()),
            env: Some(options.env.iter().map(EnvVar::to_engine).collect()),
            user: options.user.clone(),
            privileged: Some(options.privileged),
            working_dir: options.workdir.clone(),
            ..ExecConfig::default()
        };
        let id = self.within(self.api.create_exec(id, config)).await?.id;
        let body = format!(r#"{{"Detach":false,"Tty":{}}}"#, options.tty);
        let path = format!("/exec/{id}/start");
        let (output, input) = self.hijack(&path, body.as_bytes(), options.tty).await?;
        Ok((Exec { docker: self.clone(), output, id, begun: false, held_back: VecDeque::new() }, input))
    }

    /// Sets the size, in characters, of the terminal of a command in a task.
    ///
    /// # Errors
    /// The engine's refusal: the command has no terminal, or does not run.
    pub async fn resize_exec(&self, id: &str, columns: u16, rows: u16) -> Result<(), Error> {
        let size = ResizeExecOptionsBuilder::default().w(columns.into()).h(rows.into()).build();
        self.within(self.api.resize_exec(id, size)).await
    }

    pub(crate) async fn resize_container(&self, id: &str, columns: u16, rows: u16) -> Result<(), Error> {
        let size = ResizeContainerTTYOptionsBuilder::default().w(columns.into()).h(rows.into()).build();
        self.within(self.api.resize_container_tty(id, size)).await
    }

    async fn exec_code(&self, id: &str) -> Result<i64, Error> {
        let state = self.within(self.api.inspect_exec(id)).await?;
        state.exit_code.ok_or_else(|| refusal::bad_answer("/exec", &"no exit code"))
    }
}
