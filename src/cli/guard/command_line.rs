//! What `ps` shows of a process: the words by which it was started, written over.

use std::{fs, io, os::unix::fs::FileExt};

use crate::cli::guard::host_process::field;

/// Overwrites this process's arguments in memory, as far as there is room: `ps` and `pkill -f` read them there.
pub fn set(title: &str) -> io::Result<()> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let place = command_line_in(&stat).ok_or(io::ErrorKind::InvalidData)?;
    let mut words = vec![0; usize::try_from(place.end - place.start).map_err(io::Error::other)?];
    // The last byte stays: it is the NUL that ends the last argument.
    let room = words.len().saturating_sub(1);
    words.iter_mut().take(room).zip(title.bytes()).for_each(|(to, from)| *to = from);
    fs::File::options().write(true).open("/proc/self/mem")?.write_all_at(&words, place.start)
}

/// The memory range of the arguments.
fn command_line_in(stat: &str) -> Option<std::ops::Range<u64>> {
    let place: std::ops::Range<u64> = field(stat, 48)?..field(stat, 49)?;
    (0 < place.start && place.start < place.end && place.end - place.start < 16 << 20).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_position_of_the_command_line_is_found_after_any_name() {
        let stat = fs::read_to_string("/proc/self/stat").unwrap();
        let place = command_line_in(&stat).unwrap();
        let length: usize = std::env::args_os().map(|word| word.len() + 1).sum();
        assert_eq!(place.end - place.start, length as u64);
        let odd = stat.replacen('(', "(a ) 1 2 (", 1);
        assert_eq!(command_line_in(&odd), Some(place));
        assert_eq!(command_line_in("1 (x) S 1 2"), None);
    }
}
