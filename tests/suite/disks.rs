//! Copies onto disks that are full, on either side, and onto one that has no links, no modes and no case: exFAT.

use std::fs;
use std::path::{Path, PathBuf};

use crate::copies::drafts;
use crate::testbed::guarded::Guarded;
use crate::testbed::image::shell_on;
use crate::testbed::quota::Quota;
use crate::testbed::{Bed, Cube, need, shell};

const FULL: &str = "No space left on device";

/// A disk of this machine that goes with the test.
struct Disk(Guarded);

impl Disk {
    /// `mount` mounts it at `disk`. Needs root.
    fn mounted(mount: &str) -> Self {
        let before = format!("mkdir disk && {mount} && : >ready &&");
        let server = Guarded::start(
            &before,
            "sleep infinity",
            "umount disk; [ ! \"$loop\" ] || losetup -d $loop;",
            &[],
        );
        server.wait_until(|| server.folder().join("ready").exists());
        Self(server)
    }

    fn of_one_mebibyte() -> Self {
        Self::mounted("mount -t tmpfs -o size=1m tmpfs disk")
    }

    fn exfat() -> Self {
        need::program("mount.exfat-fuse");
        need::program("mkfs.exfat");
        Self::mounted(
            "truncate -s 16M image && loop=$(losetup -f --show image) && mkfs.exfat $loop && mount.exfat-fuse $loop disk",
        )
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.folder().join("disk").join(name)
    }
}

/// A task that runs this, and whose `/out` is copied out.
fn copied_out(bed: &Bed, target: &Path, script: &str) -> Cube {
    let flag = format!("--copy-out=/out:{}", target.display());
    bed.run(["--attach", "--network=none", &flag, "--image", &shell(), "sh", "-c", script])
}

fn assert_nothing_at(target: &Path) {
    assert!(!target.exists() && drafts(target).is_empty(), "{:?}", drafts(target));
}

#[test]
fn a_disk_that_is_full_within_the_copy_holds_nothing_half_written() {
    let (bed, disk) = (Bed::new(), Disk::of_one_mebibyte());
    let target = disk.path("result");
    let script = "mkdir /out; echo small >/out/a; head -c 4000000 /dev/zero >/out/b; echo small >/out/c";
    copied_out(&bed, &target, script).fails(125).stderr_has(FULL).stderr_has("make room on this").output();
    assert_nothing_at(&target);
    let failing = format!("{script}; exit 3");
    copied_out(&bed, &target, &failing)
        .ends(3)
        .stderr_has("warning: cannot copy out")
        .stderr_has(FULL)
        .output();
    assert_nothing_at(&target);
    // A folder that exists keeps the files that arrived complete.
    fs::create_dir(&target).unwrap();
    copied_out(&bed, &target, script).fails(125).stderr_has(FULL).output();
    let names: Vec<_> = fs::read_dir(&target).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(names == [""; 0] || names == ["a"] || names == ["c"], "{names:?}");
    bed.assert_empty();

    let task =
        bed.start(["--network=none", "--image", &shell(), "sh", "-c", &format!("{script}; exec sleep 1000")]);
    bed.cube(["exec", &task.id, "sh", "-c", "until [ -e /out/c ]; do :; done"]).output();
    let target = disk.path("copy");
    let words = [format!("{}:/out/b", task.id), target.to_str().unwrap().to_owned()];
    bed.cube(["cp", &words[0], &words[1]]).fails(1).stderr_has(FULL).output();
    assert_nothing_at(&target);
}

#[test]
fn an_engine_whose_disk_is_full_is_named_and_nothing_is_left() {
    let quota = Quota::take();
    let (bed, image) = (Bed::on(quota.engine()), shell_on(quota.engine()));
    let big = bed.path("big");
    fs::write(&big, vec![7; 40_000_000]).unwrap();
    let flags = ["--disk=16m", "--network=none", "--image", &image];
    let run = |more: &[&str], command: &[&str]| bed.run(more.iter().chain(&flags).chain(command));
    let given = format!("--copy-in={}:/in/", big.display());
    let refused = run(&["--attach", &given], &["true"]).fails(125).stderr_has("quota exceeded");
    refused.stderr_has("make room on the engine's disk").output();
    bed.assert_empty();
    let task = bed.task(run(&[], &["sleep", "1000"]).text().trim_end());
    let target = format!("{}:/big", task.id);
    bed.cube(["cp", big.to_str().unwrap(), &target]).fails(1).stderr_has("quota exceeded").output();
}

#[test]
fn what_a_file_system_cannot_hold_is_copied_reported_or_an_error() {
    let (bed, disk) = (Bed::new(), Disk::exfat());
    let target = disk.path("result");
    let script = "mkdir -p /out/d; echo one >/out/d/f; chmod 600 /out/d/f; ln /out/d/f /out/d/hard; ln -s f /out/d/link; \
                  touch -d '2001-02-03 04:05:06' /out/d/f";
    let warned = copied_out(&bed, &target, script).stderr_has("left out out/d/link (a link: ");
    warned.output();
    for name in ["f", "hard"] {
        assert_eq!(fs::read_to_string(target.join("d").join(name)).unwrap(), "one\n");
    }
    // Merged into what is there, the names that differ only in case are the target's own.
    copied_out(&bed, &target, script).any_stderr().output();
    for (script, word) in
        [("echo x >/out/File; echo y >/out/file", "differs in case"), ("echo x >'/out/a:b'", "a:b")]
    {
        let target = disk.path("another");
        copied_out(&bed, &target, &format!("mkdir /out; {script}")).fails(125).stderr_has(word).output();
        assert_nothing_at(&target);
    }
    bed.assert_empty();
}
