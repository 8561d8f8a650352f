//! Explains the engine's refusals: chooses the error's kind and hint by the request, the shape of the engine's text
//! and, if that is unknown, the status.

pub(crate) mod call;
pub(crate) mod printable;
pub(crate) mod pull;
pub(crate) mod text;

use std::{fmt, time::Duration};

use serde::Deserialize;

use crate::{
    docker::http::{
        refusal::{call::Call, printable::printable, text::EngineText},
        version::{Engine, Product},
    },
    error::{Error, ErrorKind, Origin, deepest_cause},
};

/// A predicate for an engine's text, and the error's kind and hint.
type Rule = (fn(&EngineText) -> bool, ErrorKind, &'static str);

const PODMAN_NETWORK: &str = "the engine's network does not work: `podman info` shows which it is";
const STORAGE_HINT: &str = "--disk needs the storage driver btrfs, zfs, devicemapper or windowsfilter, or overlay2 on xfs \
                            mounted with pquota; `docker info` names the engine's";
const QUORUM_HINT: &str =
    "a swarm answers while more than half of its managers are up; `docker node ls` shows them";
const LIST_HINT: &str = "`cube ps -a` lists cube's tasks";
const MOUNT_HINT: &str = "check the host path of --volume or --mount, and the path in the container";
const NAME_HINT: &str = "choose another --name, or use --replace for a task that cube started";

/// Rules for any request.
const ANY: &[Rule] = &[
    (
        EngineText::is_clear_text_to_tls,
        ErrorKind::EngineUnreachable,
        "this engine speaks TLS: set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or use its context",
    ),
    (
        EngineText::is_no_manager,
        ErrorKind::Unsupported,
        "run `docker swarm init`, or name a manager with --host",
    ),
    (
        EngineText::is_full_disk,
        ErrorKind::Engine,
        "make room on the engine's disk: `docker system df` shows what takes it",
    ),
];

/// Rules for creating and starting a container.
const CONFIG: &[Rule] = &[
    (EngineText::is_name_taken, ErrorKind::NameTaken, NAME_HINT),
    (EngineText::is_port_taken, ErrorKind::PortTaken, "leave the host port out to get a free one"),
    (
        EngineText::is_privileged_port,
        ErrorKind::Engine,
        "this engine may not open ports below 1024: choose a higher one, for example -p 8080:80",
    ),
    (
        EngineText::is_no_address_of_the_engine,
        ErrorKind::InvalidInput,
        "--bind and -p take an address of the engine's machine: `ip address` shows them there",
    ),
    (
        EngineText::is_network_not_found,
        ErrorKind::NetworkNotFound,
        "`docker network ls` shows the networks; on one engine --create-network makes one that is missing",
    ),
    (
        EngineText::is_ambiguous_network,
        ErrorKind::InvalidInput,
        "`docker network ls` shows several of that name: remove all but one by `docker network rm ID`",
    ),
    (EngineText::is_broken_network_tool, ErrorKind::Engine, PODMAN_NETWORK),
    (EngineText::is_no_disk_limit, ErrorKind::Unsupported, STORAGE_HINT),
    (EngineText::is_doubled_mount, ErrorKind::BadMount, "mount each path once"),
    (
        EngineText::is_unknown_volume_driver,
        ErrorKind::BadMount,
        "`docker plugin ls` shows the volume drivers there are beside `local`",
    ),
    (EngineText::is_bad_mount, ErrorKind::BadMount, MOUNT_HINT),
    (
        EngineText::is_unusable_workdir,
        ErrorKind::InvalidInput,
        "--workdir takes an absolute path of a folder in the image",
    ),
    (
        EngineText::is_unknown_user,
        ErrorKind::InvalidInput,
        "give --user and --group-add names that the image knows, or numbers",
    ),
    (
        EngineText::is_no_command,
        ErrorKind::InvalidInput,
        "give a command after the flags: cube run --image IMAGE COMMAND",
    ),
    (EngineText::is_too_little_memory, ErrorKind::InvalidInput, "give more, with a unit: --memory 64m"),
    (EngineText::is_too_many_cpus, ErrorKind::InvalidInput, "see `nproc` on the engine's machine"),
    (
        EngineText::is_refused_rlimit,
        ErrorKind::InvalidInput,
        "lower --ulimit, or raise the limit of the engine itself: `ulimit -Hn` shows it for open files",
    ),
    (
        EngineText::is_unknown_device,
        ErrorKind::InvalidInput,
        "--device takes a device of the engine's machine",
    ),
    (
        EngineText::is_no_gpu,
        ErrorKind::Unsupported,
        "--gpus needs the NVIDIA Container Toolkit on the engine's machine, a --device by name needs CDI in the engine",
    ),
    (
        EngineText::is_unknown_runtime,
        ErrorKind::InvalidInput,
        "`docker info` lists the runtimes for --runtime",
    ),
    (
        EngineText::is_refused_log_driver,
        ErrorKind::InvalidInput,
        "check --log-driver and --log-opt; `docker info` lists the drivers",
    ),
];

/// Rules for running a command.
const COMMAND: &[Rule] = &[
    (
        EngineText::is_command_not_found,
        ErrorKind::CommandNotFound,
        "check the command's name and path, and the image's PATH",
    ),
    (
        EngineText::is_command_not_executable,
        ErrorKind::CommandNotExecutable,
        "it must be a program that the user may execute, no folder: `chmod +x` in the image",
    ),
];

const SWARM: &[Rule] = &[
    (EngineText::is_missing_service, ErrorKind::TaskNotFound, LIST_HINT),
    (EngineText::is_name_taken, ErrorKind::NameTaken, NAME_HINT),
    (EngineText::is_without_leader, ErrorKind::EngineUnreachable, QUORUM_HINT),
    (EngineText::is_leader_lost, ErrorKind::ConnectionLost, QUORUM_HINT),
    (EngineText::is_network_of_one_engine, ErrorKind::InvalidInput, OVERLAY_HINT),
    (EngineText::is_network_not_found, ErrorKind::NetworkNotFound, OVERLAY_HINT),
];
const OVERLAY_HINT: &str = "`docker network ls` shows the networks, `docker network create --driver overlay NAME` makes one for services";

const LOG: &[Rule] = &[
    // While the container is being removed, its log cannot be read; soon it is gone.
    (EngineText::is_going, ErrorKind::TaskNotFound, LIST_HINT),
    (
        EngineText::is_unreadable_log,
        ErrorKind::Unsupported,
        "run it with --log-driver local or json-file: what other drivers took is read where they sent it",
    ),
];

const CONTAINERS: &[Rule] = &[(
    EngineText::is_no_such_container,
    ErrorKind::TaskNotFound,
    "`docker ps -a` shows the containers that there are",
)];

const PLATFORMS: &[Rule] = &[(
    EngineText::is_of_another_platform,
    ErrorKind::ImageNotFound,
    "the image here is for another platform: `cube pull --platform OS/ARCH IMAGE` gets the right one",
)];

const IMAGES: &[Rule] = &[(
    EngineText::is_no_such_image,
    ErrorKind::ImageNotFound,
    "check the name and tag, or pull it with `cube pull IMAGE`",
)];

const STATES: &[Rule] = &[(EngineText::is_between_states, ErrorKind::WrongState, STATE_HINT)];
const STATE_HINT: &str = "`cube ps -a` shows the state of each task";

const NETWORKS: &[Rule] = &[
    (
        EngineText::is_network_name_taken,
        ErrorKind::NameTaken,
        "`docker network ls` shows the networks that there are",
    ),
    (
        EngineText::is_network_in_use,
        ErrorKind::WrongState,
        "`docker network inspect NAME` shows the containers that use it",
    ),
    (
        EngineText::is_out_of_addresses,
        ErrorKind::Engine,
        "remove networks that nothing uses: `cube prune` for cube's own, `docker network prune` for all",
    ),
    (EngineText::is_network_not_found, ErrorKind::NetworkNotFound, NETWORK_HINT),
];
const NETWORK_HINT: &str = "`docker network ls` shows the networks, `docker network create NAME` makes one";

const FILES: &[Rule] = &[
    (
        EngineText::is_overwrite,
        ErrorKind::File,
        "a folder and a file of one name are in each other's way: choose another target",
    ),
    (EngineText::is_read_only, ErrorKind::Unsupported, "copy into a volume that can be written to"),
];

/// The rules for a call, in the order in which they are tried.
fn rules(call: Call) -> &'static [&'static [Rule]] {
    match call {
        Call::Create => &[ANY, CONFIG, CONTAINERS, PLATFORMS],
        // Rules about the command itself come first.
        Call::Start | Call::Attach => &[COMMAND, ANY, CONFIG, CONTAINERS, STATES],
        Call::ServiceTask => &[COMMAND, ANY, CONFIG, IMAGES, SWARM],
        Call::Exec => &[COMMAND, ANY, CONFIG, STATES],
        Call::Logs => &[ANY, LOG],
        Call::Container => &[ANY, STATES],
        Call::Swarm => &[ANY, SWARM, IMAGES],
        Call::Archive => &[ANY, FILES],
        Call::Network => &[ANY, NETWORKS, CONTAINERS],
        Call::Image | Call::Pull | Call::Other => &[ANY],
    }
}

