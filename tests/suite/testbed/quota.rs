//! A second engine whose storage driver supports disk limits: btrfs in a file.

use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::guarded::Guarded;
use super::{Engine, need};

/// The engine, used by one test at a time: after each removal the quotas are counted again, and until then the file
/// system allows more.
pub struct Quota {
    engine: &'static Engine,
    server: &'static Guarded,
    _alone: MutexGuard<'static, ()>,
}

impl Quota {
    /// Waits for the test that is using it.
    pub fn take() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        need::engine();
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let (engine, server) = started();
        let quota = Self { engine, server, _alone: alone };
        quota.settle();
        quota
    }

    pub fn engine(&self) -> &'static Engine {
        self.engine
    }

    /// Returns once the quotas are counted.
    pub fn settle(&self) {
        let root = self.server.folder().join("root");
        let counted = Command::new("btrfs").args(["quota", "rescan", "-W"]).arg(root).output().unwrap();
        assert!(counted.status.success(), "{counted:?}");
    }
}

/// The engine, started once for all tests; needs root. Run tasks on it with `--network none`: it shares the bridge with
/// the engine under test, but not the knowledge of used addresses.
fn started() -> (&'static Engine, &'static Guarded) {
    static ENGINE: OnceLock<(Engine, Guarded)> = OnceLock::new();
    let before = "truncate -s 1G disk && mkfs.btrfs -q disk && mkdir root && mount -o loop disk root && btrfs quota enable root && echo {} >config.json &&";
    let server = "dockerd --config-file \"$folder/config.json\" --storage-driver btrfs --iptables=false --data-root \"$folder/root\" \
                  --exec-root \"$folder/exec\" --pidfile \"$folder/pid\" --host \"unix://$folder/sock\"";
    let start = || {
        let server = Guarded::start(before, server, "umount root;", &[]);
        let engine = Engine::at(server.folder().join("sock"));
        server.wait_until(|| engine.answers());
        (engine, server)
    };
    let (engine, server) = ENGINE.get_or_init(start);
    (engine, server)
}
