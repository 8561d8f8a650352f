//! The header of one entry of a tar archive: the block itself, and the extension records that change it.

use tar::{EntryType, Header};

use crate::docker::files::damage::{Damage, damaged};

/// The block size of a tar archive, in bytes.
pub(crate) const BLOCK: usize = 512;
/// The longest name that Linux takes, in bytes.
const LONGEST_NAME: usize = 4096;

/// The kinds of entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    File,
    Folder,
    /// A symbolic link, with its target.
    Link(Vec<u8>),
    /// Another name of an earlier entry.
    HardLink(Vec<u8>),
    /// Something that cannot be copied, with the reason.
    Other(&'static str),
}

/// The header of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) kind: EntryKind,
    /// Permissions, with the set-user-id, set-group-id and sticky bits.
    pub(crate) mode: u32,
    /// Seconds since 1970; as with Docker, earlier times become 1970.
    pub(crate) modified: i64,
    /// How many bytes of data follow.
    pub(crate) size: u64,
    /// The value of `security.capability`.
    pub(crate) capability: Option<Vec<u8>>,
}

impl Entry {
    /// A folder.
    pub(crate) fn folder(name: &[u8], mode: u32, modified: i64) -> Self {
        Self { name: name.to_vec(), kind: EntryKind::Folder, mode, modified, size: 0, capability: None }
    }
}

/// The extension records before an entry.
#[derive(Debug, Default)]
pub(crate) struct Extensions {
    name: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
    modified: Option<i64>,
    capability: Option<Vec<u8>>,
}

impl Extensions {
    pub(crate) fn set_long_name(&mut self, text: &[u8]) -> Result<(), Damage> {
        self.name = Some(checked_name(until_nul(text))?);
        Ok(())
    }

    pub(crate) fn set_long_target(&mut self, text: &[u8]) -> Result<(), Damage> {
        self.target = Some(checked_name(until_nul(text))?);
        Ok(())
    }

    /// Reads records of the form `LENGTH KEY=VALUE\n`; the length is that of the whole record.
    pub(crate) fn read_records(&mut self, mut text: &[u8]) -> Result<(), Damage> {
        while !text.is_empty() {
            let (record, rest) = record(text).ok_or_else(|| damaged("an extension record is malformed"))?;
            let equals = record.iter().position(|byte| *byte == b'=');
            let (key, value) = equals.and_then(|at| record.split_at_checked(at)).unwrap_or((record, b""));
            self.set(key, value.get(1..).unwrap_or_default())?;
            text = rest;
        }
        Ok(())
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), Damage> {
        match key {
            b"path" => self.name = Some(checked_name(value)?),
            b"linkpath" => self.target = Some(checked_name(value)?),
            b"size" => self.size = Some(number(value)?),
            b"mtime" => self.modified = Some(seconds(value)?),
            b"SCHILY.xattr.security.capability" => self.capability = Some(value.to_vec()),
            _ if key.starts_with(b"GNU.sparse.") => return Err(damaged("a sparse file is not supported")),
            _ => {}
        }
        Ok(())
    }
}

/// The first record of `text`, without its length, and what follows it.
fn record(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = text.iter().take(20).position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(text.get(..blank)?).ok()?.parse().ok()?;
    let (whole, rest) = text.split_at_checked(length)?;
    Some((whole.get(blank + 1..)?.strip_suffix(b"\n")?, rest))
}

fn number(value: &[u8]) -> Result<u64, Damage> {
    let text = std::str::from_utf8(value).ok();
    text.and_then(|text| text.parse().ok()).ok_or_else(|| damaged("a number is malformed"))
}

/// Whole seconds of `-1.5` or `1700000000.25`.
fn seconds(value: &[u8]) -> Result<i64, Damage> {
    let whole = value.split(|byte| *byte == b'.').next().unwrap_or_default();
    let text = std::str::from_utf8(whole).ok();
    text.and_then(|text| text.parse().ok()).ok_or_else(|| damaged("a time is malformed"))
}

fn until_nul(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn checked_name(name: &[u8]) -> Result<Vec<u8>, Damage> {
    match name {
        _ if name.len() > LONGEST_NAME => Err(damaged("a name is longer than 4096 bytes")),
        _ if name.contains(&0) => Err(damaged("a name holds a NUL byte")),
        _ => Ok(name.to_vec()),
    }
}

/// Whether the header's checksum is right.
pub(crate) fn is_whole(header: &Header) -> bool {
    let bytes = header.as_bytes();
    let sum: u32 = bytes
        .iter()
        .enumerate()
        .map(|(at, byte)| u32::from(if (148..156).contains(&at) { b' ' } else { *byte }))
        .sum();
    header.cksum().is_ok_and(|named| named == sum)
}

/// The entry that a header and the records before it describe.
pub(crate) fn entry(header: &Header, extensions: Extensions) -> Result<Entry, Damage> {
    let name = match extensions.name {
        Some(name) => name,
        None => checked_name(&header.path_bytes())?,
    };
    let target = match extensions.target {
        Some(target) => target,
        None => checked_name(&header.link_name_bytes().unwrap_or_default())?,
    };
    let kind = kind(header.entry_type(), &name, target)?;
    let named = extensions.size.map_or_else(|| header.entry_size(), Ok);
    let size = named.map_err(|_| damaged("a size is malformed"))?;
    // As in Go's reader, these kinds have no data, whatever their size says.
    let has_data = matches!(kind, EntryKind::File | EntryKind::Other(UNKNOWN));
    Ok(Entry {
        name,
        kind,
        mode: header.mode().map_err(|_| damaged("a mode is malformed"))? & 0o7777,
        modified: extensions.modified.unwrap_or_else(|| modified(header)).max(0),
        size: if has_data { size } else { 0 },
        capability: extensions.capability,
    })
}

/// The description of an unknown kind, which may have data.
const UNKNOWN: &str = "of an unknown kind";

fn kind(kind: EntryType, name: &[u8], target: Vec<u8>) -> Result<EntryKind, Damage> {
    Ok(match kind {
        // Before POSIX, only a slash at the end marked a folder.
        EntryType::Regular | EntryType::Continuous if name.ends_with(b"/") => EntryKind::Folder,
        EntryType::Regular | EntryType::Continuous => EntryKind::File,
        EntryType::Directory => EntryKind::Folder,
        EntryType::Symlink => EntryKind::Link(target),
        EntryType::Link => EntryKind::HardLink(target),
        EntryType::Char | EntryType::Block => EntryKind::Other("a device"),
        EntryType::Fifo => EntryKind::Other("a fifo"),
        EntryType::GNUSparse => return Err(damaged("a sparse file is not supported")),
        _ => EntryKind::Other(UNKNOWN),
    })
}

fn modified(header: &Header) -> i64 {
    header.mtime().ok().and_then(|time| i64::try_from(time).ok()).unwrap_or_default()
}
