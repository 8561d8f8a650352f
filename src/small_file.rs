//! Reads whole files up to a size limit, because a path may lead to an endless device.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// The largest configuration file, in bytes.
pub(crate) const LARGEST_CONFIG: u64 = 4 << 20;

/// Reads `file`.
///
/// # Errors
/// Those of opening and reading it; [`io::ErrorKind::FileTooLarge`] if it is larger than `largest` bytes.
pub fn read(file: &Path, largest: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(file)?.take(largest.saturating_add(1)).read_to_end(&mut content)?;
    if content.len() as u64 > largest {
        let text = format!("it holds more than {} MiB", largest >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endless_file_is_refused_and_a_small_one_is_read() {
        assert_eq!(read(Path::new("/dev/zero"), 1 << 20).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read(Path::new("/dev/null"), 1 << 20).unwrap(), b"");
        assert_eq!(read(Path::new("/no/such"), 1).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
