//! Mounts of the long form, as the engine's API describes them.

use serde_json::{Map, Value, json};

use crate::{
    config::value::{
        mount::full::{FullMount, VolumeOptions},
        size::Size,
    },
    docker::container::body::fields::add,
};

/// The path of the engine's socket in a task.
const SOCKET: &str = "/var/run/docker.sock";

/// A mount of the long form.
pub(crate) fn words(mount: &FullMount) -> Value {
    let mut words = Map::new();
    add(
        &mut words,
        [
            ("Type", mount.kind.name().into()),
            ("Source", text(&mount.source)),
            ("Target", text(&mount.target)),
            ("ReadOnly", on(mount.read_only)),
            ("Consistency", text(&mount.consistency)),
            ("BindOptions", bind(mount)),
            ("VolumeOptions", mount.volume.as_ref().map_or(Value::Null, volume)),
            ("ImageOptions", json!(mount.image_subpath.as_ref().map(|path| json!({"Subpath": path})))),
            ("TmpfsOptions", tmpfs(mount)),
        ],
    );
    words.into()
}

/// A mount of the engine's own socket, for `--use-api-socket`.
pub(super) fn socket(path: &str) -> Value {
    json!({"Type": "bind", "Source": path, "Target": SOCKET})
}

fn bind(mount: &FullMount) -> Value {
    let mut words = Map::new();
    add(
        &mut words,
        [
            ("Propagation", text(&mount.bind.propagation)),
            ("NonRecursive", on(mount.bind.non_recursive)),
            ("ReadOnlyNonRecursive", on(mount.bind.read_only_non_recursive)),
            ("ReadOnlyForceRecursive", on(mount.bind.read_only_force_recursive)),
        ],
    );
    words.into()
}

fn volume(options: &VolumeOptions) -> Value {
    let (mut words, mut driver) = (Map::new(), Map::new());
    add(&mut driver, [("Name", text(&options.driver)), ("Options", json!(options.driver_opts))]);
    add(
        &mut words,
        [
            ("NoCopy", on(options.no_copy)),
            ("Subpath", text(&options.subpath)),
            ("Labels", json!(options.labels)),
            ("DriverConfig", driver.into()),
        ],
    );
    words.into()
}

fn tmpfs(mount: &FullMount) -> Value {
    let mut words = Map::new();
    add(
        &mut words,
        [("SizeBytes", json!(mount.tmpfs_size.map(Size::bytes))), ("Mode", json!(mount.tmpfs_mode))],
    );
    words.into()
}

fn text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

fn on(is_on: bool) -> Value {
    if is_on { true.into() } else { Value::Null }
}
