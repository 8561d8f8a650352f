//! Runs the real binary in a clean environment. Unless the test says otherwise, it must exit with 0, print nothing to
//! stderr, and end within a time limit.

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::need;

/// Longer than any test takes on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);

type Sink = Box<dyn Write + Send>;

/// A command line of cube and its expected result.
pub struct Cube {
    command: Command,
    stdin: Vec<u8>,
    hold_stdin: bool,
    stdout: Option<Sink>,
    expected: Expected,
    limit: Duration,
    /// A copy of the binary, for as long as it runs.
    folder: Option<TempDir>,
}

#[derive(Default)]
struct Expected {
    status: i32,
    any_status: bool,
    stderr: Option<Vec<String>>,
    failure: bool,
    broken_pipe: bool,
}

/// The output of a finished command.
#[derive(Debug)]
pub struct Output {
    pub status: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
    /// The peak memory, in KiB, as last seen before its end.
    pub peak_kib: u64,
    pub took: Duration,
}

impl Cube {
    /// `cube ARGS`, with nothing of the caller's environment but the engine's address.
    pub fn new<A: Into<OsString>>(args: impl IntoIterator<Item = A>) -> Self {
        need::settle();
        let mut command = Command::new(binary());
        command.args(args.into_iter().map(Into::into)).env_clear().current_dir(scratch());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", scratch());
        if let Some(host) = std::env::var_os("DOCKER_HOST") {
            command.env("DOCKER_HOST", host);
        }
        let (stdin, hold_stdin, stdout, expected) = (Vec::new(), false, None, Expected::default());
        Self { command, stdin, hold_stdin, stdout, expected, limit: LIMIT, folder: None }
    }

    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.command.env(name, value.into());
        self
    }

    /// In this working directory.
    pub fn in_folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    pub fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// As a user without root's permissions; no change if the tests do not run as root.
    pub fn by_nobody(mut self) -> Self {
        if need::is_root() {
            // The build's folder need not be open to everybody.
            let folder = TempDir::with_prefix("cube-test-").unwrap();
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
            let copy = folder.path().join("cube");
            // By another process, as in `write_program`.
            assert!(Command::new("cp").arg(binary()).arg(&copy).status().unwrap().success());
            self.folder = Some(folder);
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(copy);
            command.args(self.command.get_args()).env_clear().current_dir("/");
            command.envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
            self.command = command;
        }
        self
    }

    /// With so much address space and no more: what takes more ends it.
    pub fn memory_kib(self, limit: u64) -> Self {
        self.by_shell(&format!(r#"ulimit -v {limit}; exec "$@""#))
    }

    /// With a standard output on which there is no room.
    pub fn onto_a_full_disk(self) -> Self {
        self.by_shell(r#"exec "$@" >/dev/full"#)
    }

    /// As `nohup` starts it.
    pub fn ignoring_hangup(self) -> Self {
        self.by_shell(r#"trap '' HUP; exec "$@""#)
    }

    /// As a terminal starts it, also where the tests themselves run under `nohup`.
    pub fn minding_hangup(self) -> Self {
        self.by_shell(r#"exec env --default-signal=HUP "$@""#)
    }

    /// The same command line, `$@` of a shell's `script`.
    pub fn by_shell(mut self, script: &str) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).arg(binary());
        command.args(self.command.get_args()).env_clear().current_dir(scratch());
        command.envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        self.command = command;
        self
    }

    /// Without this its standard input is empty.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Standard input stays open until [`Running::close_stdin`].
    pub fn open_stdin(mut self) -> Self {
        self.hold_stdin = true;
        self
    }

    /// Sends its output here instead of keeping it.
    pub fn stdout_to(mut self, sink: impl Write + Send + 'static) -> Self {
        self.stdout = Some(Box::new(sink));
        self
    }

    /// The sink may refuse more: then the pipe is closed before its end.
    pub fn sink_may_stop(mut self) -> Self {
        self.expected.broken_pipe = true;
        self
    }

    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Ends with the task's own code; cube itself has nothing to complain of.
    pub fn exits(mut self, code: i32) -> Self {
        self.expected.status = code;
        self
    }

    /// Ends with this code, one error with a hint on stderr, and nothing on stdout.
    pub fn fails(mut self, code: i32) -> Self {
        self.expected.status = code;
        self.expected.failure = true;
        self
    }

    /// Ends with this code, whatever is printed.
    pub fn ends(mut self, code: i32) -> Self {
        self.expected.status = code;
        self.any_stderr()
    }

    /// Ends as it likes; the test judges it.
    pub fn ends_somehow(mut self) -> Self {
        self.expected.any_status = true;
        self.any_stderr()
    }

    /// Stderr must contain this text.
    pub fn stderr_has(mut self, text: &str) -> Self {
        self.expected.stderr.get_or_insert_default().push(text.to_owned());
        self
    }

    /// Stderr may contain anything.
    pub fn any_stderr(mut self) -> Self {
        self.expected.stderr.get_or_insert_default();
        self
    }

    /// Runs it to its end and checks the expectations.
    pub fn output(self) -> Output {
        self.spawn().finish()
    }

    /// As [`Cube::output`]: its stdout as text.
    pub fn text(self) -> String {
        self.output().text()
    }

    /// As [`Cube::output`]: its stdout, parsed as one JSON document.
    pub fn json(self) -> Value {
        self.output().json()
    }

    /// The command itself, for tests that handle its streams and its end.
    pub fn into_command(self) -> Command {
        self.command
    }

    /// Starts it and returns at once.
    pub fn spawn(mut self) -> Running {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().expect("the binary starts");
        let line = format!("{:?}", self.command);
        let pid = child.id();
        let mut stdin = child.stdin.take();
        if let Some(mut pipe) = stdin.take_if(|_| !self.hold_stdin) {
            // A child that does not read its input may end before everything is written.
            thread::spawn(move || drop(pipe.write_all(&self.stdin)));
        }
        let stdout = Pump::start(child.stdout.take().unwrap(), self.stdout, pid);
        let stderr = Pump::start(child.stderr.take().unwrap(), None, pid);
        let (expected, limit) = (self.expected, self.limit);
        Running {
            child,
            line,
            stdin,
            stdout,
            stderr,
            expected,
            limit,
            started: Instant::now(),
            _folder: self.folder,
        }
    }
}

/// A command that has been started.
pub struct Running {
    child: Child,
    line: String,
    stdin: Option<ChildStdin>,
    stdout: Pump,
    stderr: Pump,
    expected: Expected,
    limit: Duration,
    started: Instant,
    _folder: Option<TempDir>,
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Returns once the process has a handler for the signal, or reads it from a descriptor.
    pub fn wait_until_handling(&self, signal: Signal) {
        let bit = 1u64 << (signal.as_raw() - 1);
        let deadline = Instant::now() + self.limit;
        while (caught(self.pid()) | read_from_descriptors(self.pid())) & bit == 0 {
            assert!(Instant::now() < deadline, "{}: it does not handle {signal:?}", self.line);
            thread::yield_now();
        }
    }

    /// The processes that it started itself.
    pub fn children(&self) -> Vec<u32> {
        let path = format!("/proc/{0}/task/{0}/children", self.pid());
        let children = fs::read_to_string(path).unwrap();
        children.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
    }

    /// The process that guards its task.
    pub fn guard(&self) -> u32 {
        self.children().into_iter().find(|pid| is_named_guard(*pid)).expect("there is a guard")
    }

    /// Returns once it has ended, with its input still open.
    pub fn wait_for_end(&mut self) {
        let limit = self.limit.saturating_sub(self.started.elapsed());
        if !(self.stdout.ended(limit) && self.stderr.ended(limit)) {
            self.give_up("it did not end");
        }
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Returns once it has ended by SIGKILL.
    pub fn wait_killed(&mut self) {
        let status = self.child.wait().unwrap();
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "{}: {status}", self.line);
    }

    /// Returns when it has ended: whether SIGKILL ended it.
    pub fn was_killed(&mut self) -> bool {
        self.child.wait().unwrap().signal() == Some(Signal::KILL.as_raw())
    }

    pub fn write_stdin(&mut self, text: &str) {
        self.stdin.as_mut().expect("open_stdin() was called").write_all(text.as_bytes()).unwrap();
    }

    /// Writes to its stdin; false if the stdin is closed.
    pub fn try_write_stdin(&mut self, bytes: &[u8]) -> bool {
        self.stdin.as_mut().expect("open_stdin() was called").write_all(bytes).is_ok()
    }

    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Returns once stdout holds `text`.
    pub fn wait_for_stdout(&mut self, text: &str) {
        let seen = self.stdout.wait_for(text, self.limit);
        seen.unwrap_or_else(|| self.give_up(&format!("no {text:?} on its stdout")));
    }

    /// What it has printed so far.
    pub fn stdout_so_far(&self) -> String {
        self.stdout.so_far()
    }

    /// What it has printed on stderr so far.
    pub fn stderr_so_far(&self) -> String {
        self.stderr.so_far()
    }

    /// Returns once stderr holds `text`.
    pub fn wait_for_stderr(&mut self, text: &str) {
        let seen = self.stderr.wait_for(text, self.limit);
        seen.unwrap_or_else(|| self.give_up(&format!("no {text:?} on its stderr")));
    }

    /// Waits for its end and checks the expectations.
    pub fn finish(mut self) -> Output {
        self.stdin = None;
        let limit = self.limit.saturating_sub(self.started.elapsed());
        if !(self.stdout.ended(limit) && self.stderr.ended(limit)) {
            self.give_up("it did not end");
        }
        let status = self.child.wait().unwrap();
        let took = self.started.elapsed();
        let code = status.code().unwrap_or_else(|| panic!("{}: {status}", self.line));
        let (stdout, peak_kib) = self.stdout.take(self.expected.broken_pipe);
        let stderr = String::from_utf8(self.stderr.take(false).0).expect("stderr is text");
        let output = Output { status: code, stdout, stderr, peak_kib, took };
        self.expected.check(&output, &self.line);
        output
    }

    fn give_up(&mut self, why: &str) -> ! {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let (stdout, stderr) = (self.stdout.so_far(), self.stderr.so_far());
        panic!("{}: {why} within {:?}\nstdout: {stdout}\nstderr: {stderr}", self.line, self.limit)
    }
}

/// Whether a line reports a slow stop or a dropped signal, which any stop may cause on a busy machine.
fn is_about_a_stop(line: &str) -> bool {
    line.starts_with("waiting for ") && line.contains(" to end, ")
        || line.contains("its first process does not handle ")
}

/// Whether a line reports the progress of a wait.
fn is_about_a_wait(line: &str) -> bool {
    line.starts_with("waiting for ") || line.starts_with("ready after ")
}

impl Expected {
    fn check(&self, output: &Output, line: &str) {
        let seen = || {
            let stdout = String::from_utf8_lossy(&output.stdout[..output.stdout.len().min(2000)]);
            format!("{line}\nstatus: {}\nstdout: {stdout}\nstderr: {}", output.status, output.stderr)
        };
        assert!(self.any_status || output.status == self.status, "exit code of {}", seen());
        if self.failure {
            assert!(output.stdout.is_empty(), "a failure prints nothing on stdout: {}", seen());
            let errors = output.stderr.lines().filter(|line| line.starts_with("cube: ")).count();
            assert_eq!(errors, 1, "one error in {}", seen());
            assert!(output.stderr.contains("\n  hint: "), "no hint in {}", seen());
        }
        match &self.stderr {
            None if !self.failure => {
                let words =
                    output.stderr.lines().find(|line| !is_about_a_stop(line) && !is_about_a_wait(line));
                assert!(words.is_none(), "stderr is not silent: {}", seen());
            }
            None => {}
            Some(texts) => {
                for text in texts {
                    assert!(output.stderr.contains(text.as_str()), "no {text:?} on the stderr of {}", seen());
                }
            }
        }
    }
}

impl Output {
    /// Its stdout.
    pub fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).expect("stdout is text")
    }

    /// Its stdout, which is one JSON document on one or more lines.
    pub fn json(&self) -> Value {
        let text = self.text();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("not one JSON document: {error}: {text}"))
    }
}

