//! Archives, read entry by entry.

use std::collections::VecDeque;

use bytes::Bytes;
use tar::{EntryType, Header};

use crate::{
    docker::files::{
        archive::{Archive, Pieces},
        damage::Damage,
        entry::{BLOCK, Entry, EntryKind},
    },
    fuzzing::pieces::{cut, ways},
};

/// The pieces of an archive.
pub(crate) struct InPieces(pub(crate) VecDeque<Bytes>);

impl Pieces for InPieces {
    fn next(&mut self) -> Option<Bytes> {
        self.0.pop_front()
    }
}

type Entries = Result<Vec<(Entry, Vec<u8>)>, Damage>;

pub(crate) fn check(bytes: &[u8]) {
    for archive in [bytes.to_vec(), summed(bytes)] {
        let read = ways(&archive).map(read);
        assert!(read[0] == read[1] && read[0] == read[2]);
        let Ok(mut entries) = read[0].clone() else { continue };
        // Blocks and sums alone tell these apart; a capability has no place in what is written here.
        entries.retain(|(entry, _)| !matches!(entry.kind, EntryKind::Other(_)));
        for (entry, _) in &mut entries {
            entry.capability = None;
        }
        let again: Vec<u8> = entries.iter().flat_map(|(entry, data)| written(entry, data)).collect();
        let again = [again, vec![0; 2 * BLOCK]].concat();
        assert_eq!(self::read(cut(&again)), Ok(entries));
    }
}

fn read(pieces: Vec<Bytes>) -> Entries {
    let mut archive = Archive::new(InPieces(pieces.into()));
    let mut entries = Vec::new();
    while let Some(entry) = archive.next()? {
        let mut data = Vec::new();
        while let Some(piece) = archive.data()? {
            data.extend_from_slice(&piece);
        }
        assert_eq!(data.len() as u64, entry.size);
        entries.push((entry, data));
    }
    Ok(entries)
}

/// The archive with the sums that its blocks have to have: one that is changed has none of them right.
pub(crate) fn summed(archive: &[u8]) -> Vec<u8> {
    let block = |block: &[u8]| {
        let mut header = Header::from_byte_slice(block).clone();
        header.set_cksum();
        header.as_bytes().to_vec()
    };
    let is_head = |block: &&[u8]| block.len() == BLOCK && block.iter().any(|byte| *byte != 0);
    let blocks = archive.chunks(BLOCK).map(|each| if is_head(&each) { block(each) } else { each.to_vec() });
    blocks.flatten().collect()
}

/// An entry as GNU's tar writes it, its names in records of their own.
fn written(entry: &Entry, data: &[u8]) -> Vec<u8> {
    let (kind, target): (u8, &[u8]) = match &entry.kind {
        EntryKind::File => (b'0', b""),
        EntryKind::Folder => (b'5', b""),
        EntryKind::Link(target) => (b'2', target),
        EntryKind::HardLink(target) => (b'1', target),
        EntryKind::Other(_) => unreachable!("left out"),
    };
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::new(kind));
    header.set_mode(entry.mode);
    header.set_mtime(u64::try_from(entry.modified).unwrap());
    header.set_size(entry.size);
    header.set_cksum();
    let names = [record(b'L', &entry.name), record(b'K', target)].concat();
    [names, header.as_bytes().to_vec(), padded(data)].concat()
}

fn record(kind: u8, text: &[u8]) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::new(kind));
    header.set_size(text.len() as u64);
    header.set_mode(0);
    header.set_cksum();
    [header.as_bytes().to_vec(), padded(text)].concat()
}

fn padded(data: &[u8]) -> Vec<u8> {
    let mut data = data.to_vec();
    data.resize(data.len().next_multiple_of(BLOCK), 0);
    data
}
