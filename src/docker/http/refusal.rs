//! What the engine's refusals mean: the one place that reads its status codes and texts.

use std::{fmt, time::Duration};

use serde::Deserialize;

use crate::error::{Error, ErrorKind, Origin};

/// The most of an engine's text that goes into a message, in characters.
const LONGEST_TEXT: usize = 2_000;

/// The first phrase that the engine's text (in lower case) holds decides kind and hint.
/// Order matters: a mount that fails says "no such file" too.
const PHRASES: &[(&str, ErrorKind, &str)] = &[
    ("no such container", ErrorKind::TaskNotFound, "`cube ps -a` lists cube's tasks"),
    ("no such image", ErrorKind::ImageNotFound, "check the name and tag, or pull it with `cube pull IMAGE`"),
    (
        "is already in use by container",
        ErrorKind::NameTaken,
        "choose another --name, or use --replace for a task that cube started",
    ),
    (
        "name conflicts with an existing object",
        ErrorKind::NameTaken,
        "choose another --name, or use --replace",
    ),
    ("name is already in use", ErrorKind::NameTaken, "choose another --name, or use --replace"),
    ("port is already allocated", ErrorKind::PortTaken, "leave the host port out to get a free one: -p 80"),
    ("address already in use", ErrorKind::PortTaken, "leave the host port out to get a free one: -p 80"),
    ("ports are not available", ErrorKind::PortTaken, "leave the host port out to get a free one: -p 80"),
    ("storage-opt", ErrorKind::Unsupported, STORAGE_HINT),
    ("storage opt", ErrorKind::Unsupported, STORAGE_HINT),
    ("quota", ErrorKind::Unsupported, STORAGE_HINT),
    ("invalid mount", ErrorKind::BadMount, "check the host path of --volume"),
    ("error mounting", ErrorKind::BadMount, "check the host path of --volume"),
    ("error while creating mount source path", ErrorKind::BadMount, "check the host path of --volume"),
    ("invalid volume specification", ErrorKind::BadMount, "write --volume HOST-PATH:PATH or NAME:PATH"),
    ("duplicate mount point", ErrorKind::BadMount, "mount each path once"),
    // podman's network tools, whose own missing files are no missing command.
    ("netavark", ErrorKind::Engine, "the engine's network does not work: `podman info` tells which it is"),
    (
        "http request to an https server",
        ErrorKind::EngineUnreachable,
        "this engine speaks TLS: set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or use its context",
    ),
    ("minimum memory limit", ErrorKind::InvalidInput, "give a unit: --memory 64m"),
    ("range of cpus", ErrorKind::InvalidInput, "see `nproc` on the engine's machine"),
    (
        "executable file not found",
        ErrorKind::CommandNotFound,
        "check the command's name and the image's PATH",
    ),
    ("no such file or directory", ErrorKind::CommandNotFound, "check the command's path in the image"),
    ("system cannot find the file", ErrorKind::CommandNotFound, "check the command's path in the image"),
    ("permission denied", ErrorKind::CommandNotExecutable, "the file is there but not executable"),
    ("is a directory", ErrorKind::CommandNotExecutable, "the command names a directory"),
    // While it goes, its log cannot be read any more; soon it is not there at all.
    ("marked for removal", ErrorKind::TaskNotFound, "`cube ps -a` lists cube's tasks"),
    (
        "no command specified",
        ErrorKind::InvalidInput,
        "give a command after the flags: cube run --image IMAGE COMMAND",
    ),
    ("unable to find user", ErrorKind::InvalidInput, "give --user a name the image knows, or a number"),
    (
        "podman does not support service",
        ErrorKind::Unsupported,
        "Swarm is Docker's: name one of its managers by --host",
    ),
    (
        "this node is not a swarm manager",
        ErrorKind::Unsupported,
        "run `docker swarm init`, or name a manager with --host",
    ),
    ("does not have a leader", ErrorKind::EngineUnreachable, QUORUM_HINT),
    // A manager that asked the leader for it: whether it was done is open.
    ("rpc error: code = unavailable", ErrorKind::ConnectionLost, QUORUM_HINT),
    ("rpc error: code = deadlineexceeded", ErrorKind::ConnectionLost, QUORUM_HINT),
    ("lost leader", ErrorKind::ConnectionLost, QUORUM_HINT),
];

const STORAGE_HINT: &str = "--disk needs the storage driver btrfs, zfs, devicemapper or windowsfilter, or overlay2 on xfs \
                            mounted with pquota; `docker info` names the engine's";

const QUORUM_HINT: &str =
    "a swarm answers while more than half of its managers are up; `docker node ls` shows them";

