//! Connections over ssh: `docker system dial-stdio` on the other machine carries the bytes, as with Docker's CLI.

use std::{
    ffi::OsStr,
    fmt,
    future::Future,
    io,
    pin::Pin,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use crate::{
    address::Address, docker::http::dial::unreachable::unreachable, error::Error, shell::shell_word,
};

/// How much of ssh's error output is kept for a message, in bytes.
const KEPT: usize = 2048;

/// How long to wait for ssh's exit code, and then for the end of its error output, after it closed the connection.
const EXIT_WAIT: Duration = Duration::from_secs(2);

/// A running ssh; its standard streams are the connection. It is killed when this is dropped.
pub(crate) struct SshStream {
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    heard: bool,
    exit: Pin<Box<dyn Future<Output = SshExit> + Send + Sync>>,
}

/// How ssh ended before the engine sent anything.
#[derive(Debug)]
pub(crate) struct SshExit {
    code: Option<i32>,
    stderr: String,
}

/// Starts `program` (ssh) for `address`.
pub(crate) fn spawn(program: &OsStr, address: &Address) -> io::Result<SshStream> {
    let mut child = Command::new(program)
        .args(arguments(address))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C on the terminal must not end ssh: the connection is needed to stop the task.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let missing = || io::Error::from(io::ErrorKind::BrokenPipe);
    let stdin = child.stdin.take().ok_or_else(missing)?;
    let stdout = child.stdout.take().ok_or_else(missing)?;
    let stderr = child.stderr.take().ok_or_else(missing)?;
    let kept = Arc::default();
    let drained = tokio::spawn(drain(stderr, Arc::clone(&kept)));
    Ok(SshStream { stdin: Some(stdin), stdout, heard: false, exit: Box::pin(exit(child, drained, kept)) })
}

fn arguments(address: &Address) -> Vec<String> {
    let Address::Ssh { user, host, port, path } = address else { return Vec::new() };
    // ssh must not ask for a password: in a background process group, that would suspend it for ever.
    let mut arguments = ["-o", "ConnectTimeout=30", "-o", "BatchMode=yes", "-T"].map(String::from).to_vec();
    arguments.extend(user.iter().flat_map(|user| ["-l".into(), user.clone()]));
    arguments.extend(port.iter().flat_map(|port| ["-p".into(), port.to_string()]));
    arguments.extend(["--".into(), host.clone(), "docker".into()]);
    arguments.extend(path.iter().map(|path| format!("--host={}", shell_word(&format!("unix://{path}")))));
    arguments.extend(["system".into(), "dial-stdio".into()]);
    arguments
}

/// Reads all of ssh's error output, so that ssh never blocks on it, and keeps the beginning.
async fn drain(mut stderr: ChildStderr, kept: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = [0; 1024];
    while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT.saturating_sub(kept.len()).min(length);
        kept.extend(buffer.iter().take(room));
    }
}

/// Waits for the end of ssh. The wait is limited, because a shared master connection may keep the error output open.
async fn exit(mut child: Child, drained: tokio::task::JoinHandle<()>, kept: Arc<Mutex<Vec<u8>>>) -> SshExit {
    let status = timeout(EXIT_WAIT, child.wait()).await;
    let _ = timeout(EXIT_WAIT, drained).await;
    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    SshExit {
        code: status.ok().and_then(Result::ok).and_then(|status| status.code()),
        stderr: String::from_utf8_lossy(&kept).trim().to_owned(),
    }
}

impl SshStream {
    /// ssh closed the connection: an error with the reason if the engine sent nothing, else `end`.
    fn poll_end<T>(&mut self, cx: &mut Context, end: io::Result<T>) -> Poll<io::Result<T>> {
        if self.heard {
            return Poll::Ready(end);
        }
        let exit = ready!(self.exit.as_mut().poll(cx));
        // A finished future must not be polled again; later calls return `end`.
        self.heard = true;
        Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionRefused, exit)))
    }

    fn poll_written<T>(&mut self, cx: &mut Context, result: io::Result<T>) -> Poll<io::Result<T>> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.poll_end(cx, Err(error)),
            result => Poll::Ready(result),
        }
    }
}

impl AsyncRead for SshStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context, buf: &mut ReadBuf) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stdout).poll_read(cx, buf))?;
        if buf.filled().len() == before && buf.remaining() > 0 {
            return this.poll_end(cx, Ok(()));
        }
        this.heard = true;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SshStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let Some(stdin) = &mut this.stdin else { return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())) };
        let result = ready!(Pin::new(stdin).poll_write(cx, buf));
        this.poll_written(cx, result)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some(stdin) = &mut this.stdin else { return Poll::Ready(Ok(())) };
        let result = ready!(Pin::new(stdin).poll_flush(cx));
        this.poll_written(cx, result)
    }

    /// Closes the pipe, which tells ssh that nothing more comes.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(stdin) = &mut this.stdin {
            ready!(Pin::new(stdin).poll_flush(cx))?;
        }
        this.stdin = None;
        Poll::Ready(Ok(()))
    }
}

impl fmt::Display for SshExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "ssh ended with exit code {code}"),
            None => f.write_str("ssh ended"),
        }
    }
}

impl std::error::Error for SshExit {}

impl SshExit {
    /// The error for the engine at `address`, with the last line of ssh's error output.
    pub(crate) fn explain(&self, address: &Address) -> Error {
        let said = self.stderr.lines().rev().find(|line| !line.trim().is_empty());
        let said: String =
            said.unwrap_or_default().trim().chars().filter(|c| !c.is_control()).take(300).collect();
        let reason = if said.is_empty() { self.to_string() } else { format!("{self}: {said}") };
        let hint = match self.code {
            // Exit codes of the remote shell: the `docker` command is missing or cannot be executed.
            Some(126 | 127) => "install the Docker CLI (18.09 or newer) on that machine",
            _ => {
                "try `ssh HOST docker version`; ssh must log in without a question (a key in ssh-agent, a known host)"
            }
        };
        unreachable(address, reason, hint)
    }
}

#[cfg(test)]
mod tests;
