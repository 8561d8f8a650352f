//! Running a command in a container.

use bollard::models::ExecConfig;
use bytes::Bytes;

use super::{Attachment, Chunk, Docker, Input, fault, swarm};
use crate::{EnvVar, Error, ErrorKind};

/// How the engine's refusal to run a command begins, on the command's own output.
const REFUSAL: &[u8] = b"OCI runtime exec failed";
/// Its exit code then, also for a command that is not found.
const NOT_EXECUTED: i64 = 126;
/// How much of the output's beginning is kept, in bytes.
const HEAD: usize = 1_024;

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
    output: Attachment,
    /// The beginning of what came: a command that cannot run is told there.
    head: Vec<u8>,
    id: String,
}

impl Exec {
    /// The next piece of its output, or `None` at its end.
    ///
    /// # Errors
    /// As [`Attachment::next`].
    pub async fn next(&mut self) -> Result<Option<Chunk>, Error> {
        let chunk = self.output.next().await?;
        if let Some(chunk) = &chunk {
            let room = HEAD.saturating_sub(self.head.len()).min(chunk.bytes.len());
            self.head.extend_from_slice(chunk.bytes.get(..room).unwrap_or_default());
        }
        Ok(chunk)
    }
}

impl Docker {
    /// Starts a command in a running container.
    ///
    /// # Errors
    /// [`ErrorKind::TaskNotFound`], [`ErrorKind::WrongState`] if it does not run,
    /// [`ErrorKind::CommandNotFound`] or [`ErrorKind::CommandNotExecutable`] from engines that say so
    /// at the start; others say it by the exit code.
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
        let here = if swarm::is_service(container_id) {
            self.container_here(container_id).await?
        } else {
            container_id.to_owned()
        };
        let created = self.within(self.api.create_exec(&here, config)).await;
        let id = created.map_err(not_running)?.id;
        let body = Bytes::from_static(br#"{"Detach":false,"Tty":false}"#);
        let (output, input) = self.hijack(&format!("/exec/{id}/start"), Some(body)).await?;
        Ok((Exec { output, head: Vec::new(), id }, input))
    }

    /// The exit code of a command whose output has ended.
    ///
    /// # Errors
    /// The engine's; [`ErrorKind::BadAnswer`] if it does not know the code.
    pub fn exec_code(&self, exec: &Exec) -> impl Future<Output = Result<i64, Error>> + Send {
        // The connection in `exec` may not be shared between threads; what is needed of it may.
        let (id, head) = (&exec.id, &exec.head);
        async move {
            let state = self.within(self.api.inspect_exec(id)).await?;
            let code = state.exit_code.ok_or_else(|| fault::bad_answer("/exec", &"no exit code"))?;
            if code == NOT_EXECUTED && head.starts_with(REFUSAL) {
                return Err(fault::refusal(400, &String::from_utf8_lossy(head)));
            }
            Ok(code)
        }
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