/// Reads a pipe to its end in a thread of its own.
struct Pump {
    state: Arc<(Mutex<Taken>, Condvar)>,
}

#[derive(Default)]
struct Taken {
    bytes: Vec<u8>,
    peak_kib: u64,
    /// The fault that the sink found.
    fault: Option<String>,
    ended: bool,
}

impl Pump {
    fn start(mut pipe: impl Read + Send + 'static, mut sink: Option<Sink>, pid: u32) -> Self {
        let state = Arc::new((Mutex::new(Taken::default()), Condvar::new()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            let mut block = vec![0; 64 * 1024];
            while let Ok(size @ 1..) = pipe.read(&mut block) {
                let written = sink.as_mut().map(|sink| sink.write_all(&block[..size]));
                let peak = peak_kib(pid);
                let mut state = shared.0.lock().unwrap();
                state.peak_kib = state.peak_kib.max(peak);
                match written {
                    None => state.bytes.extend_from_slice(&block[..size]),
                    Some(Ok(())) => {}
                    Some(Err(error)) => {
                        state.fault = Some(error.to_string());
                        break;
                    }
                }
                shared.1.notify_all();
            }
            if let Some(Err(error)) = sink.map(|mut sink| sink.flush()) {
                shared.0.lock().unwrap().fault.get_or_insert(error.to_string());
            }
            shared.0.lock().unwrap().ended = true;
            shared.1.notify_all();
        });
        Self { state }
    }

