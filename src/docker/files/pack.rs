//! Packs files of this machine into a tar archive, piece by piece, in a thread of its own. Times are whole seconds, as
//! from Docker's CLI.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    fs::{File, Metadata},
    io::{self, Read},
    os::unix::{
        ffi::OsStrExt,
        fs::{FileTypeExt, MetadataExt},
    },
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use tar::{EntryType, Header};
use tokio::sync::mpsc;

use crate::{
    docker::{
        files::{
            entry::BLOCK,
            glob,
            hidden::unreached,
            report::{CopyReport, unreadable},
        },
        thread,
    },
    error::{Error, ErrorKind},
};

/// The size of a piece, in bytes.
const PIECE: usize = 64 << 10;
/// How many pieces may wait for the network.
const WAITING: usize = 16;
/// The longest name or link target that fits into a header.
const IN_HEADER: usize = 100;
/// The largest value of a file's capabilities, in bytes.
const CAPABILITY: usize = 64;

/// A file or folder to pack.
#[derive(Debug)]
pub(crate) struct Item {
    /// Its path on this machine; `None` for a parent folder that is only made up.
    path: Option<PathBuf>,
    name: PathBuf,
    owner: Option<(u32, u32)>,
}

impl Item {
    /// The file or folder at `path`, with all below, under `name`. If the name is a dot: the content of the folder
    /// only.
    pub(crate) fn of(path: PathBuf, name: impl Into<PathBuf>) -> Self {
        Self { path: Some(path), name: name.into(), owner: None }
    }

    /// A folder that belongs to root.
    pub(crate) fn folder(name: impl Into<PathBuf>) -> Self {
        Self { path: None, name: name.into(), owner: None }
    }

    /// The same item, owned by this user and group.
    pub(crate) fn owned_by(self, owner: Option<(u32, u32)>) -> Self {
        Self { owner, ..self }
    }
}

/// An archive of one file that belongs to root.
pub(crate) fn one_file(name: &str, mode: u32, content: &[u8]) -> Result<Vec<u8>, Error> {
    let mut header = Header::new_gnu();
    let named = header.set_path(name);
    named.map_err(|cause| Error::new(ErrorKind::File, format!("cannot pack {name}")).with_source(cause))?;
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    header.set_cksum();
    let end = content.len().next_multiple_of(BLOCK) - content.len() + 2 * BLOCK;
    Ok([header.as_bytes().as_slice(), content, &vec![0; end]].concat())
}

/// An archive that is being packed.
pub(crate) struct Packed {
    pub(crate) pieces: mpsc::Receiver<Result<Bytes, Error>>,
    pub(crate) copied: Arc<Mutex<CopyReport>>,
}

impl Packed {
    /// Packs the items without the paths that a pattern in `exclude` matches. A path in `lost`, the container's tmpfs
    /// mounts, is an error.
    pub(crate) fn start(items: Vec<Item>, exclude: Vec<String>, lost: Vec<PathBuf>) -> Result<Self, Error> {
        Self::spawn(move |writer| {
            let mut packer = Packer { writer, exclude, lost, owner: None, linked: HashMap::new() };
            items.iter().try_for_each(|item| packer.item(item))?;
            packer.writer.write(&[0; 2 * BLOCK])
        })
    }

    /// Passes an archive on unchanged.
    pub(crate) fn of_archive(mut archive: impl Read + Send + 'static) -> Result<Self, Error> {
        Self::spawn(move |writer| {
            loop {
                let mut piece = vec![0; PIECE];
                let read =
                    archive.read(&mut piece).map_err(|cause| unreadable(Path::new("the archive"), cause))?;
                if read == 0 {
                    return Ok(());
                }
                piece.truncate(read);
                writer.count(read as u64);
                writer.send(piece)?;
            }
        })
    }

    fn spawn(work: impl FnOnce(&mut Writer) -> Result<(), Error> + Send + 'static) -> Result<Self, Error> {
        let (sender, pieces) = mpsc::channel(WAITING);
        let copied = Arc::new(Mutex::new(CopyReport::default()));
        let mut writer = Writer { sender, piece: Vec::new(), copied: Arc::clone(&copied) };
        let thread = thread::start("cube-pack", move || {
            // If the receiver is gone, it has its own error.
            if let Err(error) = work(&mut writer).and_then(|()| writer.flush()) {
                let _ = writer.sender.blocking_send(Err(error));
            }
        });
        thread.map_err(|cause| {
            Error::new(ErrorKind::Output, "cannot start a thread that reads files").with_source(cause)
        })?;
        Ok(Self { pieces, copied })
    }
}

