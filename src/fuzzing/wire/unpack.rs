//! Archives that want to write where they must not.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use crate::{
    docker::files::{
        place::Place,
        unpack::{Target, unpack},
    },
    fuzzing::{
        pieces::cut,
        scratch::Scratch,
        wire::archive::{InPieces, summed},
    },
};

/// How the names of what is half-written end.
const DRAFT: &str = ".cube-t";

/// Of each path its mode, its links and its content.
type Seen = BTreeMap<PathBuf, (u32, u64, Vec<u8>)>;

pub(crate) fn check(bytes: &[u8]) {
    for archive in [bytes.to_vec(), summed(bytes)] {
        for whole in [true, false] {
            unpack_into(&archive, whole);
        }
    }
}

/// Unpacks an archive beside things to protect, with links that lead to them.
fn unpack_into(archive: &[u8], whole: bool) {
    let scratch = Scratch::new();
    let outer = scratch.path();
    let inner = outer.join("in");
    fs::write(outer.join("secret"), "kept").unwrap();
    fs::create_dir_all(outer.join("other/deep")).unwrap();
    fs::write(outer.join("other/file"), "kept").unwrap();
    fs::create_dir_all(inner.join("d")).unwrap();
    symlink("../other", inner.join("out")).unwrap();
    symlink("../secret", inner.join("a")).unwrap();
    let before = seen(outer, &inner);
    let place = if whole {
        Place::Content(inner.clone().into())
    } else {
        Place::Named { folder: inner.clone().into(), name: OsString::from("top") }
    };
    let target = Target { place, strip: !whole, content_of: None, tag: "t".to_owned() };
    let done = unpack(InPieces(cut(archive).into()), &target);
    assert_eq!(seen(outer, &inner), before, "{done:?}");
    let mut names = Vec::new();
    open(&inner, &mut names);
    let named_so = archive.windows(DRAFT.len()).any(|name| name == DRAFT.as_bytes());
    assert!(named_so || !names.iter().any(|name| name.ends_with(DRAFT)), "{names:?} {done:?}");
    if done.is_err() && !whole {
        assert!(!names.iter().any(|name| name == "top"), "{done:?}");
    }
}

/// What is in a folder, but for what is at `but`.
fn seen(folder: &Path, but: &Path) -> Seen {
    let mut all = Seen::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path == but {
            continue;
        }
        let found = path.symlink_metadata().unwrap();
        let content = if found.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        if found.is_dir() {
            all.extend(seen(&path, but));
        }
        let links = if found.is_dir() { 0 } else { found.nlink() };
        all.insert(path, (found.mode(), links, content));
    }
    all
}

/// The names of all that is below a folder, which is opened so that it can be removed.
fn open(folder: &Path, names: &mut Vec<String>) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        names.push(entry.file_name().to_string_lossy().into_owned());
        if entry.file_type().unwrap().is_dir() {
            open(&entry.path(), names);
        }
    }
}
