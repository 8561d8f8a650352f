//! `--copy-in` and `--copy-out`: files for a task before its start, and files from it at its end, however it ends.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::testbed::{Bed, Cube, shell};

/// Writes so many bytes to /out/big, and what they are to /out/sum and standard output.
fn result(bytes: u32) -> String {
    format!("mkdir -p /out && head -c {bytes} /dev/urandom >/out/big && md5sum </out/big | tee /out/sum")
}

fn copy_out(bed: &Bed) -> (PathBuf, String) {
    let target = bed.path("results");
    let flag = format!("--copy-out=/out:{}", target.display());
    (target, flag)
}

#[test]
fn no_link_hides_that_a_copy_would_be_lost_below_dev() {
    let bed = Bed::new();
    if bed.engine().is_podman() {
        return; // It reaches them.
    }
    std::os::unix::fs::symlink("/dev/shm", bed.path("shm")).unwrap();
    let (file, volume) = (bed.file("given", "x"), format!("--volume={}:/w", bed.path("").display()));
    let (never, image) = (bed.path("never"), shell());
    for copy in [format!("--copy-out=/w/shm/x:{}", never.display()), format!("--copy-in={file}:/w/shm/x")] {
        let run = bed.run(["--attach", &volume, &copy, "--image", &image, "echo", "ran"]).fails(125);
        let said = run.stderr_has("no copy reaches /dev/shm").output();
        assert!(said.stdout.is_empty() && bed.containers().is_empty() && !never.exists(), "{copy}: {said:?}");
    }
    let script = "echo 1 >/dev/shm/x; exec sleep 1000";
    let task = bed.start([&volume, "--wait-for=file=/w/shm/x", "--image", &image, "sh", "-c", script]);
    let inside = format!("{}:/w/shm/y", task.id);
    bed.cube(["cp", &file, &inside]).fails(1).stderr_has("no copy reaches /dev/shm").output();
    let inside = format!("{}:/w/shm/.", task.id);
    bed.cube(["cp", &inside, "/tmp/never"]).fails(1).stderr_has("no copy reaches /dev/shm").output();
}

#[test]
fn a_file_that_is_copied_onto_a_link_goes_where_the_link_leads() {
    let bed = Bed::new();
    std::os::unix::fs::symlink("real", bed.path("link")).unwrap();
    let (given, volume) = (bed.file("given", "new"), format!("--volume={}:/w", bed.path("").display()));
    let copy = format!("--copy-in={given}:/w/link");
    // What the link names is made if it is missing, and replaced if it is there.
    for _ in 0..2 {
        let run = bed.run(["--attach", &volume, &copy, "--image", &shell(), "cat", "/w/real"]);
        assert_eq!(run.text(), "new");
        assert_eq!(fs::read_link(bed.path("link")).unwrap(), Path::new("real"));
    }
}

/// The sum of a file that a task wrote.
pub fn sum(file: &Path) -> String {
    let done = Command::new("md5sum").stdin(fs::File::open(file).unwrap()).output().unwrap();
    String::from_utf8(done.stdout).unwrap()
}

fn run_sh(bed: &Bed, flags: &[&str], script: &str) -> Cube {
    let image = shell();
    let rest = ["--image", &image, "sh", "-c", script];
    bed.run(["--attach"].iter().chain(flags).chain(&rest).copied().collect::<Vec<_>>())
}

/// The temporary files beside the target.
pub fn drafts(target: &Path) -> Vec<OsString> {
    let names = fs::read_dir(target.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().contains(".cube-")).collect()
}

/// Checks that no temporary file is beside the target.
pub fn assert_no_draft(target: &Path) {
    assert_eq!(drafts(target), [""; 0]);
}

#[test]
fn a_task_finds_the_files_that_were_copied_in() {
    let bed = Bed::new();
    let source = bed.path("src");
    fs::create_dir_all(source.join("sub/.git")).unwrap();
    fs::write(source.join("main"), "content").unwrap();
    fs::write(source.join("sub/left.o"), "object").unwrap();
    fs::set_permissions(source.join("main"), fs::Permissions::from_mode(0o751)).unwrap();
    let given = |rest: &str| format!("--copy-in={}:{rest}", source.display());
    let file = format!("--copy-in={}:/etc/deep/er/name", source.join("main").display());
    let into = format!("--copy-in={}:/tmp", source.join("main").display());
    let all = given("/app/code,chown=12:34,exclude=.git,exclude=*.o");
    let script = "cd /app/code && find . | sort && stat -c '%a %u:%g' main sub && cat /etc/deep/er/name && echo && \
                  stat -c '%a %u:%g' /etc/deep/er && stat -c %a /tmp && ls /tmp /existing";
    let onto = given("/existing");
    let output = run_sh(&bed, &[&all, &file, &into, &onto], script).output();
    let expected = ".\n./main\n./sub\n751 12:34\n755 12:34\ncontent\n755 0:0\n1777\n/existing:\nmain\nsub\n\n/tmp:\nmain\n";
    assert_eq!(output.text(), expected);
    bed.assert_empty();
}

