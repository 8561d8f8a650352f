//! `--cidfile`: writes the container's id to a new file, which stays after the task's end,
//! but not after a failed start. A reader of the file sees the whole id or no file.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use cube::{Error, ErrorKind};
use rustix::fs::{Access, OFlags, access};

use crate::cli::output::draft::{NewFile, Placed};

/// Longer than any id, in bytes.
const LONGEST: u64 = 256;

/// Checks that the file can be made, before anything else is done.
pub fn check(path: &Path) -> Result<(), Error> {
    if path.symlink_metadata().is_ok() {
        return Err(Error::new(ErrorKind::File, format!("the file {} for --cidfile exists", path.display()))
            .with_hint("remove it, or make sure that its task does not run any more"));
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = parent.unwrap_or(Path::new("."));
    // A slash at the end names a folder.
    access(folder.join(""), Access::WRITE_OK).map_err(|cause| unwritable(path, cause.into()))
}

/// Writes the id. A file that appeared since the check is not replaced.
pub fn write(path: &Path, id: &str) -> Result<(), Error> {
    let place = |draft: NewFile| draft.place(path);
    write_by(path, id, place).map_err(|cause| unwritable(path, cause))
}

fn write_by(path: &Path, id: &str, place: impl Fn(NewFile) -> io::Result<Placed>) -> io::Result<()> {
    let mut draft = NewFile::beside(path)?;
    draft.file.write_all(id.as_bytes())?;
    match place(draft)? {
        Placed::Done => Ok(()),
        Placed::Unable => write_in_place(path, id),
    }
}

/// Writes the file under its final name, where the file system cannot do better.
fn write_in_place(path: &Path, id: &str) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).open(path)?;
    file.write_all(id.as_bytes()).inspect_err(|_| drop(fs::remove_file(path)))
}

/// Removes the file if it holds this id.
pub fn remove_own(path: &Path, id: &str) {
    if holds(path, id).unwrap_or_default() {
        let _ = fs::remove_file(path);
    }
}

/// Whether the file holds this id. It may be anything by now, even a named pipe or a link to an endless device.
fn holds(path: &Path, id: &str) -> io::Result<bool> {
    let flags = (OFlags::NONBLOCK | OFlags::NOFOLLOW).bits();
    let file = File::options().read(true).custom_flags(flags.cast_signed()).open(path)?;
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text)?;
    Ok(text == id)
}

fn unwritable(path: &Path, cause: io::Error) -> Error {
    Error::new(ErrorKind::File, format!("cannot write the file {} for --cidfile", path.display()))
        .with_source(cause)
        .with_hint("name a file that does not exist, in a folder that does and has room")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4a7d1ed4";

    #[test]
    fn an_id_is_written_even_without_exclusive_renames() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("id");
        check(&path).unwrap();
        write_by(&path, ID, |_| Ok(Placed::Unable)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), ID);
        let ways: [fn(NewFile) -> io::Result<Placed>; 2] =
            [|_| Ok(Placed::Unable), |draft| draft.place(Path::new("/no/such/folder"))];
        for way in ways {
            assert!(write_by(&path, "other", way).is_err());
        }
        assert!(write(&path, "other").is_err() && check(&path).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), ID);
        remove_own(&path, "other");
        assert!(path.exists());
        remove_own(&path, ID);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_target_that_is_not_a_folder_is_detected_early() {
        assert!(check(Path::new("/no/such/folder/id")).is_err());
        assert!(check(Path::new("/dev/null/id")).is_err());
        check(Path::new("an-id-that-is-not-there")).unwrap();
    }
}