/// The error for a refused request that was not about a pull.
pub(crate) fn refusal(status: u16, message: &str) -> Error {
    let text = message.to_lowercase();
    let (kind, hint) = match PHRASES.iter().find(|(phrase, ..)| text.contains(phrase)) {
        Some((_, kind, hint)) => (*kind, Some(*hint)),
        None if status == 404 && (text.contains("no such") || is_missing_service(&text)) => {
            (ErrorKind::TaskNotFound, Some("`cube ps -a` lists cube's tasks"))
        }
        None => (ErrorKind::Engine, Some("the engine's log may tell more: `journalctl --unit docker`")),
    };
    let error = Error::new(kind, said(status, message)).with_origin(Origin::Engine);
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// Swarm's words for a service or one of its tasks that is not there.
fn is_missing_service(text: &str) -> bool {
    let text = text.strip_prefix("rpc error: code = notfound desc = ").unwrap_or(text);
    (text.starts_with("service ") || text.starts_with("task ")) && text.ends_with(" not found")
}

/// What a registry's text, passed on by the engine, means. As above: the first phrase decides.
const PULL_PHRASES: &[(&str, ErrorKind, &str)] = &[
    ("toomanyrequests", ErrorKind::RateLimited, RATE_HINT),
    ("too many requests", ErrorKind::RateLimited, RATE_HINT),
    ("rate limit", ErrorKind::RateLimited, RATE_HINT),
    (
        "pull access denied",
        ErrorKind::ImageNotFound,
        "check the name; a private image needs `docker login` first",
    ),
    ("unauthorized", ErrorKind::RegistryAuth, LOGIN_HINT),
    ("no basic auth credentials", ErrorKind::RegistryAuth, LOGIN_HINT),
    ("authentication required", ErrorKind::RegistryAuth, LOGIN_HINT),
    ("denied", ErrorKind::RegistryAuth, LOGIN_HINT),
    ("manifest unknown", ErrorKind::ImageNotFound, TAG_HINT),
    ("no matching manifest", ErrorKind::ImageNotFound, "the image has no build for this --platform"),
    ("not found", ErrorKind::ImageNotFound, TAG_HINT),
    ("does not exist", ErrorKind::ImageNotFound, TAG_HINT),
    ("invalid reference", ErrorKind::InvalidInput, "write [REGISTRY/]NAME[:TAG]"),
    ("no space left", ErrorKind::Engine, "make room: `docker system df` shows what takes it"),
    ("no such host", ErrorKind::RegistryFailed, NETWORK_HINT),
    ("connection refused", ErrorKind::RegistryFailed, NETWORK_HINT),
    ("timeout", ErrorKind::RegistryFailed, NETWORK_HINT),
];

const RATE_HINT: &str = "log in with `docker login`, use a mirror, or try later";
const LOGIN_HINT: &str = "log in with `docker login REGISTRY`, or set DOCKER_AUTH_CONFIG";
const TAG_HINT: &str = "check the name and tag";
const NETWORK_HINT: &str = "see whether the engine's machine reaches the registry; an image that is already there starts with --pull never";

/// The error for a pull that failed with the engine's or registry's `text`.
pub(crate) fn pull(text: &str) -> Error {
    let lower = text.to_lowercase();
    // What no phrase explains is the network's or the registry's own failure, and passes.
    let (kind, hint) = PULL_PHRASES
        .iter()
        .find(|(phrase, ..)| lower.contains(phrase))
        .map_or((ErrorKind::RegistryFailed, NETWORK_HINT), |(_, kind, hint)| (*kind, *hint));
    Error::new(kind, printable(text.trim())).with_origin(Origin::Registry).with_hint(hint)
}

/// The error for a pull that the engine refused before it began.
pub(crate) fn of_pull(error: Error) -> Error {
    if error.origin() == Origin::Engine { pull(&error.to_string()) } else { error }
}

fn said(status: u16, message: &str) -> String {
    if message.trim().is_empty() {
        return format!("the engine answered with status {status}");
    }
    printable(message.trim())
}

/// The engine's text without control characters and without its excess.
pub(crate) fn printable(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut short: String = clean.clone().take(LONGEST_TEXT).collect();
    if clean.count() > LONGEST_TEXT {
        short.push('…');
    }
    short
}

/// The text of an error answer: `{"message": "…"}`, or the body as it is.
pub(crate) fn engine_message(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct RefusalBody {
        message: String,
    }
    match serde_json::from_slice::<RefusalBody>(body) {
        Ok(answer) => answer.message,
        // A message too long to be read to its end is cut in the middle.
        Err(_) => String::from_utf8_lossy(body.strip_prefix(b"{\"message\":\"").unwrap_or(body)).into_owned(),
    }
}

/// The error for an answer that is not what the API promises.
pub(crate) fn bad_answer(path: &str, cause: &dyn fmt::Display) -> Error {
    let path = path.split('?').next().unwrap_or(path);
    Error::new(ErrorKind::BadAnswer, format!("the engine's answer to {path} cannot be understood"))
        .with_origin(Origin::Engine)
        .with_source(printable(&cause.to_string()))
        .with_hint("`docker version` tells what answers at this address")
}

/// The error for an answer that did not begin within `limit`.
pub(crate) fn too_slow(limit: Duration) -> Error {
    Error::new(ErrorKind::ConnectionLost, format!("the engine did not answer within {} s", limit.as_secs()))
        .with_hint("see whether the engine is overloaded, or give it longer with --engine-timeout")
}

/// The same, where an error tells why.
pub(crate) fn broken_by(cause: &(dyn std::error::Error + 'static)) -> Error {
    let mut deepest = cause;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    broken(deepest)
}

/// The error for a connection that broke in the middle.
pub(crate) fn broken(cause: &dyn fmt::Display) -> Error {
    Error::new(ErrorKind::ConnectionLost, "the connection to the engine broke")
        .with_source(printable(&cause.to_string()))
        .with_hint("see whether the engine was restarted; `cube ps -a` shows what is left")
}

/// The error in place of bollard's.
pub(crate) fn from_bollard(error: bollard::errors::Error) -> Error {
    use bollard::errors::Error as B;
    match error {
        B::DockerResponseServerError { status_code, message } => refusal(status_code, &message),
        B::IOError { err } => match err.downcast::<Error>() {
            Ok(own) => own,
            Err(err) => Error::new(ErrorKind::ConnectionLost, err.to_string()),
        },
        B::HyperResponseError { err } => broken_by(&err),
        B::JsonDataError { message, .. } => bad_answer("a request", &message),
        B::JsonSerdeError { err } => bad_answer("a request", &err),
        B::DockerContainerWaitError { error, .. } => refusal(500, &error),
        other => Error::new(ErrorKind::Engine, printable(&other.to_string())).with_origin(Origin::Engine),
    }
}

/// The other way round: an error of cube's carried through bollard.
pub(crate) fn into_bollard(error: Error) -> bollard::errors::Error {
    bollard::errors::Error::IOError { err: std::io::Error::other(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_text_decides_the_kind() {
        let cases = [
            (404, "No such image: x:latest", ErrorKind::ImageNotFound),
            (404, "No such container: x", ErrorKind::TaskNotFound),
            (
                409,
                "Conflict. The container name \"/a\" is already in use by container \"b\".",
                ErrorKind::NameTaken,
            ),
            (500, "Bind for 0.0.0.0:80 failed: port is already allocated", ErrorKind::PortTaken),
            (
                400,
                "OCI runtime create failed: exec: \"x\": executable file not found in $PATH",
                ErrorKind::CommandNotFound,
            ),
            (400, "exec: \"/x\": stat /x: no such file or directory: unknown", ErrorKind::CommandNotFound),
            (400, "exec: \"/etc\": permission denied: unknown", ErrorKind::CommandNotExecutable),
            (400, "exec: \"/etc\": is a directory: unknown", ErrorKind::CommandNotExecutable),
            (400, "error mounting \"/x\" to rootfs: no such file or directory", ErrorKind::BadMount),
            (500, "--storage-opt is supported only for overlay over xfs", ErrorKind::Unsupported),
            (500, "something else", ErrorKind::Engine),
            (404, "network x not found", ErrorKind::Engine),
            (500, "netavark: nftables error: nft: No such file or directory", ErrorKind::Engine),
            (
                409,
                "can not get logs from container which is dead or marked for removal",
                ErrorKind::TaskNotFound,
            ),
        ];
        for (status, text, kind) in cases {
            assert_eq!(refusal(status, text).kind(), kind, "{text}");
        }
    }

    #[test]
    fn a_registrys_text_decides_the_kind_of_a_failed_pull() {
        let cases = [
            ("toomanyrequests: You have reached your pull rate limit", ErrorKind::RateLimited),
            ("unauthorized: authentication required", ErrorKind::RegistryAuth),
            ("Get \"http://r/v2/\": no basic auth credentials", ErrorKind::RegistryAuth),
            ("manifest for r/x:1 not found: manifest unknown: manifest unknown", ErrorKind::ImageNotFound),
            (
                "pull access denied for x, repository does not exist or may require 'docker login'",
                ErrorKind::ImageNotFound,
            ),
            ("received unexpected HTTP status: 500 Internal Server Error", ErrorKind::RegistryFailed),
            ("Get \"https://r/v2/\": dial tcp: lookup r: no such host", ErrorKind::RegistryFailed),
            ("unexpected EOF", ErrorKind::RegistryFailed),
        ];
        for (text, kind) in cases {
            assert_eq!(pull(text).kind(), kind, "{text}");
        }
    }

    #[test]
    fn control_characters_and_excess_do_not_reach_the_user() {
        let text = printable(&format!("\x1b[2Jevil\n{}", "x".repeat(10_000_000)));
        assert!(text.chars().count() <= LONGEST_TEXT + 1);
        assert!(!text.contains('\x1b') && !text.contains('\n'));
    }
}
