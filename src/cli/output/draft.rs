//! Writes a file under a temporary name and renames it when it is complete. The temporary name is random and the file
//! is always a new one, so that no link is followed and no other file is overwritten.

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

/// A file under its temporary name; removed unless it gets its final one.
pub struct NewFile {
    path: PathBuf,
    /// The file to write to.
    pub file: File,
}

/// The result of [`NewFile::place`].
#[derive(Debug, PartialEq, Eq)]
pub enum Placed {
    Done,
    /// This file system cannot rename without replacing an existing file.
    Unable,
}

impl NewFile {
    /// A new file in the folder of `path`.
    pub fn beside(path: &Path) -> io::Result<Self> {
        let draft = path.with_file_name(format!(".cube-{}", random_id().simple()));
        let file = File::options().write(true).create_new(true).open(&draft)?;
        Ok(Self { path: draft, file })
    }

    /// Renames it to `path`, replacing whatever has that name, even a link.
    pub fn replace(self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)
    }

    /// Renames it to `path` if nothing has that name: [`io::ErrorKind::AlreadyExists`] otherwise.
    pub fn place(self, path: &Path) -> io::Result<Placed> {
        match renameat_with(CWD, &self.path, CWD, path, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => self.link(path),
            placed => Ok(placed.map(|()| Placed::Done)?),
        }
    }

    /// The same by a hard link, where renaming would replace an existing file.
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
        // Fails if it was renamed, which is right.
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
    fn an_existing_file_is_kept_or_replaced_and_never_written_through() {
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
    fn a_file_system_without_hard_links_is_not_an_error() {
        let folder = tempfile::tempdir().unwrap();
        // No link goes to another file system.
        let elsewhere = Path::new("/proc/self/comm-of-nobody");
        assert_eq!(draft(&folder.path().join("file")).link(elsewhere).unwrap(), Placed::Unable);
        assert!(names(folder.path()).is_empty());
    }
}
