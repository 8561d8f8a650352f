//! `cube doctor`: which engine, how it was found, and which of cube's promises hold on it.

use std::path::Path;

use clap::ValueEnum;
use cube::{
    Action, Address, AddressChoice, ControlGroups, DockerResult, EngineInfo, Error, ErrorKind, Surroundings,
    logins, printable::printable,
};
use serde::Serialize;

use crate::cli::{
    app::App,
    args::{
        doctor::{DoctorArgs, Promise},
        global::OutputFormat,
    },
    outcome::Outcome,
    output::{render::json, stdio},
};

/// One line of the table.
#[derive(Serialize)]
struct Finding {
    name: String,
    /// Whether the promise holds; `None` where cube cannot know.
    holds: Option<bool>,
    detail: String,
}

impl Finding {
    fn new(promise: Promise, holds: impl Into<Option<bool>>, detail: impl Into<String>) -> Self {
        let name = promise.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        Self { name, holds: holds.into(), detail: detail.into() }
    }
}

pub async fn doctor(app: &App, args: &DoctorArgs) -> Result<Outcome, Error> {
    examined(app, args).await?;
    Ok(Outcome::reported(0))
}

async fn examined(app: &App, args: &DoctorArgs) -> Result<(), Error> {
    let surroundings = Surroundings::of_process();
    let (address, source) = address(app, &surroundings)?;
    let info = app.docker().await?.info().await;
    let info = info.map_err(|error| starting(error, &address, &source, &surroundings))?;
    let checks = checks(&info, &address, &source, &surroundings);
    let wanted = args.require.iter().map(|promise| Finding::new(*promise, None, "").name);
    let missing: Vec<&Finding> = wanted
        .filter_map(|name| checks.iter().find(|check| check.name == name && check.holds != Some(true)))
        .collect();
    let failed = missing.first().map(|check| unmet(check));
    match (app.output(), failed) {
        (OutputFormat::Json, Some(error)) => Err(error),
        (OutputFormat::Json, None) => stdio::print(&json(&checks)),
        (_, failed) => {
            stdio::print(&table(&checks))?;
            failed.map_or(Ok(()), Err)
        }
    }
}

/// The first engine that the flags and the environment name, and what named it.
fn address(app: &App, surroundings: &Surroundings) -> Result<(Address, String), Error> {
    let choice =
        AddressChoice { context: app.global.context.clone(), host: app.global.host.first().cloned() };
    Address::resolve_by(&choice, surroundings)
}

fn checks(info: &EngineInfo, address: &Address, source: &str, surroundings: &Surroundings) -> Vec<Finding> {
    let rootless = if info.rootless { ", rootless" } else { "" };
    let engine = format!(
        "{} {} (API {}, {}{rootless}) at {address}, from {source}",
        info.name, info.version, info.api_version, info.platform
    );
    vec![
        Finding::new(Promise::Engine, true, engine),
        disk(info),
        logs(info),
        port(info, address),
        usage(info),
        stop(info),
        guard(),
        swarm(info),
        credentials(surroundings),
    ]
}

fn disk(info: &EngineInfo) -> Finding {
    let below = info.backing_filesystem.as_ref().map(|name| format!(" on {name}")).unwrap_or_default();
    let driver = format!("storage driver {}{below}", info.storage_driver);
    let detail = match info.limits_disk() {
        Some(true) => format!("{driver}: --disk limits a task"),
        Some(false) => format!("{driver}: --disk needs btrfs, zfs, or overlay2 on xfs with pquota"),
        None => format!("{driver}: --disk works if it is mounted with pquota"),
    };
    Finding::new(Promise::Disk, info.limits_disk(), detail)
}

fn logs(info: &EngineInfo) -> Finding {
    if info.name != "Docker" {
        return Finding::new(Promise::Logs, None, "the engine keeps the output by a log driver of its own");
    }
    let detail = format!("tasks use the log driver local (the engine's own is {})", info.log_driver);
    Finding::new(Promise::Logs, true, detail)
}

fn port(info: &EngineInfo, address: &Address) -> Finding {
    let detail = match (info.processes_visible, address) {
        (true, _) => "the sockets of a task are read from /proc here",
        (false, Address::Unix(_)) => {
            "the engine's processes are not visible here: cube looks by a command in the task, or connects"
        }
        _ => "the engine is on another machine: cube looks by a command in the task, or connects",
    };
    Finding::new(Promise::Port, true, detail)
}

fn usage(info: &EngineInfo) -> Finding {
    let version = match info.control_groups {
        ControlGroups::Absent => {
            let detail = "tasks have no control groups: neither usage nor limits of memory and CPU";
            return Finding::new(Promise::Usage, false, detail);
        }
        ControlGroups::Version(version) => format!("v{version}"),
        ControlGroups::Unknown => "unknown".to_owned(),
    };
    let how = if info.processes_visible { "read at a task's end" } else { "sampled by the engine" };
    Finding::new(Promise::Usage, info.processes_visible, format!("cgroup {version}: {how}"))
}

