//! Unpacks an archive from a container onto this machine's disk. It runs in a thread of its own, so that the network
//! does not wait for the disk.

use std::{
    ffi::OsStr,
    io::{self, Write},
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::Path,
    thread::JoinHandle,
};

use bytes::Bytes;
use rustix::{
    fs::{AtFlags, FileType, renameat, statat},
    io::Errno,
};
use tokio::sync::{mpsc, oneshot};

use crate::{
    docker::{
        files::{
            archive::{Archive, Pieces},
            damage::Damage,
            entry::{Entry, EntryKind},
            place::{Place, Spot, SpotEnd, draft_name, parts},
            report::CopyReport,
            stat::PathStat,
            tree::{Tree, is_lacking},
        },
        thread,
    },
    error::{Error, ErrorKind},
};

/// How many pieces may wait for the disk.
const WAITING: usize = 16;

/// Where an archive is unpacked.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) place: Place,
    /// Whether all names in the archive begin with the name that the copied file or folder has in the container.
    pub(crate) strip: bool,
    /// The folder whose content is copied. Docker has it as the first entry, podman leaves it out.
    pub(crate) content_of: Option<Entry>,
    /// Part of the temporary names, so that no other process uses them.
    pub(crate) tag: String,
}

/// An archive that is being unpacked. If it is dropped before the end, what was written is removed.
pub(crate) struct Unpacking {
    pieces: Option<mpsc::Sender<Bytes>>,
    done: oneshot::Receiver<Result<CopyReport, Error>>,
    thread: Option<JoinHandle<()>>,
}

struct Received(mpsc::Receiver<Bytes>);

impl Pieces for Received {
    fn next(&mut self) -> Option<Bytes> {
        self.0.blocking_recv()
    }
}

impl Unpacking {
    pub(crate) fn start(target: Target) -> Result<Self, Error> {
        let (pieces, received) = mpsc::channel(WAITING);
        let (ended, done) = oneshot::channel();
        let thread =
            thread::start("cube-unpack", move || drop(ended.send(unpack(Received(received), &target))));
        let thread = thread.map_err(|cause| {
            Error::new(ErrorKind::Output, "cannot start a thread that writes files").with_source(cause)
        })?;
        Ok(Self { pieces: Some(pieces), done, thread: Some(thread) })
    }

    /// Passes a piece on. `false` if no more is needed: unpacking has ended or failed.
    pub(crate) async fn feed(&mut self, piece: Bytes) -> bool {
        match &self.pieces {
            Some(pieces) => pieces.send(piece).await.is_ok(),
            None => false,
        }
    }

    /// Waits for the result, after all pieces were passed on.
    pub(crate) async fn finish(mut self) -> Result<CopyReport, Error> {
        self.pieces = None;
        match (&mut self.done).await {
            Ok(done) => done,
            Err(_) => Err(Error::new(ErrorKind::Output, "the thread that writes files ended without a word")),
        }
    }
}

