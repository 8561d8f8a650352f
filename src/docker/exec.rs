//! Running a command in a container.

use bollard::models::ExecConfig;
use bytes::Bytes;

use super::{Attachment, Chunk, Docker, Input, fault};
use crate::{EnvVar, Error, ErrorKind};

/// How the engine's refusal to run a command begins, on the command's own output.
const REFUSAL: &[u8] = b"OCI runtime exec failed";
/// Its exit code then, also for a command that is not found.
const NOT_EXECUTED: i64 = 126;

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
    docker: Docker,
    output: Attachment,
    id: String,
    begun: bool,
    /// What came behind a piece that might have been the engine's refusal.
    behind: Option<Chunk>,
}

impl Exec {
    /// The next piece of its output, or `None` at its end.
    ///
    /// # Errors
    /// As [`Attachment::next`]; [`ErrorKind::CommandNotFound`] or [`ErrorKind::CommandNotExecutable`] where
    /// the engine says so in the command's place.
    pub async fn next(&mut self) -> Result<Option<Chunk>, Error> {
        if let Some(chunk) = self.behind.take() {
            return Ok(Some(chunk));
        }
        let chunk = self.output.next().await?;
        match chunk {
            Some(first) if !self.begun && first.bytes.starts_with(REFUSAL) => {
                self.command_or_engine(first).await
            }
            chunk => {
                self.begun = true;
                Ok(chunk)
            }
        }
    }

    /// `first` if the command wrote it: the engine's refusal is all that comes, and has its own code.
    async fn command_or_engine(&mut self, first: Chunk) -> Result<Option<Chunk>, Error> {
        self.begun = true;
        self.behind = self.output.next().await?;
        if self.behind.is_none() && self.docker.exec_code(&self.id).await? == NOT_EXECUTED {
            return Err(fault::refusal(400, &String::from_utf8_lossy(&first.bytes)));
        }
        Ok(Some(first))
    }

    /// The exit code, once the output has ended.
    ///
    /// # Errors
    /// The engine's; [`ErrorKind::BadAnswer`] if it does not know the code.
    pub fn code(&self) -> impl Future<Output = Result<i64, Error>> + Send {
        // The connection in `self` may not be shared between threads; what is needed of it may.
        let (docker, id) = (&self.docker, &self.id);
        docker.exec_code(id)
    }
}

impl Docker {
    /// Starts a command in a running container.
    ///
    /// # Errors
    /// [`ErrorKind::TaskNotFound`], [`ErrorKind::WrongState`] if it does not run,
    /// [`ErrorKind::CommandNotFound`] or [`ErrorKind::CommandNotExecutable`] from engines that say so
    /// at the start; others say it in the output, see [`Exec::next`].
    pub async fn exec(&self, container_id: &str, options: &ExecOptions) -> Result<(Exec, Input), Error> {
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
        let container = self.container_of(container_id).await?;
        let created = self.within(self.api.create_exec(&container, config)).await;
        let id = created.map_err(not_running)?.id;
        let body = Bytes::from_static(br#"{"Detach":false,"Tty":false}"#);
        let (output, input) = self.hijack(&format!("/exec/{id}/start"), Some(body)).await?;
        Ok((Exec { docker: self.clone(), output, id, begun: false, behind: None }, input))
    }

    async fn exec_code(&self, id: &str) -> Result<i64, Error> {
        let state = self.within(self.api.inspect_exec(id)).await?;
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