fn stop(info: &EngineInfo) -> Finding {
    let detail = if info.processes_visible {
        "cube sees whether a task can hear its stop signal"
    } else {
        "a task that ignores its stop signal costs the whole grace: run it with --init"
    };
    Finding::new(Promise::Stop, info.processes_visible, detail)
}

fn guard() -> Finding {
    let holds = Path::new("/proc/self/exe").exists();
    let detail = if holds { "a second process watches over each task" } else { "/proc is not mounted here" };
    Finding::new(Promise::Guard, holds, detail)
}

fn swarm(info: &EngineInfo) -> Finding {
    let detail = if info.swarm_manager {
        "this engine manages a swarm: --swarm works"
    } else {
        "this engine manages no swarm: `docker swarm init` makes one"
    };
    Finding::new(Promise::Swarm, info.swarm_manager, detail)
}

fn credentials(surroundings: &Surroundings) -> Finding {
    match logins(surroundings) {
        Ok(found) if found.is_empty() => {
            Finding::new(Promise::Credentials, false, "no registry is logged in to: `docker login REGISTRY`")
        }
        Ok(found) => Finding::new(Promise::Credentials, true, found.join(", ")),
        Err(error) => Finding::new(Promise::Credentials, false, error.to_string()),
    }
}

fn unmet(check: &Finding) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{} does not hold on this engine", check.name))
        .with_source(check.detail.clone())
        .with_hint("`cube doctor` shows what holds; --host or --context names another engine")
}

/// If no engine answers, adds the way out as the hint: to correct an address that was given, or the command that starts
/// an installed engine.
fn starting(error: Error, address: &Address, source: &str, surroundings: &Surroundings) -> Error {
    let Address::Unix(path) = address else { return error };
    if error.kind() != ErrorKind::EngineUnreachable {
        return error;
    }
    if !path.exists() && !surroundings.usual_sockets().contains(path) {
        return error.with_hint(format!(
            "correct the address (from {source}); without it the usual sockets are tried"
        ));
    }
    let installed = |program: &str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
        folders.any(|folder| folder.join(program).exists())
    };
    // WSL and containers may run without systemd.
    let has_systemd = Path::new("/run/systemd/system").exists();
    let is_root = rustix::process::geteuid().is_root();
    let (sudo, user) = if is_root { ("", "") } else { ("sudo ", "--user ") };
    error.with_hint(match () {
        () if installed("dockerd") && !has_systemd => {
            format!("start Docker: {sudo}service docker start; its log is /var/log/docker.log")
        }
        () if installed("dockerd") => format!("start Docker: {sudo}systemctl start docker"),
        () if installed("dockerd-rootless.sh") => {
            "start rootless Docker: systemctl --user start docker".to_owned()
        }
        () if installed("podman") && !has_systemd => {
            "start podman's service: podman system service --time 0 &".to_owned()
        }
        () if installed("podman") => format!("start podman's socket: systemctl {user}start podman.socket"),
        () => format!(
            "install an engine: {sudo}apt-get update && {sudo}apt-get install docker.io, or podman in its place"
        ),
    })
}

fn json(checks: &[Finding]) -> String {
    let mut object = serde_json::to_value(DockerResult::success(Action::Doctor)).unwrap_or_default();
    if let (Some(members), Ok(checks)) = (object.as_object_mut(), serde_json::to_value(checks)) {
        members.insert("checks".to_owned(), checks);
    }
    json::line(&object)
}

fn table(checks: &[Finding]) -> String {
    let word = |holds| match holds {
        Some(true) => "yes",
        Some(false) => "no",
        None => "maybe",
    };
    let row =
        |check: &Finding| format!("{:12} {:6} {}\n", check.name, word(check.holds), printable(&check.detail));
    format!("{:12} {:6} {}\n", "PROMISE", "HOLDS", "DETAIL")
        + &checks.iter().map(row).collect::<String>()
        + &harmless(checks)
}

/// A line about what most tasks do not need, so that nobody takes it for a fault of the machine.
fn harmless(checks: &[Finding]) -> String {
    let needs = [("disk", "--disk"), ("swarm", "--swarm"), ("credentials", "private registries")];
    let missing = |name: &str| checks.iter().any(|check| check.name == name && check.holds == Some(false));
    let (names, users): (Vec<&str>, Vec<&str>) = needs.into_iter().filter(|(name, _)| missing(name)).unzip();
    match names.len() {
        0 => String::new(),
        1 => format!("\n{} is needed only for {}.\n", names.concat(), users.concat()),
        _ => format!(
            "\n{} are needed only for {}; other tasks work without them.\n",
            listed(&names),
            listed(&users)
        ),
    }
}

/// `a, b and c`.
fn listed(words: &[&str]) -> String {
    match words {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => words.concat(),
    }
}
