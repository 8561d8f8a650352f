//! A separate engine for one test, which can be stopped, killed and started again. Run tasks on it with
//! `--network none`: it shares the bridge with the engine under test, but not the knowledge of used addresses.

use std::fs::File;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::guarded::Guarded;
use super::{Engine, need};

/// The engine; its containers and all of its data are removed with it.
pub struct Private {
    engine: &'static Engine,
    live_restore: bool,
    daemon: Option<Child>,
    // A separate containerd, as service managers start it. Its shell also ends the engine if the tests are killed.
    keeper: Guarded,
}

impl Private {
    /// A running engine. With `live_restore` its containers keep running while it is stopped.
    pub fn start(live_restore: bool) -> Self {
        need::engine();
        let server = "containerd --config \"$folder/none\" --root \"$folder/containerd\" --state \"$folder/state\" \
                      --address \"$folder/containerd.sock\"";
        // There is something to do only after a killed test.
        let after = "! kill $(cat pid) || { kill -CONT $(cat pid); while kill -0 $(cat pid); do sleep 0.1; done; }; \
                     grep -o \" $folder[^ ]* \" /proc/mounts | xargs -r umount -l;";
        let keeper = Guarded::start("echo {} >config.json && : >none &&", server, after, &[]);
        keeper.wait_until(|| UnixStream::connect(keeper.folder().join("containerd.sock")).is_ok());
        // There are few engines, so they are kept until the tests end.
        let engine: &Engine = Box::leak(Box::new(Engine::at(keeper.folder().join("sock"))));
        let mut private = Self { engine, live_restore, daemon: None, keeper };
        private.come_back();
        private
    }

    pub fn engine(&self) -> &'static Engine {
        self.engine
    }

    pub fn socket(&self) -> PathBuf {
        self.keeper.folder().join("sock")
    }

    /// Starts the engine again and returns once it answers.
    pub fn come_back(&mut self) {
        let folder = self.keeper.folder();
        let log = File::options().append(true).create(true).open(folder.join("dockerd.log")).unwrap();
        let path = |name: &str| folder.join(name).into_os_string();
        let mut command = Command::new("dockerd");
        command.arg("--config-file").arg(path("config.json")).arg("--data-root").arg(path("root"));
        command.arg("--exec-root").arg(path("exec")).arg("--pidfile").arg(path("pid"));
        command.arg("--containerd").arg(path("containerd.sock"));
        command.arg("--host").arg(self.engine.host()).arg("--iptables=false");
        if self.live_restore {
            command.arg("--live-restore");
        }
        command.process_group(0).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.daemon = Some(command.spawn().unwrap());
        self.keeper.wait_until(|| self.engine.answers());
    }

    /// Ends the engine as a service manager does, and returns when it has ended.
    pub fn stop(&mut self) {
        self.end(Signal::TERM);
    }

    /// Ends it with SIGKILL, so that it cannot clean up.
    pub fn kill(&mut self) {
        self.end(Signal::KILL);
    }

    /// Makes the engine hang: it accepts connections, but answers nothing until the returned value is dropped.
    pub fn suspend(&self) -> Suspension {
        let daemon = Pid::from_child(self.daemon.as_ref().unwrap());
        kill_process(daemon, Signal::STOP).unwrap();
        Suspension(daemon)
    }

    fn end(&mut self, signal: Signal) {
        let mut daemon = self.daemon.take().unwrap();
        kill_process(Pid::from_child(&daemon), signal).unwrap();
        daemon.wait().unwrap();
    }
}

/// A hanging engine; it continues when this is dropped.
pub struct Suspension(Pid);

impl Drop for Suspension {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::CONT);
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // A failure does not matter here.
            return;
        }
        if self.daemon.is_none() {
            self.come_back();
        }
        let all = self.engine.get("/containers/json?all=1");
        for container in all.as_array().unwrap() {
            self.engine.delete(&format!("/containers/{}?force=1&v=1", container["Id"].as_str().unwrap()));
        }
        self.stop();
    }
}
