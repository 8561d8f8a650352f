//! Reads a tar archive from an untrusted source, piece by piece: the memory for names and records is limited, and an
//! archive that ends too early is detected.

use bytes::{Buf, Bytes};
use tar::{EntryType, Header};

use crate::docker::files::{
    damage::{Damage, damaged},
    entry::{self, BLOCK, Entry, Extensions},
};

/// The longest extension record before an entry, in bytes.
const LONGEST_RECORD: u64 = 1 << 20;

/// The source of an archive, piece by piece; `None` at the end.
pub(crate) trait Pieces {
    fn next(&mut self) -> Option<Bytes>;
}

/// An archive that is being read.
pub(crate) struct Archive<P> {
    pieces: P,
    input: Bytes,
    has_begun: bool,
    has_ended: bool,
    /// How many bytes of the entry's data are left, and of the padding after it.
    data: u64,
    padding: u64,
}

impl<P: Pieces> Archive<P> {
    pub(crate) fn new(pieces: P) -> Self {
        Self { pieces, input: Bytes::new(), has_begun: false, has_ended: false, data: 0, padding: 0 }
    }

    /// The next entry; unread data of the one before is skipped. `None` after the two blocks of zeros that end an
    /// archive, however often it is asked for then.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>, Damage> {
        let mut extensions = Extensions::default();
        while !self.has_ended {
            self.pass_over()?;
            let block = self.block()?;
            if block == [0; BLOCK] {
                self.has_ended = self.block()? == [0; BLOCK];
                if self.has_ended {
                    break;
                }
                return Err(damaged("a block is empty"));
            }
            let header = Header::from_byte_slice(&block);
            if !entry::is_whole(header) {
                return Err(damaged("the sum of a block is wrong"));
            }
            match header.entry_type() {
                EntryType::XHeader => extensions.read_records(&self.record(header)?)?,
                EntryType::GNULongName => extensions.set_long_name(&self.record(header)?)?,
                EntryType::GNULongLink => extensions.set_long_target(&self.record(header)?)?,
                EntryType::XGlobalHeader => self.begin(size(header)?),
                _ => {
                    let entry = entry::entry(header, extensions)?;
                    self.begin(entry.size);
                    return Ok(Some(entry));
                }
            }
        }
        Ok(None)
    }

    /// The next piece of the entry's data; `None` after the last.
    pub(crate) fn data(&mut self) -> Result<Option<Bytes>, Damage> {
        if self.data == 0 {
            return Ok(None);
        }
        self.fill()?;
        let length = usize::try_from(self.data).unwrap_or(usize::MAX).min(self.input.len());
        self.data -= length as u64;
        Ok(Some(self.input.split_to(length)))
    }

    fn begin(&mut self, size: u64) {
        self.data = size;
        self.padding = size.wrapping_neg() % BLOCK as u64;
    }

    fn pass_over(&mut self) -> Result<(), Damage> {
        while self.data()?.is_some() {}
        self.data = std::mem::take(&mut self.padding);
        while self.data()?.is_some() {}
        Ok(())
    }

    /// The complete data of a record.
    fn record(&mut self, header: &Header) -> Result<Vec<u8>, Damage> {
        let size = size(header)?;
        if size > LONGEST_RECORD {
            return Err(damaged("a name or record is too long"));
        }
        self.begin(size);
        let mut record = Vec::new();
        while let Some(piece) = self.data()? {
            record.extend_from_slice(&piece);
        }
        Ok(record)
    }

    fn block(&mut self) -> Result<[u8; BLOCK], Damage> {
        let mut block = [0; BLOCK];
        let mut rest = &mut block[..];
        while !rest.is_empty() {
            self.fill()?;
            let length = rest.len().min(self.input.len());
            let (now, later) = rest.split_at_mut(length);
            self.input.copy_to_slice(now);
            rest = later;
        }
        Ok(block)
    }

    /// Gets the next piece, if all of the one before was read.
    fn fill(&mut self) -> Result<(), Damage> {
        while self.input.is_empty() {
            self.input =
                self.pieces.next().ok_or(if self.has_begun { Damage::Torn } else { Damage::Empty })?;
            self.has_begun |= !self.input.is_empty();
        }
        Ok(())
    }
}