impl Drop for Unpacking {
    fn drop(&mut self) {
        self.pieces = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The folder that is written to, and its final name.
struct Root {
    folder: OwnedFd,
    /// The prefix of all paths in it.
    top: Option<Vec<u8>>,
    /// The name that it gets when it is complete.
    named: Option<Vec<u8>>,
}

/// Writes an archive to its place.
pub(crate) fn unpack(pieces: impl Pieces, target: &Target) -> Result<CopyReport, Error> {
    let mut archive = Archive::new(pieces);
    let first = archive.next().map_err(of_archive)?;
    let implied = target.content_of.clone().filter(|_| !first.as_ref().is_some_and(is_the_folder_itself));
    let begin: Vec<Entry> = implied.into_iter().chain(first).collect();
    let Some(top) = begin.first() else {
        return Err(of_archive(Damage::Malformed("there is nothing in it")));
    };
    let root = Root::open(target, top)?;
    let done = root.fill(&mut archive, &begin, target);
    if done.is_err()
        && let (Some(top), Some(_)) = (&root.top, &root.named)
    {
        remove_draft(target, top);
    }
    done
}

/// Whether an entry is the folder whose content follows.
fn is_the_folder_itself(entry: &Entry) -> bool {
    entry.kind == EntryKind::Folder && parts(&entry.name, false).as_ref().is_some_and(Vec::is_empty)
}

impl Root {
    fn open(target: &Target, first: &Entry) -> Result<Self, Error> {
        let (Place::Content(path) | Place::Named { folder: path, .. }) = &target.place;
        let folder = std::fs::File::open(path).map_err(|cause| unwritable(Path::new(path), cause))?;
        let folder = OwnedFd::from(folder);
        let Place::Named { name, .. } = &target.place else {
            return Ok(Self { folder, top: None, named: None });
        };
        let name = name.as_bytes().to_vec();
        match (first.kind == EntryKind::Folder, kind_of(&folder, &name)) {
            (true, Some(FileType::Directory)) => return Ok(Self { folder, top: Some(name), named: None }),
            (true, Some(_)) => return Err(unwritable(&target.path(), Errno::NOTDIR.into())),
            (false, Some(FileType::Directory)) => {
                return Err(unwritable(&target.path(), Errno::ISDIR.into()));
            }
            (_, _) => {}
        }
        let draft = draft_name(&name, &target.tag);
        // A draft of an earlier try that was killed.
        remove_draft(target, &draft);
        Ok(Self { folder, top: Some(draft), named: Some(name) })
    }

    fn fill<P: Pieces>(
        &self,
        archive: &mut Archive<P>,
        begin: &[Entry],
        target: &Target,
    ) -> Result<CopyReport, Error> {
        let folder = self.folder.try_clone().map_err(|cause| unwritable(&target.path(), cause))?;
        let mut tree = Tree::new(folder, &target.tag, self.named.is_some());
        let mut copied = CopyReport::default();
        for entry in begin {
            self.write(&mut tree, archive, entry, target, &mut copied)?;
        }
        while let Some(entry) = archive.next().map_err(of_archive)? {
            self.write(&mut tree, archive, &entry, target, &mut copied)?;
        }
        copied.unkept = !tree.finish().map_err(|cause| unwritable(&target.path(), cause))?;
        self.give_name(target, &copied)?;
        Ok(copied)
    }

    fn write<P: Pieces>(
        &self,
        tree: &mut Tree,
        archive: &mut Archive<P>,
        entry: &Entry,
        target: &Target,
        copied: &mut CopyReport,
    ) -> Result<(), Error> {
        let Some(path) = self.path(&entry.name, target.strip) else {
            return Err(of_archive(Damage::Malformed("a name in it leads out of its folder")));
        };
        let written = match &entry.kind {
            EntryKind::Folder => tree.folder(&path, entry),
            EntryKind::File => {
                let written = write_file(tree, archive, entry, &path, copied);
                return written.map_err(|broken| target.broken(entry, broken));
            }
            EntryKind::Link(target) => match tree.link(&path, target, entry.modified) {
                Err(error) if is_lacking(&error) => {
                    copied.leave_out(&entry.name, "a link: the target's file system has none");
                    Ok(())
                }
                linked => linked,
            },
            EntryKind::HardLink(other) => match self.hard_link(tree, &path, other, target.strip) {
                Err(error) if is_missing(&error) => {
                    copied.leave_out(&entry.name, "a hard link to what is not copied");
                    Ok(())
                }
                linked => linked,
            },
            EntryKind::Other(what) => {
                copied.leave_out(&entry.name, what);
                Ok(())
            }
        };
        written.map_err(|cause| target.failed(entry, cause))
    }

    fn hard_link(&self, tree: &mut Tree, path: &[&[u8]], other: &[u8], strip: bool) -> io::Result<()> {
        match self.path(other, strip) {
            Some(other) => tree.hard_link(path, &other),
            None => Err(Errno::NOENT.into()),
        }
    }

    fn path<'a>(&'a self, name: &'a [u8], strip: bool) -> Option<Vec<&'a [u8]>> {
        let parts = parts(name, strip)?;
        Some(self.top.iter().map(Vec::as_slice).chain(parts).collect())
    }

    /// Gives the folder its name, when everything is written.
    fn give_name(&self, target: &Target, copied: &CopyReport) -> Result<(), Error> {
        let (Some(draft), Some(name)) = (&self.top, &self.named) else { return Ok(()) };
        let (draft, name) = (OsStr::from_bytes(draft), OsStr::from_bytes(name));
        match renameat(&self.folder, draft, &self.folder, name) {
            Ok(()) => Ok(()),
            Err(Errno::NOENT) if !copied.left_out.is_empty() => {
                let what = copied.left_out.join(", ");
                Err(Error::new(ErrorKind::File, format!("there is nothing to copy but {what}"))
                    .with_hint("name a file or a folder"))
            }
            Err(error) => Err(unwritable(&target.path(), error.into())),
        }
    }
}

/// Why a file is incomplete.
enum Broken {
    Disk(io::Error),
    Archive(Damage),
}

fn write_file<P: Pieces>(
    tree: &mut Tree,
    archive: &mut Archive<P>,
    entry: &Entry,
    path: &[&[u8]],
    copied: &mut CopyReport,
) -> Result<(), Broken> {
    let mut draft = tree.file(path).map_err(Broken::Disk)?;
    loop {
        let written = match archive.data() {
            Ok(None) => {
                let capability = entry.capability.as_deref();
                return tree.name(draft, entry.mode, entry.modified, capability).map_err(Broken::Disk);
            }
            Ok(Some(piece)) => {
                copied.bytes += piece.len() as u64;
                draft.file.write_all(&piece).map_err(Broken::Disk)
            }
            Err(damage) => Err(Broken::Archive(damage)),
        };
        if let Err(broken) = written {
            draft.discard();
            return Err(broken);
        }
    }
}

/// Whether the target of a hard link was left out or never existed.
fn is_missing(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOENT | Errno::NOTDIR | Errno::ISDIR | Errno::LOOP))
}

