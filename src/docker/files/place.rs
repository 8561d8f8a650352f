//! Decides where a copy goes, by the rules of `docker cp`: into an existing folder, under a new name, or over a file.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
};

/// The longest name of a file on Linux, in bytes.
const LONGEST: usize = 255;

/// A path that the user wrote: cleaned, and with the meaning of its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    /// Absolute, without `.`, `..` and double slashes.
    pub(crate) path: OsString,
    pub(crate) end: SpotEnd,
}

/// The meaning of a path's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpotEnd {
    /// A name.
    Name,
    /// A slash: the path must be a folder.
    Slash,
    /// `/.`: the content of the folder. The root counts as this too.
    Content,
}

impl Spot {
    /// `text`, relative to the absolute folder `from`.
    pub(crate) fn new(text: &OsStr, from: &OsStr) -> Self {
        let bytes = text.as_bytes();
        let whole = if bytes.first() == Some(&b'/') {
            bytes.to_vec()
        } else {
            [from.as_bytes(), b"/", bytes].concat()
        };
        let path = clean(&whole);
        let end = match bytes.rsplit(|byte| *byte == b'/').next() {
            _ if path == b"/" => SpotEnd::Content,
            Some(b".") => SpotEnd::Content,
            Some(b"") => SpotEnd::Slash,
            _ => SpotEnd::Name,
        };
        Self { path: OsString::from_vec(path), end }
    }

    /// A path in a container, relative to its root.
    pub(crate) fn in_container(text: &str) -> Self {
        Self::new(OsStr::new(text), OsStr::new("/"))
    }

    /// The path with its original end.
    pub(crate) fn full(&self) -> OsString {
        let end = match self.end {
            _ if self.path == "/" => "",
            SpotEnd::Name => "",
            SpotEnd::Slash => "/",
            SpotEnd::Content => "/.",
        };
        let mut full = self.path.clone();
        full.push(end);
        full
    }

    /// The folder that it is in, and its name there.
    pub(crate) fn split(&self) -> (OsString, OsString) {
        let bytes = self.path.as_bytes();
        let at = bytes.iter().rposition(|byte| *byte == b'/').unwrap_or_default();
        let (folder, name) = bytes.split_at_checked(at).unwrap_or((bytes, b"/"));
        let folder = if folder.is_empty() { b"/" } else { folder };
        (
            OsStr::from_bytes(folder).to_owned(),
            OsStr::from_bytes(name.get(1..).unwrap_or_default()).to_owned(),
        )
    }
}

fn clean(path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    [b"/", parts.join(&b'/').as_slice()].concat()
}

/// What exists at the target of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Present {
    Nothing,
    File,
    Folder,
}

/// Where a copy goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The content of the folder goes into this folder.
    Content(OsString),
    /// The file or folder itself goes into a folder, under a name.
    Named { folder: OsString, name: OsString },
}

/// Why it cannot go there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misplaced {
    /// A folder onto a file.
    FolderOntoFile,
    /// A file to a name with a slash at its end, where no folder is.
    NoFolder,
}

/// Where the copy of `name`, a folder or a file, goes if it is copied to `to`. `present` is what exists there.
pub(crate) fn place(
    from: &Spot,
    name: &OsStr,
    is_folder: bool,
    to: &Spot,
    present: Present,
) -> Result<Place, Misplaced> {
    let renamed = || {
        let (folder, name) = to.split();
        Place::Named { folder, name }
    };
    match present {
        Present::Folder if is_folder && from.end == SpotEnd::Content => Ok(Place::Content(to.path.clone())),
        Present::Folder => Ok(Place::Named { folder: to.path.clone(), name: name.to_owned() }),
        Present::File if is_folder => Err(Misplaced::FolderOntoFile),
        Present::Nothing if !is_folder && to.end != SpotEnd::Name => Err(Misplaced::NoFolder),
        Present::File | Present::Nothing => Ok(renamed()),
    }
}

/// The temporary name of a file until it is complete: hidden, in the same folder, and marked by `tag`.
pub(crate) fn draft_name(name: &[u8], tag: &str) -> Vec<u8> {
    let end = format!(".cube-{tag}");
    let room = LONGEST.saturating_sub(end.len() + 1);
    [b".", name.get(..room).unwrap_or(name), end.as_bytes()].concat()
}