/// The error for a request that the engine refused with `status` and `message`.
pub(crate) fn refusal(call: Call, status: u16, message: &str, engine: Engine) -> Error {
    if call == Call::Pull {
        return pull::failed(Some(status), message);
    }
    let text = EngineText::of(message);
    let known = rules(call).iter().copied().flatten().find(|(holds, ..)| holds(&text));
    let (kind, hint) = match known {
        Some((_, kind, hint)) => (*kind, *hint),
        None => by_status(call, status, &text, engine),
    };
    Error::new(kind, said(status, message)).with_origin(Origin::Engine).with_hint(hint)
}

/// The kind and hint of a refusal with an unknown text.
fn by_status(call: Call, status: u16, text: &EngineText, engine: Engine) -> (ErrorKind, &'static str) {
    match (status, call) {
        (404, _) if text.is_unknown_page() => (ErrorKind::Unsupported, VERSION_HINT),
        // For a create request, 404 means the image, even if it exists for another platform.
        (404, Call::Create | Call::Image) => {
            (ErrorKind::ImageNotFound, "check the name and tag, or pull it with `cube pull IMAGE`")
        }
        (404, Call::Start | Call::Attach | Call::Exec | Call::Logs | Call::Container) => {
            (ErrorKind::TaskNotFound, LIST_HINT)
        }
        // podman answers like this while it removes the container.
        (500, Call::Start | Call::Attach | Call::Exec | Call::Logs | Call::Container)
            if text.is_no_such_container() =>
        {
            (ErrorKind::TaskNotFound, LIST_HINT)
        }
        (404 | 500, Call::Archive) if text.is_no_such_container() => (ErrorKind::TaskNotFound, LIST_HINT),
        (404, Call::Archive) => {
            (ErrorKind::File, "`cube exec TASK ls -l PATH` shows a folder of a running task")
        }
        (404, Call::Network) => (ErrorKind::NetworkNotFound, NETWORK_HINT),
        (409, Call::Network) => {
            (ErrorKind::NameTaken, "`docker network ls` shows the networks that there are")
        }
        (404, Call::Swarm) => (ErrorKind::Unsupported, "name one of the swarm's managers by --host"),
        (409, Call::Create) => (ErrorKind::NameTaken, NAME_HINT),
        (409, Call::Start | Call::Attach | Call::Exec | Call::Logs | Call::Container | Call::Archive) => {
            (ErrorKind::WrongState, STATE_HINT)
        }
        (400, Call::Create | Call::Start) => {
            (ErrorKind::InvalidInput, "`cube run --help` shows what each flag takes")
        }
        (400, Call::Exec) => (
            ErrorKind::CommandNotExecutable,
            "the engine could not start it in this container: try another --user or --workdir, or no --privileged",
        ),
        (401 | 403, _) => (
            ErrorKind::PermissionDenied,
            "a proxy or an authorization plugin before the engine refused it: `docker info` names the plugins",
        ),
        (501, _) => (ErrorKind::Unsupported, VERSION_HINT),
        _ => (ErrorKind::Engine, log_hint(engine)),
    }
}

