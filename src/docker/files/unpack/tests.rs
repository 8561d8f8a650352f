//! Tests: archives that try to write outside their folder.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    os::unix::fs::{MetadataExt, symlink},
    path::PathBuf,
};

use proptest::prelude::*;
use tar::{EntryType, Header};
use tempfile::TempDir;

use super::*;

struct Whole(Option<Bytes>);

impl Pieces for Whole {
    fn next(&mut self) -> Option<Bytes> {
        self.0.take()
    }
}

/// One entry: its kind, its name, where it leads, its data.
type Given = (u8, Vec<u8>, Vec<u8>, Vec<u8>);

fn long(kind: u8, text: &[u8]) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::new(kind));
    header.set_size(text.len() as u64);
    header.set_mode(0);
    header.set_cksum();
    let mut all = [header.as_bytes().as_slice(), text].concat();
    all.resize(all.len().next_multiple_of(512), 0);
    all
}

/// An archive with these entries and right checksums.
fn tar(entries: &[Given]) -> Bytes {
    let mut all = Vec::new();
    for (kind, name, target, data) in entries {
        all.extend(long(b'L', name));
        all.extend(long(b'K', target));
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::new(*kind));
        header.set_mode(0o6777);
        header.set_mtime(1);
        header.set_size(if *kind == b'0' { data.len() as u64 } else { 0 });
        header.set_cksum();
        all.extend(header.as_bytes());
        if *kind == b'0' {
            all.extend(data);
            all.resize(all.len().next_multiple_of(512), 0);
        }
    }
    all.extend([0; 1024]);
    all.into()
}

/// The content of a folder, without what is below `but`.
fn seen(folder: &Path, but: &Path) -> BTreeMap<PathBuf, (u32, u64, Vec<u8>)> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let found = path.symlink_metadata().unwrap();
        let content = if found.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        if path != but {
            all.insert(path.clone(), (found.mode(), if found.is_dir() { 0 } else { found.nlink() }, content));
            if found.is_dir() {
                all.extend(seen(&path, but));
            }
        }
    }
    all
}

/// A folder with files to protect. A folder in it is the target, and contains links that lead out of it.
fn protected() -> (TempDir, PathBuf) {
    let outer = TempDir::new().unwrap();
    fs::write(outer.path().join("secret"), "kept").unwrap();
    fs::create_dir_all(outer.path().join("other/deep")).unwrap();
    fs::write(outer.path().join("other/file"), "kept").unwrap();
    let inner = outer.path().join("in");
    fs::create_dir_all(inner.join("d")).unwrap();
    symlink("../other", inner.join("out")).unwrap();
    symlink("../secret", inner.join("a")).unwrap();
    (outer, inner)
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    let part =
        prop::sample::select(vec!["..", ".", "", "a", "b", "d", "out", "secret", "other", "file", "top"]);
    let parts = prop::collection::vec(part, 0..5);
    (any::<bool>(), parts).prop_map(|(absolute, parts)| {
        [if absolute { "/" } else { "" }, &parts.join("/")].concat().into_bytes()
    })
}

fn entries() -> impl Strategy<Value = Vec<Given>> {
    let kind = prop::sample::select(b"0000155123467V".to_vec());
    let data = prop::collection::vec(any::<u8>(), 0..40);
    let target =
        prop_oneof![name(), Just(b"../secret".to_vec()), Just(b"out/file".to_vec()), Just(b"a".to_vec())];
    prop::collection::vec((kind, name(), target, data), 1..8)
}

fn target(place: Place, strip: bool) -> Target {
    Target { place, strip, content_of: None, tag: "t".to_owned() }
}

/// Unpacks whatever it is given. Nothing outside of the folder changes, and nothing half-written stays.
fn unpack_anything(archive: Vec<u8>, whole: bool) {
    let (outer, inner) = protected();
    let before = seen(outer.path(), &inner);
    let place = if whole {
        Place::Content(inner.clone().into())
    } else {
        Place::Named { folder: inner.clone().into(), name: OsString::from("top") }
    };
    let done = unpack(Whole(Some(archive.into())), &target(place, !whole));
    assert_eq!(seen(outer.path(), &inner), before, "{done:?}");
    let all = seen(&inner, outer.path());
    let drafts: Vec<_> = all.into_keys().filter(|path| path.to_string_lossy().contains(".cube-")).collect();
    assert!(drafts.is_empty(), "{drafts:?} {done:?}");
}

/// The block with the right checksum.
fn summed(block: &[u8]) -> Vec<u8> {
    if block.len() < 512 || block.iter().all(|byte| *byte == 0) {
        return block.to_vec();
    }
    let mut header = Header::from_byte_slice(block).clone();
    header.set_cksum();
    header.as_bytes().to_vec()
}

/// An archive with any bytes changed, even sizes, kinds and records, with right or wrong checksums.
fn changed() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![any::<u8>(), prop::sample::select(b"\0/.01257xgLKSVA\x80\xff\n\x1b".to_vec())];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), byte), 0..12);
    // The positions of a header's size and kind are changed more often.
    let fields = prop::collection::vec((any::<prop::sample::Index>(), 124usize..158, b'0'..=b'8'), 0..4);
    (entries(), changes, fields, any::<bool>()).prop_map(|(entries, changes, fields, sums)| {
        let mut archive = tar(&entries).to_vec();
        for (at, byte) in changes {
            let at = at.index(archive.len());
            archive[at] = byte;
        }
        for (block, at, byte) in fields {
            let block = block.index(archive.len() / 512);
            archive[block * 512 + at] = byte;
        }
        if sums { archive.chunks(512).flat_map(summed).collect() } else { archive }
    })
}

