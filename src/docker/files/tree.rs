//! Writes entries into a folder of this machine, and never outside it: each folder is opened from its open parent
//! without following links, and existing files are replaced, never written to.

use std::{
    ffi::OsStr,
    io,
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStrExt, fs::MetadataExt},
    },
};

use rustix::{
    fs::{
        AtFlags, Dir, Mode, OFlags, Timespec, Timestamps, XattrFlags, fchmod, fsetxattr, futimens, linkat,
        mkdirat, openat, renameat, symlinkat, unlinkat, utimensat,
    },
    io::Errno,
};

use crate::docker::files::{entry::Entry, place::draft_name};

/// The mode of a folder that has no entry of its own in the archive.
const IMPLIED: u32 = 0o755;

/// The folder, and the open folders on the path to the last entry.
pub(crate) struct Tree {
    root: OwnedFd,
    way: Vec<Folder>,
    /// Part of the temporary names of files.
    tag: String,
    /// Whether the whole folder is new, and gets its name only when it is complete.
    fresh: bool,
    /// Whether a mode or a time was not kept, which the file system does not have.
    unkept: bool,
}

struct Folder {
    name: Vec<u8>,
    fd: OwnedFd,
    /// The mode and time to set when nothing more is written below.
    last: Option<(u32, i64)>,
}

/// A file that gets its name only when it is complete.
pub(crate) struct Draft {
    pub(crate) file: std::fs::File,
    folder: OwnedFd,
    until_then: Option<Vec<u8>>,
    name: Vec<u8>,
}

impl Tree {
    pub(crate) fn new(root: OwnedFd, tag: &str, fresh: bool) -> Self {
        Self { root, way: Vec::new(), tag: tag.to_owned(), fresh, unkept: false }
    }

    /// Makes a folder, or uses an existing one. Its mode and time are set later, when it is left.
    pub(crate) fn folder(&mut self, path: &[&[u8]], entry: &Entry) -> io::Result<()> {
        let Some((name, parents)) = path.split_last() else { return Ok(()) };
        self.enter(parents)?;
        let fd = opened(self.here(), name, entry.mode)?;
        self.way.push(Folder { name: name.to_vec(), fd, last: Some((entry.mode, entry.modified)) });
        Ok(())
    }

    /// Begins a file.
    pub(crate) fn file(&mut self, path: &[&[u8]]) -> io::Result<Draft> {
        let name = self.enter_parents(path)?;
        let folder = self.here().try_clone()?;
        let made = if self.fresh { create(&folder, name) } else { Err(Errno::EXIST) };
        match made {
            Ok(file) => Ok(Draft { file, folder, until_then: None, name: name.to_vec() }),
            Err(Errno::EXIST) => {
                if self.fresh && !is_listed(&folder, name)? {
                    let reason = "another name that differs in case is taken for it";
                    return Err(io::Error::new(io::ErrorKind::AlreadyExists, reason));
                }
                let draft = draft_name(name, &self.tag);
                let _ = unlinkat(&folder, OsStr::from_bytes(&draft), AtFlags::empty());
                let file = create(&folder, &draft)?;
                Ok(Draft { file, folder, until_then: Some(draft), name: name.to_vec() })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a symbolic link. Its target does not matter: nothing is written through it.
    pub(crate) fn link(&mut self, path: &[&[u8]], target: &[u8], modified: i64) -> io::Result<()> {
        let name = self.enter_parents(path)?;
        let target = OsStr::from_bytes(target);
        self.placed(name, |name| symlinkat(target, self.here(), OsStr::from_bytes(name)))?;
        Ok(utimensat(self.here(), OsStr::from_bytes(name), &times(modified), AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// Makes another name for an earlier entry; a copy of it where the file system has no hard links.
    pub(crate) fn hard_link(&mut self, path: &[&[u8]], target: &[&[u8]]) -> io::Result<()> {
        let Some((old, parents)) = target.split_last() else { return Err(Errno::NOENT.into()) };
        let mut from = self.root.try_clone()?;
        for part in parents {
            from = open_folder(&from, part)?;
        }
        let name = self.enter_parents(path)?;
        let linked = self.placed(name, |name| {
            let (old, name) = (OsStr::from_bytes(old), OsStr::from_bytes(name));
            linkat(&from, old, self.here(), name, AtFlags::empty())
        });
        match linked {
            Err(error) if is_lacking(&error) => self.copy_of(&from, old, path),
            linked => linked,
        }
    }

    fn copy_of(&mut self, from: &OwnedFd, old: &[u8], path: &[&[u8]]) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut file = std::fs::File::from(openat(from, OsStr::from_bytes(old), flags, Mode::empty())?);
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(Errno::ISDIR.into());
        }
        let mut draft = self.file(path)?;
        match io::copy(&mut file, &mut draft.file) {
            Ok(_) => self.name(draft, found.mode(), found.mtime(), None),
            Err(error) => {
                draft.discard();
                Err(error)
            }
        }
    }

    /// Gives a file that is written its mode, its time and its name.
    pub(crate) fn name(
        &mut self,
        draft: Draft,
        mode: u32,
        modified: i64,
        capability: Option<&[u8]>,
    ) -> io::Result<()> {
        self.unkept |= !draft.finish(mode, modified, capability)?;
        Ok(())
    }

    /// Leaves all folders. Whether all modes and times were kept.
    pub(crate) fn finish(mut self) -> io::Result<bool> {
        self.leave(0)?;
        Ok(!self.unkept)
    }

    fn here(&self) -> &OwnedFd {
        self.way.last().map_or(&self.root, |folder| &folder.fd)
    }

    /// Makes `name` with `make`. If it exists, makes a temporary name first and renames it over the existing one.
    fn placed(&self, name: &[u8], make: impl Fn(&[u8]) -> Result<(), Errno>) -> io::Result<()> {
        match make(name) {
            Err(Errno::EXIST) => {}
            done => return Ok(done?),
        }
        let draft = draft_name(name, &self.tag);
        let _ = unlinkat(self.here(), OsStr::from_bytes(&draft), AtFlags::empty());
        make(&draft)?;
        replace(self.here(), &draft, name)?;
        // Renaming one name of a file to another name of the same file does nothing, so the temporary one is removed.
        let _ = unlinkat(self.here(), OsStr::from_bytes(&draft), AtFlags::empty());
        Ok(())
    }

    fn enter_parents<'a>(&mut self, path: &[&'a [u8]]) -> io::Result<&'a [u8]> {
        let Some((name, parents)) = path.split_last() else { return Err(Errno::ISDIR.into()) };
        self.enter(parents)?;
        Ok(name)
    }

    fn enter(&mut self, parents: &[&[u8]]) -> io::Result<()> {
        let same = self.way.iter().zip(parents).take_while(|(folder, name)| folder.name == **name).count();
        self.leave(same)?;
        for name in parents.iter().skip(same) {
            let fd = opened(self.here(), name, IMPLIED)?;
            self.way.push(Folder { name: name.to_vec(), fd, last: None });
        }
        Ok(())
    }

    /// Leaves the open folders after the first `kept`, and sets their modes and times.
    fn leave(&mut self, kept: usize) -> io::Result<()> {
        while self.way.len() > kept {
            if let Some(Folder { fd, last: Some((mode, modified)), .. }) = self.way.pop() {
                self.unkept |= !finish(&fd, mode, modified)?;
            }
        }
        Ok(())
    }
}

impl Draft {
    /// Returns whether mode and time were kept.
    fn finish(self, mode: u32, modified: i64, capability: Option<&[u8]>) -> io::Result<bool> {
        if let Some(capability) = capability {
            // Needs root and support by the file system. As with Docker, a failure is ignored.
            let _ = fsetxattr(&self.file, "security.capability", capability, XattrFlags::empty());
        }
        let kept = finish(&self.file, mode, modified)?;
        if let Some(draft) = &self.until_then {
            replace(&self.folder, draft, &self.name)?;
        }
        Ok(kept)
    }

