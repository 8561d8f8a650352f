//! Servers that live as long as the test process, even if it is killed: a shell holds the other end of a pipe and
//! cleans up when the pipe closes.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::need;

/// A server with its own folder.
pub struct Guarded {
    // Its stdin is the pipe.
    shell: Child,
    folder: PathBuf,
}

impl Guarded {
    /// Runs `server` (with its arguments `$1`, `$2` …) in a new folder, after the shell lines `before`. At the end
    /// `server` is stopped, `after` runs, and the folder is removed.
    pub fn start(before: &str, server: &str, after: &str, words: &[&str]) -> Self {
        need::settle();
        let folder = TempDir::with_prefix("cube-test-").unwrap().keep();
        let script = format!(
            "exec 3<&0 </dev/null >log 2>&1; trap '' INT TERM HUP\n\
             finish() {{ {after} :; cd /; rm -rf \"$folder\"; exit; }}\n\
             folder=$PWD; {{ {before} :; }} || {{ touch failed; read -r _ <&3; finish \"$@\"; }}\n\
             (trap - INT TERM HUP; exec setsid {server} 3<&-) & server=$!\n\
             read -r _ <&3; kill $server; wait $server; finish \"$@\""
        );
        let shell = Command::new("sh")
            .args(["-c", &script, "sh"])
            .args(words)
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        Self { shell, folder }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns when `ready` is true; fails with the server's log if that takes too long.
    pub fn wait_until(&self, ready: impl Fn() -> bool) {
        assert!(comes_up(ready), "the server does not come up: {}", self.log());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

/// Returns when a server is `ready`, or with `false` if that takes too long.
pub fn comes_up(ready: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !ready() {
        if Instant::now() >= deadline {
            return false;
        }
        // Polls: no event says when the server has opened its socket.
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
