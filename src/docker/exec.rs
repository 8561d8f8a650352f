//! Running a command in a container.

use bollard::models::ExecConfig;
use bytes::Bytes;

use super::{Attachment, Docker, Input, fault};
use crate::{EnvVar, Error, ErrorKind};

/// What to run, and as whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecOptions {
    /// The command and its arguments.
    pub command: Vec<String>,
    /// Environment variables beside the container's.
    pub env: Vec<EnvVar>,
    /// The user; the container's own if left out.
    pub user: Option<String>,
    /// The working directory; the container's own if left out.
    pub workdir: Option<String>,
    /// Whether the command reads the caller's standard input.
    pub stdin: bool,
}

/// A command that runs in a container.
#[derive(Debug)]
pub struct Exec {
    /// Its output.
    pub output: Attachment,
    /// Its standard input.
    pub input: Input,
    id: String,
}

impl Docker {
    /// Starts a command in a running container.
    ///
    /// # Errors
    /// [`ErrorKind::TaskNotFound`], [`ErrorKind::WrongState`] if it does not run,
    /// [`ErrorKind::CommandNotFound`] or [`ErrorKind::CommandNotExecutable`] from engines that say so
    /// at the start; others say it by the exit code.
    pub async fn exec(&self, container_id: &str, options: &ExecOptions) -> Result<Exec, Error> {
        let config = ExecConfig {
            attach_stdin: Some(options.stdin),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(options.command.clone()),
            env: Some(options.env.iter().map(EnvVar::to_engine).collect()),
            user: options.user.clone(),
            working_dir: options.workdir.clone(),
            ..ExecConfig::default()
        };
        let created = self.within(self.api.create_exec(container_id, config)).await;
        let id = created.map_err(not_running)?.id;
        let body = Bytes::from_static(br#"{"Detach":false,"Tty":false}"#);
        let (output, input) = self.hijack(&format!("/exec/{id}/start"), Some(body)).await?;
        Ok(Exec { output, input, id })
    }

    /// The exit code of a command whose output has ended.
    ///
    /// # Errors
    /// The engine's; [`ErrorKind::BadAnswer`] if it does not know the code.
    pub async fn exec_code(&self, exec: &Exec) -> Result<i64, Error> {
        let state = self.within(self.api.inspect_exec(&exec.id)).await?;
        state.exit_code.ok_or_else(|| fault::bad_answer("/exec", &"no exit code"))
    }
}

fn not_running(error: Error) -> Error {
    if error.to_string().contains("is not running") {
        return Error::new(ErrorKind::WrongState, error.to_string())
            .with_origin(error.origin())
            .with_hint("`cube ps -a` shows the state of each task");
    }
    error
}
