//! One test's bed on the engine: unique names, and a check at its end that nothing is left.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::cube::Running;
use super::{Cube, Engine, need};

/// Marks each container that a test makes through cube.
const LABEL: &str = "cube-test.bed";

/// On drop, the test fails if one of its containers or anonymous volumes still exists, or if something
/// still writes to its folder.
pub struct Bed {
    name: String,
    folder: TempDir,
    /// Created when a test first uses it.
    engine: OnceLock<&'static Engine>,
    volumes: Mutex<Vec<String>>,
}

/// A detached task that cube started; removed at the latest on drop.
pub struct Task<'bed> {
    pub id: String,
    bed: &'bed Bed,
}

impl Bed {
    pub fn new() -> Self {
        need::settle();
        Self::with(OnceLock::new())
    }

    /// A bed on another engine.
    pub fn on(engine: &'static Engine) -> Self {
        Self::with(OnceLock::from(engine))
    }

    fn with(engine: OnceLock<&'static Engine>) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("cube-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = tempfile::tempdir().unwrap();
        Self { name, folder, engine, volumes: Mutex::default() }
    }

    /// A name that no other test uses.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn engine(&self) -> &'static Engine {
        self.engine.get_or_init(Engine::under_test)
    }

    /// A path in the test's own folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file in the test's own folder.
    pub fn file(&self, name: &str, content: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path.into_os_string().into_string().unwrap()
    }

    /// An executable file in the test's own folder.
    pub fn program(&self, name: &str, script: &str) -> PathBuf {
        let path = self.path(name);
        write_program(&path, script);
        path
    }

    /// `cube ARGS` on the bed's engine.
    pub fn cube<A: Into<OsString>>(&self, args: impl IntoIterator<Item = A>) -> Cube {
        let cube = Cube::new(args);
        let usual = std::ptr::eq(self.engine(), Engine::under_test());
        if usual { cube } else { cube.env("DOCKER_HOST", self.engine().host()) }
    }

    /// `cube run ARGS`, with a label by which the bed finds the container.
    pub fn run<A: Into<OsString>>(&self, args: impl IntoIterator<Item = A>) -> Cube {
        let label = format!("--label={}", self.label());
        let args = args.into_iter().map(Into::into);
        self.cube(["run".into(), OsString::from(label)].into_iter().chain(args))
    }

    /// A detached task by `cube run ARGS`.
    pub fn start<A: Into<OsString>>(&self, args: impl IntoIterator<Item = A>) -> Task<'_> {
        let id = self.run(args).text();
        self.task(id.trim_end())
    }

    fn remember_volumes(&self, task: &Task<'_>) {
        let mounts = task.inspect()["Mounts"].clone();
        let named = |mount: &Value| mount["Name"].as_str().filter(|name| anonymous(name)).map(str::to_owned);
        self.volumes.lock().unwrap().extend(mounts.as_array().unwrap().iter().filter_map(named));
    }

    /// A detached task that was started in another way; removed at the latest on drop.
    pub fn task(&self, id: &str) -> Task<'_> {
        let task = Task { id: id.to_owned(), bed: self };
        self.remember_volumes(&task);
        task
    }

    /// A container that is not cube's, made by the engine's API.
    pub fn foreign(&self, name: &str, mut config: Value) -> Task<'_> {
        config["Labels"] = serde_json::json!({ LABEL: self.name });
        let made = self.engine().post(&format!("/containers/create?name={name}"), &config);
        Task { id: made["Id"].as_str().unwrap().to_owned(), bed: self }
    }

    /// The label `key=value` of everything that the test makes.
    pub fn label(&self) -> String {
        format!("{LABEL}={}", self.name)
    }

    /// Ids of the test's containers.
    pub fn containers(&self) -> Vec<String> {
        self.engine().labelled(&self.label())
    }

    /// Whether a container that is listed runs: one that has just been made may be listed before it can be
    /// inspected.
    pub fn runs(&self, id: &str) -> bool {
        let seen = self.engine().send("GET", &format!("/containers/{id}/json"), &[], &[]);
        seen.json()["State"]["Running"] == true
    }

    /// Returns once a container of the test runs.
    pub fn wait_for_start(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.containers().iter().any(|id| self.runs(id)) {
            assert!(Instant::now() < deadline, "nothing of the test runs");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills a process of cube whose task runs, and checks that the guard leaves nothing.
    pub fn is_empty_after_kill(&self, mut running: Running) {
        let id = self.containers().remove(0);
        running.signal(Signal::KILL);
        running.wait_killed();
        self.engine().send("POST", &format!("/containers/{id}/wait?condition=removed"), &[], b"");
        self.assert_empty();
    }

    /// Fails if a container of the test is there.
    pub fn assert_empty(&self) {
        let left = self.containers();
        assert!(left.is_empty(), "left on the engine: {left:?}");
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        if self.engine.get().is_some() {
            self.clean_engine();
        }
        self.remove_folder();
    }
}

impl Bed {
    /// Removes the test's folder; a guard may be writing its last file there.
    fn remove_folder(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        let is_in_use = || {
            let removed = std::fs::remove_dir_all(self.folder.path());
            removed.is_err_and(|error| error.kind() == ErrorKind::DirectoryNotEmpty)
        };
        while is_in_use() && !std::thread::panicking() {
            assert!(Instant::now() < deadline, "something still writes to the test's folder");
            // Polls: nothing reports that a guard is done.
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Removes what the test left on the engine. Unless the test fails anyway, that is a failure.
    fn clean_engine(&self) {
        let (engine, containers) = (self.engine(), self.containers());
        for id in &containers {
            engine.delete(&format!("/containers/{id}?force=1&v=1"));
        }
        let mut volumes = self.volumes.lock().unwrap().clone();
        volumes.retain(|volume| engine.has(&format!("/volumes/{volume}")));
        for volume in &volumes {
            engine.delete(&format!("/volumes/{volume}?force=1"));
        }
        if !std::thread::panicking() {
            assert!(containers.is_empty(), "the test left the containers {containers:?}");
            assert!(volumes.is_empty(), "the test left the volumes {volumes:?}");
        }
    }
}

impl Task<'_> {
    /// What the engine says of it.
    pub fn inspect(&self) -> Value {
        self.bed.engine().container(&self.id)
    }

    /// Whether it is there, in whatever state.
    pub fn exists(&self) -> bool {
        self.bed.engine().has_container(&self.id)
    }

    /// Returns its exit code when it has ended, by the engine's own answer.
    pub fn ended(&self) -> i64 {
        let answer = self.bed.engine().post(&format!("/containers/{}/wait", self.id), &Value::Null);
        // podman's state until it has cleaned up.
        self.wait_until(|seen| seen["State"]["Status"] != "stopped");
        answer["StatusCode"].as_i64().unwrap()
    }

    /// Returns when the engine's answer about it satisfies `ready`.
    pub fn wait_until(&self, ready: impl Fn(&Value) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !ready(&self.inspect()) {
            assert!(Instant::now() < deadline, "it is still {}", self.inspect()["State"]);
            // Polls: the engine does not announce a coming restart.
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns when its first process sleeps and has slept for a while: a program goes on working after its start, and
    /// some also after their first line. Only of a process that sleeps cube can tell that the kernel drops a signal.
    pub fn wait_until_asleep(&self) {
        let path = format!("/proc/{}/status", self.inspect()["State"]["Pid"]);
        let look = || {
            let status = std::fs::read_to_string(&path).unwrap_or_default();
            let mut lines = status.lines().map(str::to_owned);
            let sleeps = lines.any(|line| line.starts_with("State:\tS"));
            lines.find(|line| line.starts_with("voluntary")).filter(|_| sleeps)
        };
        let deadline = Instant::now() + Duration::from_mins(1);
        let mut last = None;
        while last.is_none() || last != look() {
            assert!(Instant::now() < deadline, "it does not come to rest");
            last = look();
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// Returns when the engine lists it in this state, which may be later than when it reports the state.
    pub fn wait_until_listed_as(&self, state: &str) {
        let filter = super::engine::escaped(&format!(r#"{{"id":["{}"],"status":["{state}"]}}"#, self.id));
        let path = format!("/containers/json?all=1&filters={filter}");
        self.wait_until(|_| self.bed.engine().get(&path) != Value::Array(Vec::new()));
    }

    /// The host port of `PORT/proto` on IPv4, by the engine's own answer.
    pub fn host_port(&self, port: &str) -> u16 {
        let bindings = self.inspect()["NetworkSettings"]["Ports"][port].clone();
        let bindings = bindings.as_array().unwrap_or_else(|| panic!("{port} is not published")).clone();
        let v4 = bindings.iter().find(|binding| !binding["HostIp"].as_str().unwrap().contains(':')).unwrap();
        v4["HostPort"].as_str().unwrap().parse().unwrap()
    }
}

impl Drop for Task<'_> {
    fn drop(&mut self) {
        self.bed.engine().delete(&format!("/containers/{}?force=1&v=1", self.id));
    }
}

/// Writes an executable file, in the place of an older one that may be running. Another process does it: otherwise a
/// child that another test starts could inherit the open file, and a file that is open for writing cannot be executed.
pub fn write_program(path: &Path, script: &str) {
    let write = r#"printf '%s' "$2" >"$1.new" && chmod 755 "$1.new" && mv "$1.new" "$1""#;
    let written = Command::new("sh").args(["-c", write, "sh"]).arg(path).arg(script).status();
    assert!(written.unwrap().success());
}

/// Whether it is an anonymous volume, which the engine names with 64 hex digits.
fn anonymous(volume: &str) -> bool {
    is_id(volume)
}

/// Whether it is a full id.
pub fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