const VERSION_HINT: &str = "`docker version` shows which engine answers, and which API it knows";

/// The hint where to find the engine's own log.
fn log_hint(engine: Engine) -> &'static str {
    match engine.product() {
        Product::Docker => "the engine's own log may say more: `journalctl --unit docker` on its machine",
        Product::Podman => "the engine's own log may say more: `journalctl --unit podman` on its machine",
        Product::Other => VERSION_HINT,
    }
}

/// Whether an error comes from an engine's text that satisfies the predicate.
pub(crate) fn says(error: &Error, kind: fn(&EngineText) -> bool) -> bool {
    error.origin() == Origin::Engine && kind(&EngineText::of(&error.to_string()))
}

fn said(status: u16, message: &str) -> String {
    if message.trim().is_empty() {
        return format!("the engine answered with status {status}");
    }
    printable(message.trim())
}

/// How much of a refusal is read, in bytes.
const LONGEST_REFUSAL: usize = 64 << 10;

/// The body of a refusal, limited in size.
#[derive(Default)]
pub(crate) struct RefusalText(Vec<u8>);

impl RefusalText {
    /// Adds the next piece; `false` when it is full.
    pub(crate) fn take(&mut self, piece: &[u8]) -> bool {
        let room = LONGEST_REFUSAL - self.0.len();
        self.0.extend_from_slice(piece.get(..room).unwrap_or(piece));
        self.0.len() < LONGEST_REFUSAL
    }

