//! Files that cube writes to paths from the user: existing files are not harmed, and unwritable paths are found before
//! anything runs.

use std::fs;
use std::os::unix::fs::symlink;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::Value;

use crate::testbed::scripted::Scripted;
use crate::testbed::{Bed, Cube, probe};

fn pipe(bed: &Bed, name: &str) -> String {
    let path = bed.path(name);
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    path.into_os_string().into_string().unwrap()
}

fn names(bed: &Bed) -> Vec<String> {
    let names = fs::read_dir(bed.path("")).unwrap();
    names.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_cidfile_is_written_whole_and_never_through_a_link() {
    let bed = Bed::new();
    let path = bed.path("id");
    let name = path.to_str().unwrap();
    let task = bed.start(["--cidfile", name, "--image", &probe(), "forever"]);
    assert_eq!((fs::read_to_string(&path).unwrap(), names(&bed)), (task.id.clone(), vec!["id".to_owned()]));
    if !bed.engine().is_podman() {
        assert_eq!(task.inspect()["HostConfig"]["ContainerIDFile"], name);
    }
    // It exists: refused, and nothing is made.
    bed.run(["--cidfile", name, "--image", &probe()]).fails(125).stderr_has("exists").output();
    assert_eq!((fs::read_to_string(&path).unwrap(), bed.containers().len()), (task.id.clone(), 1));
    // A dangling link counts as existing too.
    symlink(bed.path("target"), bed.path("link")).unwrap();
    let link = bed.path("link").to_str().unwrap().to_owned();
    bed.run(["--cidfile", &link, "--image", &probe()]).fails(125).stderr_has("exists").output();
    assert!(!bed.path("target").exists());
}

#[test]
fn nobody_can_guess_the_cidfile_s_temporary_name() {
    let bed = Bed::new();
    let (victim, path) = (bed.file("victim", "kept"), bed.path("id"));
    // The shell's process becomes cube, so names made from its pid can be taken in advance.
    let lay =
        r#"for name in "$CID.$$" "$CID.tmp" "$CID~" "$CID.new"; do ln -s "$VICTIM" "$name"; done; exec "$@""#;
    let cidfile = path.to_str().unwrap();
    let run = bed.run(["--attach", "--keep", "--cidfile", cidfile, "--image", &probe(), "exit=0"]);
    run.by_shell(lay).env("CID", cidfile).env("VICTIM", &victim).output();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "kept");
    assert_eq!(fs::read_to_string(&path).unwrap(), bed.containers().remove(0));
    let links = names(&bed).iter().filter(|name| bed.path(name).is_symlink()).count();
    assert_eq!(links, 4, "another's were taken for drafts");
    bed.cube(["rm", "-f", &bed.containers().remove(0)]).output();
    // As with Docker, the file of a task that is gone stays.
    fs::remove_file(&path).unwrap();
    bed.run(["--attach", "--cidfile", cidfile, "--image", &probe(), "exit=0"]).output();
    assert_eq!(fs::read_to_string(&path).unwrap().len(), 64);
}

#[test]
fn an_unwritable_path_is_found_before_any_request() {
    let bed = Bed::new();
    let missing = bed.path("missing/file").to_str().unwrap().to_owned();
    let blocked = format!("{}/folder", bed.file("a-file", ""));
    let forms: [&[&str]; 2] = [&["run", "--attach", "--image", "x"], &["with", "--image", "x"]];
    for form in forms {
        for (flag, value) in [
            ("--result-file", &missing),
            ("--log-file", &missing),
            ("--cidfile", &missing),
            ("--evidence", &blocked),
        ] {
            // It answers nothing, so each request costs time.
            let engine = Scripted::new();
            let command: &[&str] = if form[0] == "with" { &["--", "touch", "ran"] } else { &[] };
            let args: Vec<&str> = form.iter().chain(&[flag, value]).chain(command).copied().collect();
            engine.cube(args).in_folder(&bed.path("")).fails(125).stderr_has(flag).output();
            assert!(!bed.path("ran").exists(), "{form:?} {flag}");
        }
    }
    Scripted::new().cube(["run", "--image", "x", "--result-file", &missing]).fails(125).output();
}

