//! A file that is whole before it has its name. Until then it has one that nobody can know beforehand, and it is made
//! anew, so that no link is followed and nothing of anybody's is written over.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use cube::random_id;
use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};

/// A file without its name; removed unless it gets it.
pub struct NewFile {
    path: PathBuf,
    /// What is to be filled.
    pub file: File,
}

/// What came of a draft that was not to take anybody's place.
#[derive(Debug, PartialEq, Eq)]
pub enum Placed {
    Done,
    /// This file system has no way that leaves what is there as it is.
    Unable,
}

impl NewFile {
    /// A new file in the folder of `path`.
    pub fn beside(path: &Path) -> io::Result<Self> {
        let draft = path.with_file_name(format!(".cube-{}", random_id().simple()));
        let file = File::options().write(true).create_new(true).open(&draft)?;
        Ok(Self { path: draft, file })
    }

    /// Gives it the name `path`, in place of whatever has it: a link too.
    pub fn replace(self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)
    }

    /// Gives it the name `path` if nothing has it: [`io::ErrorKind::AlreadyExists`] otherwise.
    pub fn place(self, path: &Path) -> io::Result<Placed> {
        match renameat_with(CWD, &self.path, CWD, path, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => self.link(path),
            placed => Ok(placed.map(|()| Placed::Done)?),
        }
    }

    /// The same where a file cannot be renamed with care.
    fn link(&self, path: &Path) -> io::Result<Placed> {
        match fs::hard_link(&self.path, path).map_err(|cause| (cause.kind(), cause)) {
            Ok(()) => Ok(Placed::Done),
            Err((io::ErrorKind::AlreadyExists, cause)) => Err(cause),
            Err(_) => Ok(Placed::Unable),
        }
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // Nothing is there any more if it was renamed.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, os::unix::fs::symlink};

    use super::*;

    fn draft(path: &Path) -> NewFile {
        let mut draft = NewFile::beside(path).unwrap();
        draft.file.write_all(b"new").unwrap();
        draft
    }

    fn names(folder: &Path) -> Vec<String> {
        let names =
            fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    #[test]
    fn what_is_there_is_kept_or_replaced_and_never_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("file"), folder.path().join("other"));
        fs::write(&other, "kept").unwrap();
        symlink(&other, &path).unwrap();
        assert_eq!(draft(&path).place(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(draft(&path).link(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        draft(&path).replace(&path).unwrap();
        assert!(!path.is_symlink() && fs::read_to_string(&path).unwrap() == "new");
        assert_eq!(fs::read_to_string(&other).unwrap(), "kept");
        fs::remove_file(&path).unwrap();
        assert_eq!(draft(&path).link(&path).unwrap(), Placed::Done);
        fs::remove_file(&path).unwrap();
        assert_eq!(draft(&path).place(&path).unwrap(), Placed::Done);
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        let mut left = names(folder.path());
        left.sort();
        assert_eq!(left, ["file", "other"]);
    }

    #[test]
    fn a_folder_without_links_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        // No link goes to another file system.
        let elsewhere = Path::new("/proc/self/comm-of-nobody");
        assert_eq!(draft(&folder.path().join("file")).link(elsewhere).unwrap(), Placed::Unable);
        assert!(names(folder.path()).is_empty());
    }
}