#[test]
fn an_archive_on_stdin_is_unpacked_at_its_target() {
    let bed = Bed::new();
    let file = bed.file("inner", "from tar");
    let folder = Path::new(&file).parent().unwrap();
    let tar = Command::new("tar").arg("-cC").arg(folder).arg("inner").output().unwrap().stdout;
    let output = run_sh(&bed, &["--copy-in=-:/a/new/place"], "cat /a/new/place/inner").stdin(tar).output();
    assert_eq!(output.text(), "from tar");
    run_sh(&bed, &["-i", "--copy-in=-:/a"], "true").fails(125).stderr_has("standard input").output();
    bed.assert_empty();
}

#[test]
fn impossible_copies_are_refused_before_anything_is_created() {
    let bed = Bed::new();
    let watch = bed.engine().watch();
    let here = bed.file("here", "x");
    let from = |path: &str| format!("--copy-in={here}:{path}");
    for (flags, words) in [
        (vec![from("/dev/shm/x")], "no copy reaches"),
        (vec![from("/scratch/x"), "--tmpfs=/scratch".to_owned()], "tmpfs"),
        (vec![from("/proc/x")], "no copy reaches"),
        (vec![from("/sys/x")], "no copy reaches"),
        (vec![from("/dev/x")], "no copy reaches"),
        (vec![from("/x"), "--read-only".to_owned()], "root is read-only"),
        (vec![from("/v/x"), "--volume=/tmp:/v:ro".to_owned()], "volume there is read-only"),
        (vec!["--copy-in=/no/such:/x".to_owned()], "/no/such"),
        (vec!["--copy-in=nothing".to_owned()], "nothing"),
        (vec![from("/x,chown=root")], "chown=root"),
        (vec!["--copy-out=/proc/x:y".to_owned()], "no copy reaches"),
        (vec!["--copy-out=/dev/shm/x:y".to_owned()], "no copy reaches"),
        (vec!["--copy-out=/scratch/x:y".to_owned(), "--tmpfs=/scratch".to_owned()], "tmpfs"),
        (vec!["--copy-out=relative:y".to_owned()], "relative"),
        (vec![format!("--copy-out=/x:{here}/below")], "cannot be written"),
        (vec!["--copy-out=/x:/proc/self/x".to_owned()], "cannot copy out"),
    ] {
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        run_sh(&bed, &flags, "true").fails(125).stderr_has(words).output();
    }
    let image = shell();
    bed.run(["--copy-out=/x:y", "--image", &image]).fails(125).stderr_has("cube cp").output();
    bed.run(["-d", "--copy-out=/x:y", &image]).fails(125).stderr_has("cube cp").output();
    for flag in [from("/x"), "--copy-out=/x:y".to_owned()] {
        let swarm = bed.run(["--swarm", "--attach", &flag, "--image", &image]);
        swarm.fails(125).stderr_has("do not reach a task of a swarm").output();
    }
    assert!(watch.containers_with(&bed.label()).is_empty());
}

#[test]
fn a_flag_is_split_where_its_path_begins_and_numbers_of_owners_stay() {
    let bed = Bed::new();
    fs::create_dir(bed.path("a:")).unwrap();
    let source = bed.file("a:/b", "content");
    std::os::unix::fs::chown(&source, Some(77), Some(88)).unwrap();
    let (volume, copied) = (format!("{}:/v", bed.path("v").display()), bed.path("c:d"));
    fs::create_dir(bed.path("v")).unwrap();
    let flags = [
        format!("--copy-in={source}:/in"),
        format!("--copy-in={source}:/v/in"),
        format!("--copy-out=/v/out:{}", copied.display()),
        format!("--volume={volume}"),
    ];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let output = run_sh(&bed, &flags, "stat -c %u:%g /in /v/in; cat /in; cp /v/in /v/out").output();
    assert_eq!(output.text(), "77:88\n77:88\ncontent");
    assert_eq!(fs::read_to_string(copied).unwrap(), "content");
    bed.assert_empty();
}

