//! The kernel's log names the control group whose memory limit was reached, which the engine may fail to notice if the
//! container ends at once (`dump_oom_summary` in the kernel's `oom_kill.c`; the records in `dev-kmsg`).

use std::{
    fs::File,
    io::Read,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
};

use rustix::{
    fs::{OFlags, makedev},
    io::Errno,
};

/// The kernel's log, a record for each read.
const LOG: &str = "/dev/kmsg";
/// Its device number. In some containers the file is a link to the console.
const DEVICE: (u32, u32) = (1, 11);
/// The longest record, in bytes.
const LONGEST: usize = 8192;
/// How many records are read at most.
const MOST: usize = 1 << 17;

/// Whether the kernel reported that a process of the container was killed because the memory limit was reached. `false`
/// also if this user may not read the log.
pub(super) fn has_reached_limit(id: &str) -> bool {
    let Some(mut log) = open() else { return false };
    let mut record = [0; LONGEST];
    (0..MOST).map_while(|_| next(&mut log, &mut record)).any(|record| names(&record, id))
}

fn open() -> Option<File> {
    let mode = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let log = File::options().read(true).custom_flags(mode).open(LOG).ok()?;
    (log.metadata().ok()?.rdev() == makedev(DEVICE.0, DEVICE.1)).then_some(log)
}

/// The next record; an empty one in place of those that were overwritten meanwhile.
fn next(log: &mut File, record: &mut [u8]) -> Option<String> {
    match log.read(record) {
        Ok(0) => None,
        Ok(length) => Some(String::from_utf8_lossy(record.get(..length)?).into_owned()),
        Err(error) if Errno::from_io_error(&error) == Some(Errno::PIPE) => Some(String::new()),
        Err(_) => None,
    }
}

/// Whether a record of the kernel's own reports that the container's limit was reached, and not that of a container in it.
fn names(record: &str, id: &str) -> bool {
    let Some((head, report)) = record.split_once(";oom-kill:") else { return false };
    // The number of a message that a program wrote to the log is at least 8.
    let is_the_kernels =
        head.split(',').next().is_some_and(|number| number.parse().is_ok_and(|n: u32| n < 8));
    let mut fields = report.lines().next().unwrap_or_default().split(',');
    let path = fields.find_map(|field| field.strip_prefix("oom_memcg="));
    let innermost = path.and_then(|path| path.rsplit('/').find(|part| part.len() >= id.len()));
    is_the_kernels && innermost.is_some_and(|part| part.contains(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_names_the_group_whose_limit_was_reached() {
        let id = "7ddb8474b097800e9fed6c1d5cfa825bee7860bb187a180c0b36d70b25b1e850";
        let report = format!(
            "6,843,1687506836,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset={id},\
             mems_allowed=0,oom_memcg=/docker/{id},task_memcg=/docker/{id},task=probe,pid=11935,uid=0\n"
        );
        assert!(names(&report, id));
        let inner = format!("oom_memcg=/docker/{id}/docker/{}", id.replace('7', "8"));
        assert!(!names(&report.replacen(&format!("oom_memcg=/docker/{id}"), &inner, 1), id));
        assert!(names(&report.replacen("oom_memcg=/docker/", "oom_memcg=/x.slice/docker-", 1), id));
        let of_another = report.replacen(&format!("oom_memcg=/docker/{id}"), "oom_memcg=/docker/ab", 1);
        assert!(!names(&of_another, id));
        // What a program wrote to the log.
        assert!(!names(&report.replacen('6', "14", 1), id));
        assert!(!names(&format!("6,844,1,-;x oom-kill:oom_memcg=/docker/{id}"), id));
        assert!(!names(&format!("6,845,1,-;x\n;oom-kill:oom_memcg=/docker/ab\n oom_memcg={id}"), id));
    }

    #[test]
    fn the_log_is_read_to_its_end() {
        assert!(!has_reached_limit("no such container"));
    }
}