fn kind_of(folder: &OwnedFd, name: &[u8]) -> Option<FileType> {
    let found = statat(folder, OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW).ok()?;
    Some(FileType::from_raw_mode(found.st_mode))
}

impl Target {
    /// `place` for what is at `from`, which the engine describes as `found`.
    pub(crate) fn of(place: Place, from: &Spot, found: &PathStat, tag: String) -> Self {
        let strip = from.end != SpotEnd::Content;
        let content_of = (!strip && found.is_folder())
            .then(|| Entry::folder(b"./", found.permissions(), found.modified()));
        Self { place, strip, content_of, tag }
    }

    /// Its final path.
    pub(crate) fn path(&self) -> std::path::PathBuf {
        match &self.place {
            Place::Content(folder) => folder.into(),
            Place::Named { folder, name } => Path::new(folder).join(name),
        }
    }

    /// The error for an entry that cannot be written, with its final path.
    fn failed(&self, entry: &Entry, cause: io::Error) -> Error {
        let mut path = self.path();
        path.extend(parts(&entry.name, self.strip).into_iter().flatten().map(OsStr::from_bytes));
        unwritable(&path, cause)
    }

    fn broken(&self, entry: &Entry, broken: Broken) -> Error {
        match broken {
            Broken::Disk(cause) => self.failed(entry, cause),
            Broken::Archive(damage) => of_archive(damage),
        }
    }
}

/// Removes what an earlier try or a failure left, even read-only folders.
fn remove_draft(target: &Target, draft: &[u8]) {
    let Place::Named { folder, .. } = &target.place else { return };
    let path = Path::new(folder).join(OsStr::from_bytes(draft));
    if std::fs::remove_file(&path).is_err() && path.is_dir() && std::fs::remove_dir_all(&path).is_err() {
        open_up(&path);
        let _ = std::fs::remove_dir_all(&path);
    }
}

fn open_up(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let _ = std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700));
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(&entry.path());
        }
    }
}

pub(crate) fn of_archive(damage: Damage) -> Error {
    match damage {
        // podman answers like this after a container's end, until it has cleaned up.
        Damage::Empty => Error::new(ErrorKind::ConnectionLost, "the engine sent nothing of the archive")
            .with_hint("a container that ends at this moment gives none: copy again"),
        Damage::Torn => Error::new(ErrorKind::BadAnswer, "the archive from the engine came torn")
            .with_hint("a file that changes while it is read tears it: copy again, or from a stopped task"),
        Damage::Malformed(reason) => {
            Error::new(ErrorKind::BadAnswer, format!("the archive from the engine cannot be used: {reason}"))
                .with_hint("`cube cp TASK:PATH - | tar -tv` lists what is in it")
        }
    }
}

/// Where names are restricted, as on FAT.
const OTHER_FILE_SYSTEM: &str = "the file system there may not hold such a name: choose a target on another one, or \
                                 keep all in an archive by `cube cp TASK:PATH - >FILE.tar`";

fn unwritable(path: &Path, cause: io::Error) -> Error {
    let hint = match Errno::from_io_error(&cause) {
        Some(Errno::NOTDIR | Errno::ISDIR | Errno::LOOP | Errno::NOTEMPTY | Errno::EXIST) => {
            "a folder and a file or a link of one name are in each other's way: choose another target"
        }
        Some(Errno::NOSPC | Errno::DQUOT) => "make room on this machine's disk",
        Some(Errno::PERM | Errno::INVAL | Errno::NAMETOOLONG | Errno::ILSEQ) => OTHER_FILE_SYSTEM,
        None if cause.kind() == io::ErrorKind::AlreadyExists => OTHER_FILE_SYSTEM,
        _ => "see whether its folder is there and may be written to",
    };
    let message = format!("cannot write {}", path.display());
    Error::new(ErrorKind::File, message).with_source(cause).with_hint(hint)
}

#[cfg(test)]
mod tests;