    /// Removes what was written.
    pub(crate) fn discard(self) {
        let name = self.until_then.as_ref().unwrap_or(&self.name);
        let _ = unlinkat(&self.folder, OsStr::from_bytes(name), AtFlags::empty());
    }
}

fn create(folder: &OwnedFd, name: &[u8]) -> Result<std::fs::File, Errno> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = openat(folder, OsStr::from_bytes(name), flags, Mode::RUSR | Mode::WUSR)?;
    Ok(fd.into())
}

fn replace(folder: &OwnedFd, draft: &[u8], name: &[u8]) -> io::Result<()> {
    let (draft, name) = (OsStr::from_bytes(draft), OsStr::from_bytes(name));
    renameat(folder, draft, folder, name).map_err(|error| {
        let _ = unlinkat(folder, draft, AtFlags::empty());
        error.into()
    })
}

/// Opens the folder `name` in `parent`, and makes it if it is missing. It is writable until it is left.
fn opened(parent: &OwnedFd, name: &[u8], mode: u32) -> io::Result<OwnedFd> {
    match mkdirat(parent, OsStr::from_bytes(name), Mode::from_raw_mode(mode & 0o777 | 0o700)) {
        Ok(()) | Err(Errno::EXIST) => open_folder(parent, name),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn open_folder(parent: &OwnedFd, name: &[u8]) -> io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
    Ok(openat(parent, OsStr::from_bytes(name), flags, Mode::empty())?)
}

/// Sets mode and time; whether the file system has them.
fn finish(fd: impl std::os::fd::AsFd, mode: u32, modified: i64) -> io::Result<bool> {
    let kept = [fchmod(&fd, Mode::from_raw_mode(mode & 0o7777)), futimens(&fd, &times(modified))];
    kept.into_iter().try_fold(true, |all, kept| match kept.map_err(io::Error::from) {
        Err(error) if is_lacking(&error) => Ok(false),
        kept => kept.map(|()| all),
    })
}

/// Whether an error says that the file system has nothing of that kind: links, modes, times of others' files.
pub(crate) fn is_lacking(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::PERM | Errno::NOSYS | Errno::OPNOTSUPP))
}

/// Whether a folder has this very name: some file systems take `File` for `file`.
fn is_listed(folder: &OwnedFd, name: &[u8]) -> io::Result<bool> {
    for entry in Dir::read_from(folder)? {
        if entry?.file_name().to_bytes() == name {
            return Ok(true);
        }
    }
    Ok(false)
}

/// As with Docker, the access time is the modification time.
fn times(modified: i64) -> Timestamps {
    let time = Timespec { tv_sec: modified, tv_nsec: 0 };
    Timestamps { last_access: time, last_modification: time }
}