#[test]
fn a_result_comes_out_at_every_end() {
    let out_of_memory = "head -c 200000000 /dev/zero | tail >/dev/null; exit 7";
    // The limits leave a busy machine time to write the result.
    let ends: [(&str, &[&str], &str, i32); 6] = [
        ("success", &[], "true", 0),
        ("failure", &[], "exit 3", 3),
        ("timeout", &["--timeout=20s", "--stop-timeout=0"], "sleep 1000", 124),
        ("memory", &["--memory=20m"], out_of_memory, 7),
        ("not ready", &["--wait-for=log=never", "--wait-timeout=20s"], "sleep 1000", 124),
        ("died before ready", &["--wait-for=log=never"], "exit 5", 125),
    ];
    thread::scope(|scope| {
        for (name, flags, then, code) in ends {
            scope.spawn(move || {
                let bed = Bed::new();
                let (target, flag) = copy_out(&bed);
                let script = format!("{}; {then}", result(3_000_000));
                let run = run_sh(&bed, &[&[flag.as_str()], flags].concat(), &script);
                // podman may end the whole container where memory ran out.
                let is_cut = name == "memory" && bed.engine().is_podman();
                let output = if is_cut { run.ends_somehow() } else { run.ends(code) }.output();
                assert_eq!(output.text(), sum(&target.join("big")), "{name}");
                assert_no_draft(&target);
                bed.assert_empty();
            });
        }
    });
}

#[test]
fn a_result_comes_out_after_a_signal() {
    let bed = Bed::new();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let (target, flag) = copy_out(&bed);
        let script = format!("{}; trap 'exit 0' TERM; while :; do sleep 0.1; done", result(1_000_000));
        let mut running = run_sh(&bed, &[&flag], &script).ends(code).spawn();
        running.wait_for_stdout("-\n");
        running.signal(signal);
        assert_eq!(running.finish().text(), sum(&target.join("big")));
        fs::remove_dir_all(&target).unwrap();
        bed.assert_empty();
    }
}

#[test]
fn with_copies_out_however_its_command_ended() {
    let bed = Bed::new();
    let (image, label) = (shell(), bed.label());
    for (command, code) in [("true", 0), ("exit 4", 4)] {
        let (target, flag) = copy_out(&bed);
        let script = format!("{}; echo up; sleep 1000", result(1000));
        let args =
            ["with", "--label", &label, "--wait-for=log=up", "--stop-timeout=0", &flag, "--image", &image];
        let rest = ["sh", "-c", &script, "--", "sh", "-c", command];
        bed.cube(args.into_iter().chain(rest)).ends(code).output();
        assert_eq!(fs::metadata(target.join("big")).unwrap().len(), 1000);
        fs::remove_dir_all(&target).unwrap();
        bed.assert_empty();
    }
}

#[test]
fn a_missing_result_fails_only_a_success() {
    let bed = Bed::new();
    let flag = format!("--copy-out=/none:{}", bed.path("x").display());
    run_sh(&bed, &[&flag], "true").fails(125).stderr_has("has no /none").output();
    run_sh(&bed, &[&flag], "exit 3").ends(3).stderr_has("warning: cannot copy out /none").output();
    bed.assert_empty();
}

#[test]
fn a_copy_out_is_made_only_after_the_chosen_kind_of_end() {
    let bed = Bed::new();
    let at =
        |name: &str, when: &str| format!("--copy-out=/etc/passwd:{},on={when}", bed.path(name).display());
    let flags = [at("good", "success"), at("bad", "failure"), at("any", "always")];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    for (script, code, there) in [("true", 0, [true, false, true]), ("exit 1", 1, [false, true, true])] {
        // A copy that takes long is reported.
        run_sh(&bed, &flags, script).exits(code).any_stderr().output();
        let paths = ["good", "bad", "any"].map(|name| bed.path(name));
        assert_eq!(paths.each_ref().map(|path| path.exists()), there);
        paths.iter().filter(|path| path.exists()).for_each(|path| fs::remove_file(path).unwrap());
    }
    bed.assert_empty();
}

#[test]
fn a_folder_becomes_its_target_and_existing_files_stay() {
    let bed = Bed::new();
    let target = bed.path("deep/er/out");
    let flag = format!("--copy-out=/out:{}", target.display());
    let script = "mkdir -p /out/sub; echo new >/out/a; echo b >/out/sub/b; ln -s /etc/passwd /out/link; chmod 640 /out/a; \
                  touch -d '2001-02-03 04:05:06' /out/a";
    run_sh(&bed, &[&flag], script).output();
    let found = fs::metadata(target.join("a")).unwrap();
    assert_eq!((found.mode() & 0o7777, found.mtime()), (0o640, 981_173_106));
    // An existing link is replaced, not written through.
    let outside = bed.file("outside", "outside");
    fs::write(target.join("kept"), "kept").unwrap();
    fs::remove_file(target.join("a")).unwrap();
    std::os::unix::fs::symlink(&outside, target.join("a")).unwrap();
    run_sh(&bed, &[&flag], script).output();
    assert_eq!(fs::read_to_string(target.join("a")).unwrap(), "new\n");
    assert_eq!(fs::read_to_string(&outside).unwrap(), "outside");
    assert_eq!(fs::read_to_string(target.join("kept")).unwrap(), "kept");
    assert_eq!(fs::read_link(target.join("link")).unwrap(), Path::new("/etc/passwd"));
    bed.assert_empty();
}