struct Writer {
    sender: mpsc::Sender<Result<Bytes, Error>>,
    piece: Vec<u8>,
    copied: Arc<Mutex<CopyReport>>,
}

impl Writer {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE { self.flush() } else { Ok(()) }
    }

    fn pad(&mut self, size: u64) -> Result<(), Error> {
        let padding = usize::try_from(size.wrapping_neg() % BLOCK as u64).unwrap_or_default();
        self.write([0; BLOCK].get(..padding).unwrap_or_default())
    }

    /// Packs exactly `size` bytes of a file.
    fn file(&mut self, mut file: File, size: u64) -> io::Result<Result<(), Error>> {
        let mut left = size;
        while left > 0 {
            let room = PIECE.saturating_sub(self.piece.len()) as u64;
            self.piece.reserve_exact(usize::try_from(room).unwrap_or_default());
            let read = file.by_ref().take(left.min(room)).read_to_end(&mut self.piece)? as u64;
            if read == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "it became shorter while it was read",
                ));
            }
            left -= read;
            if self.piece.len() >= PIECE
                && let Err(error) = self.flush()
            {
                return Ok(Err(error));
            }
        }
        self.count(size);
        Ok(self.pad(size))
    }

    fn flush(&mut self) -> Result<(), Error> {
        let piece = std::mem::take(&mut self.piece);
        if piece.is_empty() { Ok(()) } else { self.send(piece) }
    }

    fn send(&mut self, piece: Vec<u8>) -> Result<(), Error> {
        let sent = self.sender.blocking_send(Ok(piece.into()));
        sent.map_err(|_| Error::new(ErrorKind::ConnectionLost, "the archive is not taken any more"))
    }

    fn count(&self, bytes: u64) {
        self.copied.lock().unwrap_or_else(PoisonError::into_inner).bytes += bytes;
    }

    fn leave_out(&self, path: &Path, what: &str) {
        let mut copied = self.copied.lock().unwrap_or_else(PoisonError::into_inner);
        copied.leave_out(path.as_os_str().as_bytes(), what);
    }
}

struct Packer<'a> {
    writer: &'a mut Writer,
    exclude: Vec<String>,
    lost: Vec<PathBuf>,
    owner: Option<(u32, u32)>,
    /// The packed names of files with several hard links, by device and inode.
    linked: HashMap<(u64, u64), PathBuf>,
}

