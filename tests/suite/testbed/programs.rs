//! Images for tests of signals: a C program that receives them in several ways, and this machine's own programs.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::Engine;
use super::image::{fill_with_shell, made_once};

const SOURCE: &str = include_str!("../../probe/hears.c");

/// `hears WAY SIGNAL FILE`, see `tests/probe/hears.c`.
pub fn hears() -> String {
    let mut hasher = DefaultHasher::new();
    SOURCE.hash(&mut hasher);
    let version = format!("LABEL hears={:016x}", hasher.finish());
    let instructions = ["ENTRYPOINT [\"/hears\"]", version.as_str()];
    made_once(Engine::under_test(), "hears", &instructions, |root| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/probe/hears.c");
        let options = ["-static", "-O1", "-pthread", "-o"];
        let status = Command::new("cc").args(options).arg(root.join("hears")).arg(source).status();
        assert!(status.expect("gcc is installed (tests/run does it)").success());
    })
}

/// An image with a shell, in which this machine's `/usr` is mounted, so that its programs run with its libraries.
pub fn machine() -> String {
    let instructions = ["CMD [\"sh\"]", "ENV PATH=/bin:/usr/bin:/usr/sbin", "LABEL machine=1"];
    made_once(Engine::under_test(), "machine", &instructions, |root| {
        fill_with_shell(root);
        fs::create_dir(root.join("usr")).unwrap();
        for folder in ["lib", "lib32", "lib64"] {
            symlink(Path::new("usr").join(folder), root.join(folder)).unwrap();
        }
    })
}
