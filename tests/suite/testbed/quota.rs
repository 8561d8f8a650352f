//! A second engine whose storage driver can limit a container's disk: btrfs in a file.

use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::guarded::Guarded;
use super::{Engine, need};

/// The engine, held by one test alone: after each removal it has the quotas counted anew, and until that is done
/// the file system lets more through.
pub struct Quota {
    engine: &'static Engine,
    server: &'static Guarded,
    _alone: MutexGuard<'static, ()>,
}

impl Quota {
    /// Waits for the test that has it.
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

/// The engine, started once for all tests; needs root. Run tasks on it with `--network none`: it shares the
/// bridge with the engine under test and knows nothing of that one's addresses.
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
