//! Servers that live as long as the test process, also when it is killed: a shell holds the other end of a
//! pipe and cleans up when the pipe closes.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::need;

/// A server with a folder of its own.
pub struct Guarded {
    // Its stdin is the pipe.
    shell: Child,
    folder: PathBuf,
}

impl Guarded {
    /// Runs `server` (with its words `$1`, `$2` … as given) in a fresh folder after the shell lines of
    /// `before`; at the end `server` is stopped, then `after` runs and the folder goes.
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

    /// Returns once `ready` says so; fails with the server's log when it does not come up.
    pub fn wait_until(&self, ready: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !ready() {
            assert!(Instant::now() < deadline, "the server does not come up: {}", self.log());
            // No event says when a server of others has opened its socket.
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