/// Returns when a temporary file or the whole result is beside the target.
pub fn wait_for_copy(target: &Path) -> bool {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        if !drafts(target).is_empty() {
            return true;
        }
        if target.exists() {
            return false;
        }
        assert!(Instant::now() < deadline, "nothing is copied out");
        thread::yield_now();
    }
}

#[test]
fn a_cube_killed_during_the_copy_loses_no_result() {
    let bed = Bed::new();
    let (target, flag) = copy_out(&bed);
    let mut within = 0;
    for _ in 0..3 {
        let mut running = run_sh(&bed, &[&flag], &result(60_000_000)).ends(-9).spawn();
        running.wait_for_stdout("-\n");
        let id = bed.containers().remove(0);
        within += u32::from(wait_for_copy(&target));
        running.signal(Signal::KILL);
        bed.engine().send("POST", &format!("/containers/{id}/wait?condition=removed"), &[], b"");
        assert_eq!(sum(&target.join("big")), fs::read_to_string(target.join("sum")).unwrap());
        assert_no_draft(&target);
        fs::remove_dir_all(&target).unwrap();
        bed.assert_empty();
    }
    assert!(within > 0, "no copy was met");
}

#[test]
fn a_cube_killed_while_the_task_runs_loses_no_result() {
    let bed = Bed::new();
    let (target, flag) = copy_out(&bed);
    let script = format!("{}; sleep 1000", result(1_000_000));
    let mut running = run_sh(&bed, &[&flag], &script).ends(-9).spawn();
    running.wait_for_stdout("-\n");
    let id = bed.containers().remove(0);
    running.signal(Signal::KILL);
    bed.engine().send("POST", &format!("/containers/{id}/wait?condition=removed"), &[], b"");
    assert_eq!(sum(&target.join("big")), fs::read_to_string(target.join("sum")).unwrap());
    bed.assert_empty();
}

#[test]
fn a_folder_that_the_engine_does_not_see_is_reported() {
    let bed = Bed::new();
    let missing = bed.path("missing");
    let volume = format!("--volume={}:/x", missing.display());
    run_sh(&bed, &[&volume], "true").stderr_has("missing does not exist").output();
    run_sh(&bed, &[&volume], "true").output();
    run_sh(&bed, &["-q", &volume], "true").output();
    bed.assert_empty();
}

#[test]
fn copied_files_are_part_of_the_evidence_and_stored_once() {
    let bed = Bed::new();
    let (evidence, merged) = (bed.path("evidence"), bed.path("merged"));
    fs::create_dir(&merged).unwrap();
    fs::write(merged.join("own"), "the caller's").unwrap();
    let fresh = bed.path("fresh");
    let flags = [
        format!("--evidence={}", evidence.display()),
        format!("--copy-out=/out:{}", fresh.display()),
        format!("--copy-out=/out/.:{}", merged.display()),
        format!("--copy-out=/etc/hostname:{}", bed.path("name").display()),
    ];
    let run = |code: i32| {
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        run_sh(&bed, &flags, &format!("{}; exit {code}", result(1000))).ends(code).output();
    };
    run(3);
    let copied = evidence.join("copied-out");
    assert_eq!(fs::read(copied.join("out/sum")).unwrap(), fs::read(fresh.join("sum")).unwrap());
    let inode = |file: PathBuf| fs::metadata(file).unwrap().ino();
    assert_eq!(inode(copied.join("out/big")), inode(fresh.join("big")));
    assert_eq!(inode(copied.join("hostname")), inode(bed.path("name")));
    // A target folder with other files is not linked: the caller's own files are not evidence.
    assert_eq!(fs::read_dir(copied.join("out-2")).unwrap().count(), 2);
    assert_eq!(fs::read(copied.join("out-2/big")).unwrap(), fs::read(merged.join("big")).unwrap());
    fs::remove_dir_all(&evidence).unwrap();
    run(0);
    assert!(!copied.exists(), "a success leaves none");
}