/// Splits an argument of `cp` into a container and a path in it; `None` for a path of this machine. As with Docker, a
/// path that begins with a slash or a dot is always of this machine.
#[must_use]
pub fn split_container(word: &str) -> Option<(&str, &str)> {
    match word.split_once(':') {
        Some((container, path)) if !word.starts_with(['/', '.']) => Some((container, path)),
        _ => None,
    }
}

/// The parts of an entry's name, without the first one if `strip`. `None` if the name leads out of the target.
pub(crate) fn parts(name: &[u8], strip: bool) -> Option<Vec<&[u8]>> {
    let parts: Vec<&[u8]> =
        name.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b".")).collect();
    let inside = !parts.contains(&&b".."[..]);
    inside.then(|| parts.into_iter().skip(usize::from(strip)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(text: &str) -> Spot {
        Spot::new(OsStr::new(text), OsStr::new("/here"))
    }

    #[test]
    fn the_end_of_a_path_is_kept() {
        for (text, path, end) in [
            ("a", "/here/a", SpotEnd::Name),
            ("a/", "/here/a", SpotEnd::Slash),
            ("a/.", "/here/a", SpotEnd::Content),
            (".", "/here", SpotEnd::Content),
            ("./", "/here", SpotEnd::Slash),
            ("..", "/", SpotEnd::Content),
            ("/", "/", SpotEnd::Content),
            ("/a//b/../c", "/a/c", SpotEnd::Name),
            ("/../a", "/a", SpotEnd::Name),
            ("/a.", "/a.", SpotEnd::Name),
        ] {
            assert_eq!(spot(text), Spot { path: path.into(), end }, "{text}");
        }
        assert_eq!(spot("/a/b").split(), ("/a".into(), "b".into()));
        assert_eq!(spot("/a").split(), ("/".into(), "a".into()));
        assert_eq!(spot("/a/.").full(), "/a/.");
    }

    #[test]
    fn a_copy_goes_where_docker_would_put_it() {
        let named = |folder: &str, name: &str| Ok(Place::Named { folder: folder.into(), name: name.into() });
        let content = |folder: &str| Ok(Place::Content(folder.into()));
        for (from, is_folder, to, present, expected) in [
            ("/s/f", false, "/d", Present::Nothing, named("/", "d")),
            ("/s/f", false, "/d", Present::File, named("/", "d")),
            ("/s/f", false, "/d", Present::Folder, named("/d", "f")),
            ("/s/f", false, "/d/", Present::Nothing, Err(Misplaced::NoFolder)),
            ("/s/f", false, "/d/", Present::Folder, named("/d", "f")),
            ("/s/x", true, "/d", Present::Nothing, named("/", "d")),
            ("/s/x", true, "/d/", Present::Nothing, named("/", "d")),
            ("/s/x", true, "/d", Present::File, Err(Misplaced::FolderOntoFile)),
            ("/s/x", true, "/d", Present::Folder, named("/d", "x")),
            ("/s/x/.", true, "/d", Present::Nothing, named("/", "d")),
            ("/s/x/.", true, "/d", Present::Folder, content("/d")),
            ("/", true, "/d", Present::Folder, content("/d")),
        ] {
            let from = spot(from);
            let name = from.split().1;
            assert_eq!(place(&from, &name, is_folder, &spot(to), present), expected, "{from:?} {to}");
        }
    }

    #[test]
    fn a_word_names_a_container_unless_it_is_a_path() {
        for (word, split) in [
            ("web:/a", Some(("web", "/a"))),
            ("web:a:b", Some(("web", "a:b"))),
            (":/a", Some(("", "/a"))),
            ("/a:b", None),
            ("./a:b", None),
            ("a", None),
            ("-", None),
        ] {
            assert_eq!(split_container(word), split, "{word}");
        }
    }

    #[test]
    fn no_name_leads_out_of_the_target() {
        assert_eq!(parts(b"/a/./b//c", false), Some(vec![&b"a"[..], b"b", b"c"]));
        assert_eq!(parts(b"./a/b", true), Some(vec![&b"b"[..]]));
        assert_eq!(parts(b"a", true), Some(vec![]));
        for out in [&b".."[..], b"a/../b", b"/..", b"a/.."] {
            assert_eq!(parts(out, false), None);
        }
    }

    #[test]
    fn a_draft_fits_and_is_hidden() {
        let draft = draft_name(&[b'a'; 255], "x");
        assert!(draft.len() == LONGEST && draft.starts_with(b".a") && draft.ends_with(b".cube-x"));
        assert_eq!(draft_name(b"out", "7"), b".out.cube-7");
    }
}