    /// The error for the refusal.
    pub(crate) fn error(&self, call: Call, status: u16, engine: Engine) -> Error {
        refusal(call, status, &engine_message(&self.0), engine)
    }
}

/// The text of a refusal: the `message` in its JSON, or the whole body.
pub(crate) fn engine_message(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct RefusalBody {
        message: String,
    }
    match serde_json::from_slice::<RefusalBody>(body) {
        Ok(answer) => answer.message,
        // A message that was too long to be read completely is cut JSON.
        Err(_) => String::from_utf8_lossy(body.strip_prefix(b"{\"message\":\"").unwrap_or(body)).into_owned(),
    }
}

/// The error for an answer that does not follow the API.
pub(crate) fn bad_answer(path: &str, cause: &dyn fmt::Display) -> Error {
    let path = path.split('?').next().unwrap_or(path);
    Error::new(ErrorKind::BadAnswer, format!("the engine's answer to {path} cannot be understood"))
        .with_origin(Origin::Engine)
        .with_source(printable(&cause.to_string()))
        .with_hint("`docker version` shows what answers at this address")
}

/// The error for an answer that did not begin within `limit`.
pub(crate) fn too_slow(limit: Duration) -> Error {
    Error::new(ErrorKind::ConnectionLost, format!("the engine did not answer within {} s", limit.as_secs()))
        .with_hint("see whether the engine is overloaded, or give it longer with --engine-timeout")
}

/// The error for a connection that broke, with the deepest cause of an error.
pub(crate) fn broken_by(cause: &(dyn std::error::Error + 'static)) -> Error {
    broken(deepest_cause(cause))
}

/// The error for a connection that broke in the middle.
pub(crate) fn broken(cause: &dyn fmt::Display) -> Error {
    Error::new(ErrorKind::ConnectionLost, "the connection to the engine broke")
        .with_source(printable(&cause.to_string()))
        .with_hint("see whether the engine was restarted; `cube ps -a` shows what is left")
}

/// Converts an error of bollard's into cube's.
pub(crate) fn from_bollard(error: bollard::errors::Error) -> Error {
    use bollard::errors::Error as B;
    match error {
        B::DockerResponseServerError { status_code, message } => {
            refusal(Call::Other, status_code, &message, Engine::default())
        }
        B::IOError { err } => match err.downcast::<Error>() {
            Ok(own) => own,
            Err(err) => broken_by(&err),
        },
        B::HyperResponseError { err } => broken_by(&err),
        B::JsonDataError { message, .. } => bad_answer("a request", &message),
        B::JsonSerdeError { err } => bad_answer("a request", &err),
        B::DockerContainerWaitError { error, .. } => refusal(Call::Container, 500, &error, Engine::default()),
        other => Error::new(ErrorKind::Engine, printable(&other.to_string())).with_origin(Origin::Engine),
    }
}

/// Wraps an error of cube's, to pass it through bollard.
pub(crate) fn into_bollard(error: Error) -> bollard::errors::Error {
    bollard::errors::Error::IOError { err: std::io::Error::other(error) }
}

#[cfg(test)]
mod tests;
