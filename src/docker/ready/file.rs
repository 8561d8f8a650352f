//! `file=/path`: the path exists in the container. The engine looks it up, so the image needs no shell. Below a tmpfs,
//! which only the task sees, the image's `test` is run.

use std::{ffi::OsStr, time::Duration};

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::{
    docker::{
        files::{hidden::SYSTEM, stat::archive_path},
        handle::RunningTask,
        ready::{exec, progress::Progress},
    },
    error::{Error, ErrorKind},
};

/// The pause between two looks at first, how long it stays the same, and the longest pause.
const AGAIN: Duration = Duration::from_millis(100);
const EAGER: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_millis(500);

/// Who can look up a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum View {
    /// The engine.
    Engine,
    /// The engine, unless a link leads below a tmpfs.
    Either,
    /// Only the task.
    Task,
}

pub(crate) async fn wait(task: &RunningTask, path: &str, progress: &Progress) -> Result<(), Error> {
    let raw = task.raw_container().await?;
    let id = id_of(&raw);
    let mut view = view(&raw, path);
    if view != View::Task {
        // A link of the image may lead below what only the task sees.
        let behind = task.docker().resolved(id, OsStr::new(path)).await.unwrap_or_default();
        view = view.max(self::view(&raw, &behind.to_string_lossy()));
    }
    let (begun, mut pause) = (Instant::now(), AGAIN);
    loop {
        match exists(task, id, path, &mut view).await {
            Ok(true) => return Ok(()),
            Ok(false) => progress.note("it does not exist yet"),
            Err(error) if exec::passes(&error) => progress.note(error.to_string()),
            Err(error) => return Err(error),
        }
        if begun.elapsed() >= EAGER {
            pause = LONGEST.min(pause * 3 / 2);
        }
        sleep(pause).await;
    }
}

/// Whether the file exists in a task that ended.
pub(crate) async fn held(task: &RunningTask, path: &str) -> bool {
    let Ok(raw) = task.raw_container().await else { return false };
    by_engine(task, id_of(&raw), path).await.unwrap_or(false)
}

fn id_of(container: &Value) -> &str {
    container.get("Id").and_then(Value::as_str).unwrap_or_default()
}

async fn exists(task: &RunningTask, id: &str, path: &str, view: &mut View) -> Result<bool, Error> {
    if *view == View::Engine {
        return by_engine(task, id, path).await;
    }
    match by_task(task, path).await? {
        Some(there) => Ok(there),
        None if *view == View::Task => Err(out_of_sight(path)),
        None => {
            *view = View::Engine;
            by_engine(task, id, path).await
        }
    }
}

/// Asks the engine; only the status of the answer is used, because engines differ in the rest. A container that is
/// gone, which is noticed elsewhere, is answered like a missing file.
async fn by_engine(task: &RunningTask, id: &str, path: &str) -> Result<bool, Error> {
    let request = archive_path(id, OsStr::new(path));
    task.docker().transport.head(&request).await.map(|found| found.is_some())
}

/// Runs `test` in the task; `None` if the image has no `test`.
async fn by_task(task: &RunningTask, path: &str) -> Result<Option<bool>, Error> {
    let command = ["test", "-e", path].map(str::to_owned).to_vec();
    match exec::output(task, command).await {
        Ok(run) if exec::is_missing(&run) => Ok(None),
        Ok(run) => Ok(Some(run.code == 0)),
        Err(error)
            if matches!(error.kind(), ErrorKind::CommandNotFound | ErrorKind::CommandNotExecutable) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Who can look up the path in the container.
fn view(container: &Value, path: &str) -> View {
    let config = &container["HostConfig"];
    let simple = config["Tmpfs"].as_object().into_iter().flat_map(|mounts| mounts.keys().map(String::as_str));
    let typed = config["Mounts"].as_array().into_iter().flatten();
    let typed = typed.filter(|mount| mount["Type"] == "tmpfs").filter_map(|mount| mount["Target"].as_str());
    let tmpfs: Vec<String> = simple.chain(typed).map(normal).collect();
    let path = normal(path);
    let below =
        |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if tmpfs.iter().any(|folder| below(folder)) || SYSTEM.into_iter().any(below) {
        View::Task
    } else if tmpfs.is_empty() {
        View::Engine
    } else {
        View::Either
    }
}

/// The path without empty parts, `.` and `..`.
fn normal(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

fn out_of_sight(path: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("{path} is below a file system that only the task sees, and the image has no `test` to look"),
    )
    .with_hint("let the task write the file elsewhere, or wait for log=REGEX or port instead")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_task_sees_paths_below_a_tmpfs() {
        let mounted = json!({"HostConfig": {
            "Tmpfs": {"/run": "", "/a/b/": ""},
            "Mounts": [{"Type": "tmpfs", "Target": "/cache"}, {"Type": "volume", "Target": "/data"}],
        }});
        for (path, wanted) in [
            ("/run/x", View::Task),
            ("/run", View::Task),
            ("/runner", View::Either),
            ("/a//b/x", View::Task),
            ("/a/b/../x", View::Either),
            ("/cache/x", View::Task),
            ("/data/x", View::Either),
            ("/dev/shm/x", View::Task),
        ] {
            assert_eq!(view(&mounted, path), wanted, "{path}");
        }
        assert_eq!(view(&json!({"HostConfig": {"Tmpfs": null}}), "/run/x"), View::Engine);
        assert_eq!(view(&json!({}), "/proc/1"), View::Task);
    }
}