impl Packer<'_> {
    fn item(&mut self, item: &Item) -> Result<(), Error> {
        self.owner = item.owner;
        if let Some(path) = &item.path {
            return self.entry(path, &item.name, &mut Vec::new());
        }
        self.head(plain_header(EntryType::Directory, 0o755, now()), &folder_name(&item.name), b"")
    }

    /// Packs one file or folder, with all below.
    fn entry(&mut self, path: &Path, name: &Path, below: &mut Vec<OsString>) -> Result<(), Error> {
        if let Some(tmpfs) = self.lost.iter().find(|tmpfs| name.starts_with(tmpfs) && name != *tmpfs) {
            return Err(unreached(name, tmpfs, "a tmpfs"));
        }
        let metadata = path.symlink_metadata().map_err(|cause| unreadable(path, cause))?;
        let kind = metadata.file_type();
        if kind.is_dir() {
            if name != Path::new(".") {
                self.head(self.header(&metadata, EntryType::Directory), &folder_name(name), b"")?;
            }
            self.content(path, name, below)
        } else if kind.is_socket() {
            self.writer.leave_out(path, "a socket");
            Ok(())
        } else if let Some(first) = self.first_of(&metadata, name) {
            let target = first.into_os_string();
            self.head(self.header(&metadata, EntryType::Link), name.as_os_str().as_bytes(), target.as_bytes())
        } else if kind.is_symlink() {
            let target = std::fs::read_link(path).map_err(|cause| unreadable(path, cause))?;
            let target = target.as_os_str().as_bytes();
            self.head(self.header(&metadata, EntryType::Symlink), name.as_os_str().as_bytes(), target)
        } else if kind.is_file() {
            self.file(path, name)
        } else {
            self.special(&metadata, name)
        }
    }

    fn content(&mut self, path: &Path, name: &Path, below: &mut Vec<OsString>) -> Result<(), Error> {
        for entry in std::fs::read_dir(path).map_err(|cause| unreadable(path, cause))? {
            let entry = entry.map_err(|cause| unreadable(path, cause))?;
            below.push(entry.file_name());
            if !self.is_excluded(below) {
                let inner = if name == Path::new(".") {
                    entry.file_name().into()
                } else {
                    name.join(entry.file_name())
                };
                self.entry(&entry.path(), &inner, below)?;
            }
            below.pop();
        }
        Ok(())
    }

    fn is_excluded(&self, below: &[OsString]) -> bool {
        let parts: Vec<&[u8]> = below.iter().map(|part| part.as_bytes()).collect();
        self.exclude.iter().any(|pattern| glob::excludes(pattern, &parts))
    }

    fn file(&mut self, path: &Path, name: &Path) -> Result<(), Error> {
        let file = File::open(path).map_err(|cause| unreadable(path, cause))?;
        // The metadata of the open file: the path may have changed since it was looked at.
        let metadata = file.metadata().map_err(|cause| unreadable(path, cause))?;
        let mut capability = [0; CAPABILITY];
        if let Ok(length) = rustix::fs::fgetxattr(&file, "security.capability", &mut capability) {
            self.capability(capability.get(..length).unwrap_or_default())?;
        }
        let mut header = self.header(&metadata, EntryType::Regular);
        header.set_size(metadata.len());
        self.head(header, name.as_os_str().as_bytes(), b"")?;
        self.writer.file(file, metadata.len()).map_err(|cause| unreadable(path, cause))?
    }

    fn special(&mut self, metadata: &Metadata, name: &Path) -> Result<(), Error> {
        let kind = metadata.file_type();
        let entry = match () {
            () if kind.is_fifo() => EntryType::Fifo,
            () if kind.is_block_device() => EntryType::Block,
            () => EntryType::Char,
        };
        let mut header = self.header(metadata, entry);
        let device = metadata.rdev();
        let set = header
            .set_device_major(rustix::fs::major(device))
            .and_then(|()| header.set_device_minor(rustix::fs::minor(device)));
        set.map_err(|cause| unreadable(name, cause))?;
        self.head(header, name.as_os_str().as_bytes(), b"")
    }

    fn header(&self, metadata: &Metadata, kind: EntryType) -> Header {
        let mut header = Header::new_gnu();
        let (uid, gid) = self.owner.unwrap_or((metadata.uid(), metadata.gid()));
        header.set_entry_type(kind);
        header.set_mode(metadata.mode() & 0o7777);
        header.set_uid(uid.into());
        header.set_gid(gid.into());
        header.set_mtime(u64::try_from(metadata.mtime()).unwrap_or_default());
        header.set_size(0);
        header
    }

    /// The name under which a hard link was already packed; `None` if this is the first.
    fn first_of(&mut self, metadata: &Metadata, name: &Path) -> Option<PathBuf> {
        if metadata.nlink() < 2 {
            return None;
        }
        let known = self.linked.get(&(metadata.dev(), metadata.ino())).cloned();
        if known.is_none() {
            self.linked.insert((metadata.dev(), metadata.ino()), name.to_owned());
        }
        known
    }

    /// Writes an entry's header, and before it records for values that do not fit.
    fn head(&mut self, mut header: Header, name: &[u8], target: &[u8]) -> Result<(), Error> {
        for (kind, text) in [(EntryType::GNULongName, name), (EntryType::GNULongLink, target)] {
            if text.len() > IN_HEADER {
                self.record(kind, &[text, b"\0"].concat())?;
            }
        }
        let old = header.as_old_mut();
        old.name.iter_mut().zip(name).for_each(|(at, byte)| *at = *byte);
        old.linkname.iter_mut().zip(target).for_each(|(at, byte)| *at = *byte);
        header.set_cksum();
        self.writer.write(header.as_bytes())
    }

    fn record(&mut self, kind: EntryType, data: &[u8]) -> Result<(), Error> {
        let mut header = plain_header(kind, 0o644, 0);
        header.set_size(data.len() as u64);
        self.head(header, b"././@LongLink", b"")?;
        self.writer.write(data)?;
        self.writer.pad(data.len() as u64)
    }

    fn capability(&mut self, value: &[u8]) -> Result<(), Error> {
        let record = [b" SCHILY.xattr.security.capability=", value, b"\n"].concat();
        // The length includes its own two digits.
        let length = record.len() + 2;
        self.record(EntryType::XHeader, &[length.to_string().as_bytes(), &record].concat())
    }
}

/// A header of an entry that belongs to root.
fn plain_header(kind: EntryType, mode: u32, modified: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(modified);
    header.set_size(0);
    header
}

fn folder_name(name: &Path) -> Vec<u8> {
    [name.as_os_str().as_bytes(), b"/"].concat()
}

fn now() -> u64 {
    std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs())
}

/// The last part of a path: the name of a copy in a target folder.
pub(crate) fn base_name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or(OsStr::new("."))
}