/// A record before an entry that replaces values of its header.
fn records() -> impl Strategy<Value = Vec<u8>> {
    let key = prop::sample::select(vec!["path", "linkpath", "size", "mtime", "GNU.sparse.major", "x"]);
    let value = prop_oneof![
        name(),
        Just(b"../../secret".to_vec()),
        Just(b"18446744073709551615".to_vec()),
        Just(b"-1".to_vec()),
        Just(vec![b'a'; 5000]),
        Just(b"a\0b".to_vec()),
    ];
    prop::collection::vec((key, value), 0..4).prop_map(|all| {
        let record = |(key, value): (&str, Vec<u8>)| {
            let rest = [b" ", key.as_bytes(), b"=", &value, b"\n"].concat();
            let digits = (rest.len() + 4).to_string().len();
            [(rest.len() + digits).to_string().as_bytes(), &rest].concat()
        };
        all.into_iter().flat_map(record).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_changed_archive_writes_outside_of_its_folder(archive in changed(), whole: bool) {
        unpack_anything(archive, whole);
    }

    #[test]
    fn no_record_writes_outside_of_its_folder(records in records(), entries in entries(), whole: bool) {
        unpack_anything([long(b'x', &records).as_slice(), &tar(&entries)].concat(), whole);
    }

    #[test]
    fn no_archive_writes_outside_of_its_folder(entries in entries(), strip: bool, whole: bool) {
        let (outer, inner) = protected();
        let before = seen(outer.path(), &inner);
        let place = if whole {
            Place::Content(inner.clone().into())
        } else {
            Place::Named { folder: inner.clone().into(), name: OsString::from("top") }
        };
        let done = unpack(Whole(Some(tar(&entries))), &target(place, strip));
        prop_assert_eq!(seen(outer.path(), &inner), before);
        // No temporary file is left, neither beside the target nor below.
        let drafts: Vec<_> = seen(&inner, outer.path()).into_keys().filter(|p| p.to_string_lossy().contains(".cube-")).collect();
        prop_assert!(drafts.is_empty(), "{:?} {:?}", drafts, done);
    }

    #[test]
    fn a_torn_archive_leaves_nothing(entries in entries(), lost in 1usize..3000) {
        let (_outer, inner) = protected();
        let before = seen(&inner, &inner);
        let whole = tar(&entries);
        let torn = whole.slice(..whole.len().saturating_sub(lost));
        let place = Place::Named { folder: inner.clone().into(), name: OsString::from("new") };
        prop_assert!(unpack(Whole(Some(torn)), &target(place, false)).is_err());
        prop_assert_eq!(seen(&inner, &inner), before);
    }
}

#[test]
fn links_are_kept_and_hard_links_stay_inside() {
    let (outer, inner) = protected();
    let given = |kind: u8, name: &str, target: &str| (kind, name.into(), target.into(), b"data".to_vec());
    let entries = [
        given(b'5', "top/", ""),
        given(b'0', "top/file", ""),
        given(b'2', "top/link", "../../secret"),
        given(b'1', "top/inside", "top/file"),
        given(b'1', "top/outside", "../secret"),
        given(b'1', "top/through", "in/out/file"),
        given(b'6', "top/pipe", ""),
    ];
    let place = Place::Named { folder: inner.clone().into(), name: OsString::from("new") };
    let copied = unpack(Whole(Some(tar(&entries))), &target(place, true)).unwrap();
    assert_eq!(copied.left_out.len(), 3, "{:?}", copied.left_out);
    assert_eq!(fs::read_link(inner.join("new/link")).unwrap(), Path::new("../../secret"));
    assert_eq!(fs::metadata(inner.join("new/inside")).unwrap().nlink(), 2);
    assert_eq!(fs::metadata(outer.path().join("secret")).unwrap().nlink(), 1);
}

#[test]
fn a_name_that_no_file_can_have_is_an_error() {
    let (_outer, inner) = protected();
    for name in [vec![b'x'; 300], vec![b'x'; 4000], vec![b'x'; 5000]] {
        let place = Place::Content(inner.clone().into());
        assert!(
            unpack(Whole(Some(tar(&[(b'0', name, Vec::new(), Vec::new())]))), &target(place, false)).is_err()
        );
    }
    // An odd but valid name is written as it is.
    let odd = b"tab\tnew\nline\x1b[2J".to_vec();
    let place = Place::Content(inner.clone().into());
    unpack(Whole(Some(tar(&[(b'0', odd.clone(), Vec::new(), Vec::new())]))), &target(place, false)).unwrap();
    assert!(inner.join(OsStr::from_bytes(&odd)).exists());
}

#[test]
fn a_folder_that_is_left_out_of_its_own_content_is_made_as_the_engine_describes_it() {
    let (_outer, inner) = protected();
    let file = (b'0', b"file".to_vec(), Vec::new(), b"data".to_vec());
    let itself = (b'5', b"./".to_vec(), Vec::new(), Vec::new());
    for (entries, mode) in [(vec![], 0o750), (vec![file.clone()], 0o750), (vec![itself, file], 0o777)] {
        let place = Place::Named { folder: inner.clone().into(), name: OsString::from("new") };
        let content_of = Some(Entry::folder(b"./", 0o750, 7));
        unpack(Whole(Some(tar(&entries))), &Target { content_of, ..target(place, false) }).unwrap();
        let found = fs::metadata(inner.join("new")).unwrap();
        assert_eq!((found.mode() & 0o777, found.mtime()), (mode, if mode == 0o750 { 7 } else { 1 }));
        assert_eq!(inner.join("new/file").exists(), !entries.is_empty());
        fs::remove_dir_all(inner.join("new")).unwrap();
    }
}
