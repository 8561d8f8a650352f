//! Runs a credential helper (`docker-credential-NAME get`, `list`). Its time and output are limited, and it is killed
//! if the question is cancelled.

use std::{io, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
    time::timeout,
};

use crate::docker::{http::refusal::printable::printable, image::credentials::login::Login};

/// What every helper prints on its standard output if it has no credentials.
const NOT_FOUND: &str = "credentials not found in native keychain";
/// How long a helper may take. It is long, because a helper may ask the user.
const LIMIT: Duration = Duration::from_mins(1);
/// The largest output of a helper, in bytes.
const LONGEST: u64 = 1 << 20;
/// How much of its output a message shows, in characters.
const SHOWN: usize = 300;

#[derive(Deserialize)]
struct HelperAnswer {
    #[serde(rename = "Username")]
    username: String,
    #[serde(rename = "Secret")]
    secret: String,
}

/// The credentials of the helper `name` for `server`; the reason if it fails.
pub(super) async fn ask(name: &str, server: &str) -> Result<Option<Login>, String> {
    answer(name, "get", server).await?.as_deref().map(login).transpose()
}

/// The registries for which the helper `name` has credentials; the reason if it fails.
pub(super) async fn list(name: &str) -> Result<Vec<String>, String> {
    let Some(said) = answer(name, "list", "").await? else { return Ok(Vec::new()) };
    let users: Map<String, Value> = serde_json::from_slice(&said).map_err(|_| not_understood())?;
    Ok(users.into_iter().map(|(registry, _)| registry).collect())
}

/// The helper's answer; `None` if it has no credentials.
async fn answer(name: &str, verb: &str, input: &str) -> Result<Option<Vec<u8>>, String> {
    let said = match timeout(LIMIT, run(name, verb, input)).await {
        Ok(said) => said?,
        Err(_) => {
            return Err(format!("docker-credential-{name} did not answer within {} s", LIMIT.as_secs()));
        }
    };
    let stdout = String::from_utf8_lossy(&said.stdout);
    match said.ok {
        false if stdout.trim() == NOT_FOUND => Ok(None),
        false => {
            let stderr = String::from_utf8_lossy(&said.stderr);
            let why: String = printable(reason(&stdout, &stderr)).chars().take(SHOWN).collect();
            Err(format!("docker-credential-{name} failed: {why}"))
        }
        true => Ok(Some(said.stdout)),
    }
}

struct Said {
    ok: bool,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

async fn run(name: &str, verb: &str, input: &str) -> Result<Said, String> {
    let cannot = |error: io::Error| {
        format!("the credential helper docker-credential-{name} cannot be started: {error}")
    };
    let mut helper = Helper(
        Command::new(format!("docker-credential-{name}"))
            .arg(verb)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(cannot)?,
    );
    let child = &mut helper.0;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not read its input needs none.
        let _ = stdin.write_all(format!("{input}\n").as_bytes()).await;
    }
    let (stdout, stderr) = tokio::try_join!(limited(child.stdout.take()), limited(child.stderr.take()))
        .map_err(|error| format!("docker-credential-{name}: {error}"))?;
    let status = child.wait().await.map_err(|error| format!("docker-credential-{name}: {error}"))?;
    Ok(Said { ok: status.success(), stdout, stderr })
}

async fn limited(stream: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut said = Vec::new();
    if let Some(stream) = stream {
        stream.take(LONGEST + 1).read_to_end(&mut said).await?;
    }
    if said.len() as u64 > LONGEST {
        return Err(io::Error::other("it says more than 1 MiB"));
    }
    Ok(said)
}

/// A helper and its child processes, which are killed on drop.
struct Helper(Child);

impl Drop for Helper {
    fn drop(&mut self) {
        let group = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(group) = group {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

pub(crate) fn login(stdout: &[u8]) -> Result<Login, String> {
    let answer: HelperAnswer = serde_json::from_slice(stdout).map_err(|_| not_understood())?;
    Ok(match answer.username.as_str() {
        "<token>" => Login::Token(answer.secret),
        _ => Login::Password(answer.username, answer.secret),
    })
}

fn not_understood() -> String {
    "the credential helper's answer cannot be understood".to_owned()
}

/// The line that says why a helper failed. Standard output is not shown if it is JSON, which may contain a secret.
pub(crate) fn reason<'a>(stdout: &'a str, stderr: &'a str) -> &'a str {
    let stdout = if stdout.contains('{') { "" } else { stdout };
    let mut lines = stderr.lines().chain(stdout.lines()).map(str::trim);
    lines.find(|line| !line.is_empty()).unwrap_or("it does not say why")
}
