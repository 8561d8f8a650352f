//! A second engine whose storage driver can limit a container's disk: btrfs in a file.

use std::sync::OnceLock;

use super::Engine;
use super::guarded::Guarded;

/// The engine, started once for all tests; needs root. Run tasks on it with `--network none`: it shares the
/// bridge with the engine under test and knows nothing of that one's addresses.
pub fn engine() -> &'static Engine {
    static ENGINE: OnceLock<(Engine, Guarded)> = OnceLock::new();
    let before = "truncate -s 1G disk && mkfs.btrfs -q disk && mkdir root && mount -o loop disk root && echo {} >config.json &&";
    let server = "dockerd --config-file \"$folder/config.json\" --storage-driver btrfs --iptables=false --data-root \"$folder/root\" \
                  --exec-root \"$folder/exec\" --pidfile \"$folder/pid\" --host \"unix://$folder/sock\"";
    let start = || {
        let server = Guarded::start(before, server, "umount root;", &[]);
        let engine = Engine::at(server.folder().join("sock"));
        server.wait_until(|| engine.answers());
        (engine, server)
    };
    &ENGINE.get_or_init(start).0
}
