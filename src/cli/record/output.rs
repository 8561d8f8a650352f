//! A record of the task's output: its last lines in memory, and everything in a file if `--log-file` is given.

use std::{
    collections::VecDeque,
    fs::File,
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use cube::{Error, ErrorKind};
use tokio::io::AsyncWrite;

use crate::cli::output::{
    copy::{self, Err, Out, OutputCopy},
    named_file,
};

/// How much of the end is kept, in bytes.
const KEPT: usize = 64 << 10;

/// A task's output, as it is recorded. Clones are the same record.
#[derive(Clone, Default)]
pub struct OutputRecord(Arc<Mutex<KeptOutput>>);

#[derive(Default)]
struct KeptOutput {
    last: VecDeque<u8>,
    file: Option<(PathBuf, File)>,
    failed: Option<Error>,
}

impl OutputRecord {
    /// A record, with a file for all output if one is named. The file is made now, so that an unusable path fails
    /// before anything runs.
    pub fn new(file: Option<&Path>) -> Result<Self, Error> {
        let file = match file {
            Some(path) => {
                Some((path.to_owned(), named_file::create(path).map_err(|cause| unwritable(path, cause))?))
            }
            None => None,
        };
        Ok(Self(Arc::new(Mutex::new(KeptOutput { file, ..KeptOutput::default() }))))
    }

    /// Whether all output goes to a file.
    pub fn is_filed(&self) -> bool {
        self.with(|inner| inner.file.is_some())
    }

    /// Records output of the task.
    pub fn take(&self, bytes: &[u8]) {
        self.with(|inner| {
            inner.keep(bytes);
            inner.write(bytes);
        });
    }

    /// Records output in memory only, not in the file.
    pub fn keep(&self, bytes: &[u8]) {
        self.with(|inner| inner.keep(bytes));
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.with(|inner| inner.last.is_empty())
    }

    /// Whether its last line has no end yet.
    pub fn is_within_line(&self) -> bool {
        self.with(|inner| inner.last.back().is_some_and(|byte| *byte != b'\n'))
    }

    /// The last lines, at most `most`.
    pub fn lines(&self, most: usize) -> Vec<String> {
        let bytes = self.last(most);
        String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
    }

    /// The bytes of the last lines, at most `most` lines.
    pub fn last(&self, most: usize) -> Vec<u8> {
        let kept = self.with(|inner| inner.last.iter().copied().collect::<Vec<u8>>());
        let body = kept.strip_suffix(b"\n").unwrap_or(&kept);
        let ends = body.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        let from = ends.take(most).nth(most.saturating_sub(1)).unwrap_or(0);
        kept.get(from..).unwrap_or_default().to_vec()
    }

    /// Why the file is incomplete, if it is.
    pub fn failure(&self) -> Option<Error> {
        self.with(|inner| inner.failed.take())
    }

    fn with<T>(&self, change: impl FnOnce(&mut KeptOutput) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl KeptOutput {
    fn keep(&mut self, bytes: &[u8]) {
        let bytes = bytes.get(bytes.len().saturating_sub(KEPT)..).unwrap_or(bytes);
        let excess = (self.last.len() + bytes.len()).saturating_sub(KEPT);
        self.last.drain(..excess.min(self.last.len()));
        self.last.extend(bytes);
    }

    fn write(&mut self, bytes: &[u8]) {
        let Some((path, file)) = &mut self.file else { return };
        if let Err(cause) = named_file::write(file, bytes) {
            self.failed = Some(unwritable(path, cause));
            self.file = None;
        }
    }
}

fn unwritable(path: &Path, cause: io::Error) -> Error {
    Error::new(ErrorKind::File, format!("cannot write the log file {}", path.display()))
        .with_source(cause)
        .with_hint(
            "name a file in a folder that exists and has room, or a pipe that is read, with --log-file",
        )
}

/// A stream whose bytes are recorded once they are written.
pub struct Recorded<W> {
    stream: W,
    record: OutputRecord,
}

/// The standard streams, recorded.
pub fn recorded(record: &OutputRecord) -> OutputCopy<Recorded<Out>, Recorded<Err>> {
    let (out, err) = copy::streams();
    let record = record.clone();
    OutputCopy::new(Recorded { stream: out, record: record.clone() }, Recorded { stream: err, record })
        .watching_stdout()
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Recorded<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = written {
            self.record.take(bytes.get(..count).unwrap_or(bytes));
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_lines_are_kept() {
        let output = OutputRecord::default();
        output.take(b"one\ntwo\nth");
        output.take(b"ree");
        assert_eq!(output.last(2), b"two\nthree");
        assert_eq!(output.lines(9), ["one", "two", "three"]);
        assert!(output.is_within_line());
        output.take(b"\n");
        assert!(!output.is_within_line());
        assert_eq!((output.last(1), output.last(0)), (b"three\n".to_vec(), b"one\ntwo\nthree\n".to_vec()));
        output.take(&vec![b'x'; KEPT + 5]);
        assert_eq!(output.last(1).len(), KEPT);
    }

    #[test]
    fn a_file_that_cannot_be_made_or_filled_is_an_error() {
        assert!(
            OutputRecord::new(Some(Path::new("/no/such/folder/log")))
                .is_err_and(|e| e.to_string().contains("/no/such"))
        );
        let output = OutputRecord::new(Some(Path::new("/dev/full"))).unwrap();
        output.take(b"x");
        assert_eq!(output.failure().map(|error| error.kind()), Some(ErrorKind::File));
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(text in "[ab\n]{0,40}", cut in 1usize..9, most in 1usize..5) {
            let output = OutputRecord::default();
            text.as_bytes().chunks(cut).for_each(|piece| output.take(piece));
            let all: Vec<&str> = text.lines().collect();
            prop_assert_eq!(output.lines(most), all[all.len().saturating_sub(most)..].to_vec());
        }
    }
}