    fn wait_for(&self, text: &str, limit: Duration) -> Option<()> {
        let has = |state: &Taken| String::from_utf8_lossy(&state.bytes).contains(text);
        let state = self.state.0.lock().unwrap();
        let waiting = |state: &mut Taken| !state.ended && !has(state);
        let (state, _) = self.state.1.wait_timeout_while(state, limit, waiting).unwrap();
        has(&state).then_some(())
    }

    fn ended(&self, limit: Duration) -> bool {
        let state = self.state.0.lock().unwrap();
        self.state.1.wait_timeout_while(state, limit, |state| !state.ended).unwrap().0.ended
    }

    fn so_far(&self) -> String {
        let state = self.state.0.lock().unwrap();
        String::from_utf8_lossy(&state.bytes[..state.bytes.len().min(4000)]).into_owned()
    }

    /// The bytes read and the peak memory.
    fn take(&mut self, may_stop: bool) -> (Vec<u8>, u64) {
        let mut state = self.state.0.lock().unwrap();
        let fault = state.fault.take().filter(|_| !may_stop);
        assert_eq!(fault, None, "the output is not what it should be");
        (std::mem::take(&mut state.bytes), state.peak_kib)
    }
}

/// The peak memory of the process so far; 0 if it has ended.
fn peak_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// The signals that the process handles, a bit each.
fn caught(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// The signals that the process reads from descriptors (`signalfd(2)`).
fn read_from_descriptors(pid: u32) -> u64 {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fdinfo")) else { return 0 };
    let mask = |descriptor: fs::DirEntry| {
        let info = fs::read_to_string(descriptor.path()).ok()?;
        let mask = info.lines().find_map(|line| line.strip_prefix("sigmask:"))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    };
    descriptors.flatten().filter_map(mask).fold(0, |all, mask| all | mask)
}

/// Whether a process has a guard's name.
pub fn is_named_guard(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "task-guard\n")
}

/// The binary under test; `CUBE_TEST_BINARY` names another one.
pub fn binary() -> PathBuf {
    std::env::var_os("CUBE_TEST_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_cube").into()).into()
}

/// An empty folder, used as home and working folder.
pub fn scratch() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("home");
    fs::create_dir_all(&folder).unwrap();
    folder
}