fn size(header: &Header) -> Result<u64, Damage> {
    header.entry_size().map_err(|_| damaged("a size is malformed"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::docker::files::entry::EntryKind;

    struct Cut(Bytes, usize);

    impl Pieces for Cut {
        fn next(&mut self) -> Option<Bytes> {
            let length = self.1.min(self.0.len());
            (length > 0).then(|| self.0.split_to(length))
        }
    }

    fn read(tar: &[u8], cut: usize) -> Result<Vec<(Entry, Vec<u8>)>, Damage> {
        let mut archive = Archive::new(Cut(Bytes::copy_from_slice(tar), cut));
        let mut all = Vec::new();
        while let Some(entry) = archive.next()? {
            let mut data = Vec::new();
            while let Some(piece) = archive.data()? {
                data.extend_from_slice(&piece);
            }
            all.push((entry, data));
        }
        assert_eq!(archive.next(), Ok(None));
        Ok(all)
    }

    fn tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, data) in files {
            let mut header = Header::new_gnu();
            header.set_size(data.len() as u64);
            header.set_mode(0o640);
            header.set_mtime(7);
            builder.append_data(&mut header, name, data.as_slice()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn files() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
        let name = "[a-z]{1,9}(/[a-zé ]{1,40}){0,7}";
        prop::collection::vec((name, prop::collection::vec(any::<u8>(), 0..1500)), 0..6)
    }

    proptest! {
        #[test]
        fn any_files_cut_anywhere_arrive_whole(files in files(), cut in 1usize..2000) {
            let got = read(&tar(&files), cut).unwrap();
            let names: Vec<_> = got.iter().map(|(entry, data)| {
                (String::from_utf8(entry.name.clone()).unwrap(), data.clone())
            }).collect();
            prop_assert_eq!(names, files);
            prop_assert!(got.iter().all(|(entry, _)| entry.mode == 0o640 && entry.modified == 7));
        }

        #[test]
        fn an_archive_that_is_cut_short_is_torn(files in files(), cut in 1usize..2000, lost in 1usize..9000) {
            let whole = tar(&files);
            let kept = whole.len().saturating_sub(lost);
            let damage = if kept == 0 { Damage::Empty } else { Damage::Torn };
            prop_assert_eq!(read(&whole[..kept], cut), Err(damage));
        }

        #[test]
        fn a_changed_byte_in_a_header_is_detected(files in files(), at in 0usize..512, flip in 1u8..=255) {
            let mut whole = tar(&files);
            whole[at] ^= flip;
            prop_assume!(!files.is_empty());
            // Only the blanks around the checksum itself do not matter.
            let read = read(&whole, 512);
            prop_assert!(read.is_err() || (148..156).contains(&at), "{:?}", read);
        }

        #[test]
        fn any_bytes_give_entries_or_damage(bytes in prop::collection::vec(any::<u8>(), 0..3000), cut in 1usize..600) {
            let _ = read(&bytes, cut);
        }

        #[test]
        fn any_headers_with_a_right_checksum_give_entries_or_damage(
            bytes in prop::collection::vec(any::<u8>(), 512),
            kind in prop::sample::select(b"\x000123456789xgLKSVA".to_vec()),
            tail in prop::collection::vec(any::<u8>(), 0..2000),
        ) {
            let mut header = Header::from_byte_slice(&bytes).clone();
            header.set_entry_type(EntryType::new(kind));
            header.set_cksum();
            let _ = read(&[header.as_bytes(), &tail[..]].concat(), 700);
        }

        #[test]
        fn any_records_give_entries_or_damage(text in "([0-9]{0,3} ?(path|size|mtime|linkpath|x)?=?[a-z0-9/.\n-]{0,20}\n?){0,5}") {
            let _ = Extensions::default().read_records(text.as_bytes());
        }
    }

    fn head(kind: EntryType, name: &str, size: u64) -> Vec<u8> {
        let mut header = Header::new_ustar();
        header.set_path(name).unwrap();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(0o100_644);
        header.set_cksum();
        header.as_bytes().to_vec()
    }

    fn padded(data: &[u8]) -> Vec<u8> {
        let mut block = data.to_vec();
        block.resize(data.len().next_multiple_of(BLOCK), 0);
        block
    }

    #[test]
    fn records_change_only_the_next_entry() {
        let records = b"14 path=a/b/c\n13 mtime=9.5\n25 SCHILY.xattr.user.a=b\n";
        let end = vec![0; 2 * BLOCK];
        let all = [
            head(EntryType::XGlobalHeader, "g", 3),
            padded(b"abc"),
            head(EntryType::XHeader, "x", records.len() as u64),
            padded(records),
            head(EntryType::Regular, "short", 1),
            padded(b"1"),
            head(EntryType::Directory, "d", 0),
            end,
        ]
        .concat();
        let got = read(&all, 100).unwrap();
        assert_eq!((&got[0].0.name[..], got[0].0.modified, &got[0].1[..]), (&b"a/b/c"[..], 9, &b"1"[..]));
        assert_eq!((&got[1].0.name[..], &got[1].0.kind), (&b"d"[..], &EntryKind::Folder));
    }

    #[test]
    fn oversized_and_ambiguous_records_are_refused() {
        let long = vec![b'a'; 5000];
        for bad in [
            head(EntryType::GNULongName, "x", 1 << 40),
            head(EntryType::XHeader, "x", LONGEST_RECORD + 1),
            [head(EntryType::GNULongName, "x", 5000), padded(&long)].concat(),
            head(EntryType::GNUSparse, "x", 0),
            [head(EntryType::XHeader, "x", 24), padded(b"24 GNU.sparse.major=1.0\n")].concat(),
            [head(EntryType::XHeader, "x", 12), padded(b"12 path=a\0b\n")].concat(),
            [head(EntryType::XHeader, "x", 11), padded(b"11 size=-1\n")].concat(),
            [vec![0; BLOCK], head(EntryType::Regular, "x", 0)].concat(),
        ] {
            assert!(matches!(read(&bad, 512), Err(Damage::Malformed(_))), "{:?}", read(&bad, 512));
        }
    }

    #[test]
    fn data_that_never_comes_is_torn() {
        let endless = [head(EntryType::Regular, "x", u64::from(u32::MAX)), vec![1; 4096]].concat();
        assert_eq!(read(&endless, 512), Err(Damage::Torn));
        assert_eq!(read(&[0; BLOCK], 512), Err(Damage::Torn));
        assert_eq!(read(&[], 512), Err(Damage::Empty));
    }
}
