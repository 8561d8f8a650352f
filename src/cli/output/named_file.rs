//! Output files that the caller named. Such a file may be a named pipe: if its reader does not come, or is stuck, that
//! is an error after some seconds and not an endless wait.

use std::{
    fs::{File, Metadata},
    io,
    os::unix::fs::{FileTypeExt, OpenOptionsExt},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::{fs::OFlags, io::Errno};

use crate::cli::output::patient::Patient;

/// How long a named pipe may have no reader, and how long its reader may take nothing.
const READER: Duration = Duration::from_secs(5);
/// The pause between two looks for a reader: no event says when one comes.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Opens the file; creates or empties it.
pub fn create(path: &Path) -> io::Result<File> {
    create_within(path, READER)
}

fn create_within(path: &Path, limit: Duration) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let until = Instant::now() + limit;
    loop {
        match options.open(path) {
            Err(cause)
                if Errno::from_io_error(&cause) == Some(Errno::NXIO)
                    && path.metadata().is_ok_and(|file| is_pipe(&file)) =>
            {
                if Instant::now() >= until {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "nobody reads this named pipe"));
                }
                thread::sleep(LOOK_AGAIN);
            }
            opened => return opened,
        }
    }
}

/// Whether it is a named pipe.
pub fn is_pipe(metadata: &Metadata) -> bool {
    metadata.file_type().is_fifo()
}

/// Writes all of it.
pub fn write(file: &File, bytes: &[u8]) -> io::Result<()> {
    Patient(file).write_all_within(bytes, READER)
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Read};

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    fn pipe(folder: &Path) -> std::path::PathBuf {
        let path = folder.join("pipe");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        path
    }

    #[test]
    fn a_pipe_without_a_reader_is_an_error_and_one_that_gets_a_reader_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = pipe(folder.path());
        let error = create_within(&path, Duration::ZERO).unwrap_err();
        assert_eq!(error.to_string(), "nobody reads this named pipe");
        let reader = thread::spawn(move || fs::read_to_string(folder.path().join("pipe")).unwrap());
        write(&create_within(&path, Duration::from_mins(1)).unwrap(), b"all").unwrap();
        assert_eq!(reader.join().unwrap(), "all");
    }

    #[test]
    fn a_file_is_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "before").unwrap();
        write(&create(&path).unwrap(), b"now").unwrap();
        let mut text = String::new();
        File::open(&path).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "now");
    }
}
