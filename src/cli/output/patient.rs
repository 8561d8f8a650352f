//! Streams whose reads and writes wait even if the stream is set to non-blocking, as Node.js and many CI runners do.
//! The flag is shared with other processes, so it is not changed.

use std::{
    io::{self, Read, Write},
    os::fd::AsFd,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

/// How many bytes of standard input are read at once.
const READ: usize = 32 << 10;

/// A stream, read and written without a buffer.
pub struct Patient<F>(pub F);

impl<F: AsFd> Patient<F> {
    fn wait_for(&self, what: PollFlags) -> io::Result<()> {
        self.wait_within(what, None).map(drop)
    }

    /// Waits at most `limit`; returns whether the stream is ready.
    fn wait_within(&self, what: PollFlags, limit: Option<Duration>) -> io::Result<bool> {
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        match poll(&mut [PollFd::new(&self.0, what)], limit.as_ref()) {
            Err(Errno::INTR) => Ok(true),
            ready => Ok(ready? > 0),
        }
    }

    /// Writes all bytes; an error if a stuck reader leaves no room for `limit`.
    pub fn write_all_within(&mut self, mut bytes: &[u8], limit: Duration) -> io::Result<()> {
        while !bytes.is_empty() {
            match rustix::io::write(&self.0, bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if self.wait_within(PollFlags::OUT, Some(limit))? => {}
                Err(Errno::AGAIN) => {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "its reader is stuck"));
                }
                Err(cause) => return Err(cause.into()),
            }
        }
        Ok(())
    }

    /// Writes text that may be lost: drops it if a stuck reader leaves no room for `limit`.
    pub fn write_within(&mut self, bytes: &[u8], limit: Duration) -> io::Result<()> {
        if self.wait_within(PollFlags::OUT, Some(limit))? { self.write_all(bytes) } else { Ok(()) }
    }
}

impl<F: AsFd> Write for Patient<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match rustix::io::write(&self.0, bytes) {
                Err(Errno::AGAIN) => self.wait_for(PollFlags::OUT)?,
                Err(Errno::INTR) => {}
                written => return Ok(written?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<F: AsFd> Read for Patient<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match rustix::io::read(&self.0, &mut *buffer) {
                Err(Errno::AGAIN) => self.wait_for(PollFlags::IN)?,
                Err(Errno::INTR) => {}
                read => return Ok(read?),
            }
        }
    }
}

/// The next piece of standard input; empty at its end. Dropping the future may lose a piece.
pub async fn read_stdin() -> io::Result<Vec<u8>> {
    let read = tokio::task::spawn_blocking(|| {
        let mut buffer = vec![0; READ];
        let length = Patient(io::stdin()).read(&mut buffer)?;
        buffer.truncate(length);
        Ok(buffer)
    });
    read.await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use rustix::fs::{OFlags, fcntl_setfl};

    use super::*;

    #[test]
    fn all_goes_through_a_pipe_that_is_non_blocking_at_both_ends() {
        let (from, to) = io::pipe().unwrap();
        for end in [from.as_fd(), to.as_fd()] {
            fcntl_setfl(end, OFlags::NONBLOCK).unwrap();
        }
        let sent: Vec<u8> = (0..1_000_000u32).flat_map(u32::to_le_bytes).collect();
        let expected = sent.clone();
        let writer = std::thread::spawn(move || Patient(to).write_all(&sent));
        let mut read = Vec::new();
        Patient(from).read_to_end(&mut read).unwrap();
        writer.join().unwrap().unwrap();
        assert!(read == expected);
    }

    #[test]
    fn text_that_may_be_lost_does_not_wait() {
        let (from, to) = io::pipe().unwrap();
        fcntl_setfl(&to, OFlags::NONBLOCK).unwrap();
        while rustix::io::write(&to, &[0; 4096]).is_ok() {}
        Patient(&to).write_within(b"lost", Duration::from_millis(1)).unwrap();
        assert!(Patient(&to).write_all_within(b"lost", Duration::from_millis(1)).is_err());
        drop(to);
        let mut read = Vec::new();
        Patient(from).read_to_end(&mut read).unwrap();
        assert!(read.iter().all(|byte| *byte == 0));
    }
}