#[test]
fn a_pipe_without_a_reader_is_an_error() {
    let bed = Bed::new();
    let path = pipe(&bed, "pipe");
    for flag in ["--result-file", "--log-file"] {
        for form in [&["run", "--attach"][..], &["with"]] {
            let command: &[&str] = if form[0] == "with" { &["--", "true"] } else { &[] };
            let args: Vec<&str> =
                form.iter().chain(&["--image", "x", flag, &path]).chain(command).copied().collect();
            Scripted::new().cube(args).fails(125).stderr_has("nobody reads").stderr_has(flag).output();
        }
    }
}

#[test]
fn a_pipe_with_a_reader_gets_the_whole_result_and_log() {
    let bed = Bed::new();
    let (result, log) = (pipe(&bed, "result"), pipe(&bed, "log"));
    let readers = [&result, &log].map(|path| {
        let path = path.clone();
        std::thread::spawn(move || fs::read_to_string(path).unwrap())
    });
    let args =
        ["--attach", "--result-file", &result, "--log-file", &log, "--image", &probe(), "lines=3000x100"];
    let output = bed.run(args).output();
    let [result, log] = readers.map(|reader| reader.join().unwrap());
    assert_eq!(log, output.text());
    assert_eq!(serde_json::from_str::<Value>(&result).unwrap()["exit_code"], 0, "{result}");
    bed.assert_empty();
}

#[test]
fn evidence_replaces_links_and_pipes_and_never_writes_through_them() {
    let bed = Bed::new();
    let victim = bed.file("victim", "kept");
    fs::create_dir(bed.path("evidence")).unwrap();
    pipe(&bed, "evidence/task.log");
    for name in ["result.json", "inspect.json", "health.json"] {
        symlink(&victim, bed.path("evidence").join(name)).unwrap();
    }
    let flag = format!("--evidence={}", bed.path("evidence").display());
    bed.run(["--attach", &flag, "--image", &probe(), "out=why", "exit=3"]).ends(3).output();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "kept");
    assert_eq!(fs::read_to_string(bed.path("evidence/task.log")).unwrap(), "why\n");
    let result = fs::read_to_string(bed.path("evidence/result.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&result).unwrap()["exit_code"], 3);
    assert_eq!(fs::read_dir(bed.path("evidence")).unwrap().count(), 4, "a draft is left");
}

/// Runs with a limit on the size of files, in blocks of 512 bytes.
fn limited(cube: Cube, blocks: u32) -> Cube {
    cube.by_shell(&format!(r#"ulimit -f {blocks}; exec "$@""#))
}

#[test]
fn a_file_that_cannot_grow_is_an_error_not_a_silent_death() {
    let bed = Bed::new();
    let path = |name: &str| bed.path(name).to_str().unwrap().to_owned();
    let (file, image, label) = (path("file"), probe(), bed.label());
    let task = ["--image", &image, "lines=200x100"];
    for flag in ["--log-file", "--result-file", "--cidfile"] {
        let blocks = if flag == "--log-file" { 8 } else { 0 };
        let run = bed.run(["--attach", flag, &file].iter().chain(&task));
        limited(run, blocks).ends(125).stderr_has("File too large").stderr_has("hint: ").output();
        let _ = fs::remove_file(&file);
        bed.assert_empty();
    }
    let evidence = format!("{},on=always", path("evidence"));
    let run = bed.run(["--attach", "--evidence", &evidence].iter().chain(&task));
    limited(run, 0).ends(125).stderr_has("File too large").output();
    let copy = format!("/probe:{}", path("copied"));
    let with = ["with", "--label", &label, "--copy-out", &copy, "--image", &image, "forever", "--", "true"];
    limited(bed.cube(with), 8).ends(125).stderr_has("File too large").output();
    let run = bed.run(["--attach", "--copy-out", &copy].iter().chain(&task));
    limited(run, 8).ends(125).stderr_has("File too large").output();
    bed.assert_empty();
}
