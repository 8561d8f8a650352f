//! `cube cp` compared with `docker cp`: the same arguments on two containers, or in two folders, make the same files.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::json;
use tempfile::TempDir;

use crate::testbed::cube::binary;
use crate::testbed::{Bed, Task, shell};

/// A tree that is made on this machine and in containers. Its times are in the past: a newer time was set by a copy.
const TREE: &str = r"
set -e
mkdir -p tree/sub/empty tree/sub/deep tree/private tree/sticky
printf one >tree/file; printf two >tree/sub/two; : >tree/sub/nothing
head -c 200000 /dev/urandom >big; cat big big >tree/sub/deep/big; rm big
printf run >tree/run; chmod 4755 tree/run; printf s >tree/private/secret; chmod 400 tree/private/secret
chmod 700 tree/private; chmod 1777 tree/sticky
ln -s sub/two tree/link; ln -s /etc/passwd tree/absolute; ln -s nowhere tree/dangling; ln -s sub tree/folder-link
ln tree/file tree/hard; ln tree/file tree/sub/hard
long=$(printf 'x%.0s' $(seq 1 120)); mkdir tree/$long; printf long >tree/$long/$long; ln -s $long/$long tree/long-link
printf space >'tree/a b'; printf u >tree/ü; ln -s ü 'tree/ü link'; printf c >tree/co:lon; printf n >$'tree/new\nline'
printf '%s' - >tree/-dash; printf p >'tree/100%'; truncate -s 300000 tree/sub/sparse
chown -h 1234:5678 tree/sub/two tree/link tree/sticky tree/run; chmod 4755 tree/run
printf file >file; ln -s file link; ln -s tree tree-link; printf old >existing; mkdir folder; printf kept >folder/kept
mkdir merge merge/tree merge/tree/sub; printf old >merge/tree/file; printf kept >merge/tree/kept; mkdir onto onto/file
mkdir clash; printf x >clash/tree; ln -s folder to-folder; ln -s existing to-file; ln -s missing to-nothing
mkdir through; ln -s ../folder through/tree
find . -depth -exec touch -h -d '2001-02-03 04:05:06' {} +
";

/// Pairs of SRC and DST; `@` stands for the container's `/w/`.
const CASES: &[(&str, &str)] = &[
    ("file", "@new"),
    ("file", "@new/"),
    ("file", "@existing"),
    ("file", "@folder"),
    ("file", "@folder/"),
    ("file", "@folder/other"),
    ("file", "@missing/new"),
    ("file", "@onto"),
    ("file", "@to-folder"),
    ("file", "@to-file"),
    ("file", "@to-nothing"),
    ("./file", "@folder/."),
    ("file/", "@new"),
    ("missing", "@new"),
    ("tree", "@new"),
    ("tree", "@new/"),
    ("tree", "@folder"),
    ("tree", "@existing"),
    ("tree", "@merge"),
    ("tree", "@clash"),
    ("tree", "@through"),
    ("tree", "@missing/new"),
    ("tree/", "@folder"),
    ("tree/.", "@new"),
    ("tree/.", "@folder"),
    ("tree/.", "@to-folder"),
    ("tree/.", "@existing"),
    ("tree/sub/..", "@new"),
    ("tree/./sub", "@folder"),
    ("tree/ü", "@folder"),
    ("tree/a b", "@new name"),
    ("tree/hard", "@new"),
    ("tree/run", "@new"),
    ("tree/private/secret", "@new"),
    ("link", "@new"),
    ("link", "@folder"),
    ("-L link", "@new"),
    ("-L link", "@folder"),
    ("tree-link", "@new"),
    ("tree-link", "@folder"),
    ("tree-link/", "@folder"),
    ("tree-link/.", "@new"),
    ("-L tree-link", "@new"),
    ("-L tree-link", "@folder"),
    ("-L tree", "@new"),
    ("tree/dangling", "@new"),
    ("-L tree/dangling", "@new"),
    ("tree/absolute", "@new"),
    ("tree/folder-link/two", "@new"),
    ("-a tree", "@new"),
    ("-a file", "@folder"),
    ("-a -L link", "@new"),
    ("-q tree", "@folder"),
    ("-L tree/link", "@folder"),
    ("-L tree/folder-link", "@folder"),
    ("tree/folder-link", "@folder"),
    ("tree/folder-link/", "@new"),
    ("tree/folder-link/.", "@folder"),
    ("tree/dangling", "@folder"),
    ("tree/dangling/", "@new"),
    ("tree/ü link", "@folder"),
    ("tree/co:lon", "@co:lon"),
    ("./tree/co:lon", "@folder"),
    ("tree/new\nline", "@folder"),
    ("tree/new\nline", "@new\nname"),
    ("tree/-dash", "@-"),
    ("tree/100%", "@100%20%"),
    ("tree/sub/sparse", "@new"),
    ("tree/sub/empty", "@folder"),
    ("tree/sub/empty/.", "@new"),
    ("tree/sub/nothing", "@new"),
    ("file", "@to-folder/"),
    ("file", "@to-folder/new"),
    ("file", "@to-nothing/"),
    ("file", "@file"),
    ("file", "@file/below"),
    ("file", "@onto/file"),
    ("tree", "@to-folder"),
    ("tree", "@to-file"),
    ("tree", "@to-nothing"),
    ("tree", "@folder/new/"),
    ("tree/.", "@folder/."),
    ("tree/.", "@missing/new"),
    ("missing/", "@new"),
    ("missing/.", "@folder"),
    ("../../../../../../../../../missing", "@new"),
];

/// All cases if they are requested, by default every third one.
fn cases() -> Vec<(&'static str, &'static str)> {
    let step = if std::env::var_os("CUBE_TEST_CP").is_some() { 1 } else { 3 };
    CASES.iter().copied().step_by(step).collect()
}

/// The cases that are copied in other states of the container too.
const SOME: &[(&str, &str)] = &[
    ("file", "@new"),
    ("file", "@folder"),
    ("file", "@missing/new"),
    ("tree", "@new"),
    ("tree", "@merge"),
    ("tree", "@existing"),
    ("tree/.", "@folder"),
    ("-L link", "@new"),
    ("-a tree", "@new"),
    // Out of the volume, if there is one.
    ("file", "@../../new"),
];

fn sh(folder: &Path, script: &str) {
    let done = Command::new("bash").args(["-c", script]).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// A folder of this machine in which the tree is.
fn laid_out() -> TempDir {
    let folder = TempDir::with_prefix("cube-test-").unwrap();
    sh(folder.path(), TREE);
    folder
}

/// The same folder once more.
fn twin(of: &TempDir) -> TempDir {
    let twin = TempDir::with_prefix("cube-test-").unwrap();
    sh(of.path(), &format!("cp -a . {}/", twin.path().display()));
    twin
}

fn packed(folder: &Path) -> Vec<u8> {
    let done = Command::new("tar").args(["-cC"]).arg(folder).arg(".").output().unwrap();
    assert!(done.status.success());
    done.stdout
}

/// A container in whose `/w` the tree is.
fn container<'bed>(bed: &'bed Bed, name: &str, tree: &Path, more: serde_json::Value) -> Task<'bed> {
    let task = made(bed, name, more);
    put(bed, &task, "/", &packed_as(tree, &["w".to_owned()]));
    task
}

fn made<'bed>(bed: &'bed Bed, name: &str, more: serde_json::Value) -> Task<'bed> {
    let mut config = json!({"Image": shell(), "Cmd": ["sleep", "1000"], "User": "1000:1000"});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    bed.foreign(name, config)
}

/// The folder under each of these names.
fn packed_as(folder: &Path, names: &[String]) -> Vec<u8> {
    let outer = TempDir::new().unwrap();
    for name in names {
        sh(folder, &format!("mkdir {0}/{name} && cp -a . {0}/{name}/", outer.path().display()));
    }
    packed(outer.path())
}

fn put(bed: &Bed, task: &Task, path: &str, tar: &[u8]) {
    let query = format!("/containers/{}/archive?path={path}", task.id);
    let answer = bed.engine().send("PUT", &query, &["Content-Type: application/x-tar"], tar);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
}

/// The files at a path of a container, from the engine's own tar, unpacked by GNU tar.
fn inside(bed: &Bed, task: &Task, path: &str) -> BTreeMap<String, String> {
    let query = format!("/containers/{}/archive?path={path}", task.id);
    let answer = bed.engine().send("GET", &query, &[], &[]);
    assert_eq!(answer.status, 200);
    let folder = TempDir::new().unwrap();
    let mut tar =
        Command::new("tar").args(["-xpC"]).arg(folder.path()).stdin(Stdio::piped()).spawn().unwrap();
    tar.stdin.take().unwrap().write_all(&answer.body).unwrap();
    assert!(tar.wait().unwrap().success());
    snapshot(&folder.path().join(path.rsplit('/').next().unwrap()))
}

/// A description of everything below a folder: kind, mode, owner, time, links and content.
fn snapshot(folder: &Path) -> BTreeMap<String, String> {
    let (mut all, mut inodes) = (BTreeMap::new(), BTreeMap::new());
    walk(folder, folder, &mut all, &mut inodes);
    all
}

fn walk(top: &Path, folder: &Path, all: &mut BTreeMap<String, String>, inodes: &mut BTreeMap<u64, String>) {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let found = path.symlink_metadata().unwrap();
        let name = path.strip_prefix(top).unwrap().display().to_string();
        let content = match () {
            () if found.is_symlink() => fs::read_link(&path).unwrap().display().to_string(),
            () if found.is_file() => format!("{:x}", hash(&fs::read(&path).unwrap())),
            () => String::new(),
        };
        let first = inodes.entry(found.ino()).or_insert_with(|| name.clone()).clone();
        let linked = if found.is_dir() || first == name { String::new() } else { format!(" is {first}") };
        // A time of today is the time of the copy.
        let age = SystemTime::now().duration_since(found.modified().unwrap()).unwrap_or_default();
        let time = if age < Duration::from_hours(24) { "now".to_owned() } else { found.mtime().to_string() };
        let (mode, uid, gid) = (found.mode(), found.uid(), found.gid());
        all.insert(name, format!("{mode:o} {uid}:{gid} {time} {content}{linked}"));
        if found.is_dir() {
            walk(top, &path, all, inodes);
        }
    }
}

fn hash(bytes: &[u8]) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

fn cp(program: impl AsRef<OsStr>, folder: &Path, words: &str, from: &str, to: &str) -> Output {
    let mut command = Command::new(program);
    command.arg("cp").args(words.split_whitespace()).args([from, to]).current_dir(folder);
    command.output().unwrap()
}

/// The flags of a case, and its path.
fn split(source: &str) -> (&str, &str) {
    source.strip_prefix('-').map_or(("", source), |_| source.split_once(' ').unwrap())
}

/// The differences, line by line.
fn differences(docker: &BTreeMap<String, String>, cube: &BTreeMap<String, String>) -> Vec<String> {
    let names: std::collections::BTreeSet<_> = docker.keys().chain(cube.keys()).collect();
    let differing = names.into_iter().filter(|name| docker.get(*name) != cube.get(*name));
    differing
        .map(|name| format!("{name}: docker {:?}, cube {:?}", docker.get(name), cube.get(name)))
        .collect()
}

/// Whether both had the same outcome, with the output of both.
fn compare_ends(docker: &Output, cube: &Output) -> Vec<String> {
    let words = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let alike = docker.status.success() == cube.status.success();
    let mut wrong = Vec::new();
    if !alike {
        wrong.push(format!(
            "docker: {} {}, cube: {} {}",
            docker.status,
            words(docker),
            cube.status,
            words(cube)
        ));
    }
    if !cube.stdout.is_empty() || (cube.status.success() && !cube.stderr.is_empty()) {
        wrong.push(format!("cube is not silent: {}", words(cube)));
    }
    if !cube.status.success() && !words(cube).contains("\n  hint: ") {
        wrong.push(format!("no hint: {}", words(cube)));
    }
    wrong
}

/// A state that a container is in when files are copied into it.
struct State {
    name: &'static str,
    /// The requests that bring a new container into this state.
    requests: &'static [&'static str],
    /// The folder that the copies go to.
    top: &'static str,
    config: serde_json::Value,
}

fn states() -> [State; 6] {
    let state = |name, requests, top, config| State { name, requests, top, config };
    let host =
        |more: &str, value: serde_json::Value| json!({"HostConfig": {"NetworkMode": "none", more: value}});
    let mut read_only = host("ReadonlyRootfs", true.into());
    read_only["Volumes"] = json!({"/volume": {}});
    [
        state("created", &[], "", host("Tmpfs", json!({}))),
        state("running", &["start"], "", host("Tmpfs", json!({}))),
        state("paused", &["start", "pause"], "", host("Tmpfs", json!({}))),
        state("exited", &["start", "kill"], "", host("Tmpfs", json!({}))),
        state("with a volume", &["start"], "/volume", {
            let mut config = host("Tmpfs", json!({}));
            config["Volumes"] = json!({"/volume": {}});
            config
        }),
        state("with a volume and a read-only root", &["start"], "/volume", read_only),
    ]
}

/// Two containers in this state, each with a tree for every case: the first is Docker's, the second is cube's.
fn twins<'bed>(bed: &'bed Bed, state: &State, tree: &Path, cases: usize) -> [Task<'bed>; 2] {
    let names: Vec<String> = (0..cases).map(|number| format!("w{number}")).collect();
    let tar = packed_as(tree, &names);
    ["d", "c"].map(|kind| {
        let task =
            made(bed, &format!("{}-{kind}-{}", bed.name(), state.requests.len()), state.config.clone());
        put(bed, &task, if state.top.is_empty() { "/" } else { state.top }, &tar);
        for request in state.requests {
            bed.engine().post(&format!("/containers/{}/{request}", task.id), &serde_json::Value::Null);
        }
        if state.requests.contains(&"kill") {
            task.wait_until(|seen| seen["State"]["Running"] == false);
        }
        task
    })
}

fn differences_into(state: &State, cases: &[(&str, &str)]) -> Vec<String> {
    let (bed, tree) = (Bed::new(), laid_out());
    let both = twins(&bed, state, tree.path(), cases.len());
    let mut wrong = Vec::new();
    for (number, (source, target)) in cases.iter().enumerate() {
        // podman makes the folder for Docker's CLI; cube names it as missing, as on Docker.
        if bed.engine().is_podman() && target.contains("missing/") {
            continue;
        }
        let (words, from) = split(source);
        let top = format!("{}/w{number}", state.top);
        let to = |task: &Task| target.replacen('@', &format!("{}:{top}/", task.id), 1);
        let docker = cp("docker", tree.path(), words, from, &to(&both[0]));
        let cube = cp(binary(), tree.path(), words, from, &to(&both[1]));
        let mut found = compare_ends(&docker, &cube);
        let (mut docker_s, mut cube_s) = (inside(&bed, &both[0], &top), inside(&bed, &both[1], &top));
        // podman sets the time of an existing folder from the archive's entry for it, which cube does not send.
        if bed.engine().is_podman() && source.ends_with("/.") {
            docker_s.remove("folder");
            cube_s.remove("folder");
        }
        found.extend(differences(&docker_s, &cube_s));
        print_row(&format!("into a container {}", state.name), source, target, &docker, &found);
        wrong.extend(found.iter().map(|what| format!("{}: cp {source} {target}: {what}", state.name)));
    }
    wrong
}

/// A row of the table that `--nocapture` shows.
fn print_row(way: &str, source: &str, target: &str, docker: &Output, found: &[String]) {
    let end = if docker.status.success() { "copied" } else { "refused" };
    let same = if found.is_empty() { "the same" } else { "another" };
    println!("| {way} | {source:?} | {target:?} | {end} | {same} |");
}

#[test]
fn every_copy_into_a_container_is_docker_s() {
    let [created, others @ ..] = states();
    let mut wrong = differences_into(&created, &cases());
    wrong.extend(others.iter().flat_map(|state| differences_into(state, SOME)));
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_copy_out_of_a_container_is_docker_s() {
    let (bed, tree) = (Bed::new(), laid_out());
    let task = container(&bed, bed.name(), tree.path(), json!({}));
    let mut wrong = Vec::new();
    for (source, target) in &cases() {
        // podman leaves the folder itself out of its content: Docker's CLI then unpacks beside the target.
        if bed.engine().is_podman() && source.ends_with("/.") && *target == "@new" {
            continue;
        }
        let both = [twin(&tree), twin(&tree)];
        let (words, from) = split(source);
        let from = format!("{}:/w/{from}", task.id);
        let to = target.replacen('@', "./", 1);
        let docker = cp("docker", both[0].path(), words, &from, &to);
        let cube = cp(binary(), both[1].path(), words, &from, &to);
        let mut found = compare_ends(&docker, &cube);
        found.extend(differences(&snapshot(both[0].path()), &snapshot(both[1].path())));
        print_row("out of a container", source, target, &docker, &found);
        wrong.extend(found.iter().map(|what| format!("cp {source} {target}: {what}")));
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

/// A running container with paths that copies must reach, and paths that they cannot.
fn mounted<'bed>(bed: &'bed Bed, tree: &Path) -> Task<'bed> {
    let more = json!({
        "Volumes": {"/volume": {}},
        "HostConfig": {
            "NetworkMode": "none",
            "Binds": [format!("{}:/bind", tree.display()), format!("{}:/bind-ro:ro", tree.display())],
            "Tmpfs": {"/scratch": ""},
        },
    });
    let task = container(bed, bed.name(), tree, more);
    bed.engine().post(&format!("/containers/{}/start", task.id), &serde_json::Value::Null);
    task
}

#[test]
fn a_running_and_a_stopped_container_and_its_volumes_are_reached() {
    let (bed, tree) = (Bed::new(), laid_out());
    let task = mounted(&bed, tree.path());
    for (round, path) in ["/volume/x", "/bind/x", "/w/x", "/tmp/x"].iter().enumerate() {
        let file = bed.file("given", &format!("round {round}"));
        bed.cube(["cp", &file, &format!("{}:{path}", task.id)]).output();
        let back = bed.path("back");
        bed.cube(["cp", &format!("{}:{path}", task.id), back.to_str().unwrap()]).output();
        assert_eq!(fs::read_to_string(&back).unwrap(), format!("round {round}"));
        assert_eq!(bed.cube(["exec", &task.id, "cat", path]).text(), format!("round {round}"));
    }
    bed.engine().post(&format!("/containers/{}/kill", task.id), &serde_json::Value::Null);
    task.wait_until(|seen| seen["State"]["Running"] == false);
    let back = bed.path("again");
    bed.cube(["cp", &format!("{}:/volume/x", task.id), back.to_str().unwrap()]).output();
    assert_eq!(fs::read_to_string(&back).unwrap(), "round 0");
}

#[test]
fn paths_that_a_copy_does_not_reach_are_refused() {
    let (bed, tree) = (Bed::new(), laid_out());
    let task = mounted(&bed, tree.path());
    let file = bed.file("given", "x");
    // podman reaches a tmpfs of a task that runs.
    let in_memory = Some("/scratch/x").filter(|_| !bed.engine().is_podman());
    for path in ["/dev/shm/x", "/proc/x"].into_iter().chain(in_memory) {
        bed.cube(["cp", &file, &format!("{}:{path}", task.id)])
            .fails(1)
            .stderr_has("no copy reaches")
            .output();
        bed.cube(["cp", &format!("{}:{path}", task.id), "/tmp/never"])
            .fails(1)
            .stderr_has("no copy reaches")
            .output();
    }
    bed.cube(["cp", &file, &format!("{}:/bind-ro/x", task.id)]).fails(1).stderr_has("read-only").output();
    bed.cube(["cp", &format!("{}:/w/none", task.id), "/tmp/never"])
        .fails(1)
        .stderr_has("has no /w/none")
        .output();
    bed.cube(["cp", &format!("{}:/a", task.id), &format!("{}:/b", task.id)]).fails(2).output();
    bed.cube(["cp", &file, "elsewhere"]).fails(2).stderr_has("TASK:PATH").output();
    // Not everything in this folder.
    bed.cube(["cp", "", &format!("{}:/x", task.id)]).fails(2).stderr_has("SRC is empty").output();
    bed.cube(["cp", &format!("{}:/w/file", task.id), ""]).fails(2).stderr_has("DST is empty").output();
    let unwritable = ["cp", &format!("{}:/w/tree", task.id), "/proc/self/x"].map(str::to_owned);
    bed.cube(unwritable).fails(1).stderr_has("cannot write /proc/self/x").output();
    bed.cube(["cp", "no-such-task:/a", "/tmp/never"]).fails(1).stderr_has("no-such-task").output();
    assert!(!Path::new("/tmp/never").exists());
}

#[test]
fn podman_s_copies_reach_a_tmpfs_of_a_task_that_runs() {
    let (bed, tree) = (Bed::new(), laid_out());
    if !bed.engine().is_podman() {
        return;
    }
    let task = mounted(&bed, tree.path());
    let file = bed.file("given", "in memory");
    bed.cube(["cp", &file, &format!("{}:/scratch/x", task.id)]).output();
    assert_eq!(bed.cube(["exec", &task.id, "cat", "/scratch/x"]).text(), "in memory");
    let back = bed.path("back");
    bed.cube(["cp", &format!("{}:/scratch/x", task.id), back.to_str().unwrap()]).output();
    assert_eq!(fs::read_to_string(&back).unwrap(), "in memory");
    // So nothing is left out of this archive, and there is no warning.
    let archive = bed.cube(["cp", &format!("{}:/", task.id), "-"]).output().stdout;
    assert!(archive.windows(9).any(|bytes| bytes == b"in memory"));
}

#[test]
fn no_link_hides_that_a_copy_would_be_lost_in_a_tmpfs() {
    let (bed, tree) = (Bed::new(), laid_out());
    if bed.engine().is_podman() {
        return; // It loses nothing there.
    }
    sh(
        tree.path(),
        "ln -s /scratch to-scratch; ln -s to-scratch/below deep; mkdir -p root/scratch/below root/w",
    );
    let task = mounted(&bed, tree.path());
    bed.cube(["exec", &task.id, "sh", "-c", "echo inside >/scratch/x; mkdir /scratch/below"]).output();
    let (file, at) = (bed.file("given", "x"), |path: &str| format!("{}:{path}", task.id));
    for path in ["/w/to-scratch/x", "/w/deep/x", "/w/to-scratch"] {
        bed.cube(["cp", &file, &at(path)]).fails(1).stderr_has("/scratch is a tmpfs").output();
    }
    bed.cube(["cp", &at("/w/to-scratch/."), "/tmp/never"]).fails(1).stderr_has("is a tmpfs").output();
    bed.cube(["cp", &at("/w/to-scratch/below"), "/tmp/never"]).fails(1).stderr_has("is a tmpfs").output();
    // The link itself can be copied.
    let link = bed.path("link");
    bed.cube(["cp", &at("/w/to-scratch"), link.to_str().unwrap()]).output();
    assert_eq!(fs::read_link(link).unwrap(), Path::new("/scratch"));
    // A folder with a tmpfs in it is copied without the tmpfs; writing below the tmpfs is an error.
    let content = format!("{}/root/.", tree.path().display());
    bed.cube(["cp", &content, &at("/")]).fails(1).stderr_has("no copy reaches scratch/below").output();
    bed.cube(["cp", &at("/"), "-"]).stderr_has("left out /scratch (a tmpfs)").output();
    assert!(!Path::new("/tmp/never").exists());
}

#[test]
fn a_dash_is_a_tar_archive_both_ways() {
    let (bed, tree) = (Bed::new(), laid_out());
    let task = container(&bed, bed.name(), tree.path(), json!({}));
    let archive = bed.cube(["cp", &format!("{}:/w/tree", task.id), "-"]).output().stdout;
    let docker = Command::new("docker").args(["cp", &format!("{}:/w/tree", task.id), "-"]).output().unwrap();
    assert!(archive == docker.stdout && !archive.is_empty());
    let to = format!("{}:/w/folder", task.id);
    bed.cube(["cp", "-", &to]).stdin(archive).output();
    let all = inside(&bed, &task, "/w");
    assert_eq!(all.get("folder/tree/sub/two"), all.get("tree/sub/two"));
    bed.cube(["cp", "-", &format!("{}:/w/file", task.id)])
        .stdin("x")
        .fails(1)
        .stderr_has("no folder")
        .output();
}

#[test]
fn a_copy_is_reported_as_json() {
    let (bed, tree) = (Bed::new(), laid_out());
    let task = container(&bed, bed.name(), tree.path(), json!({}));
    let target = bed.path("x");
    let object = bed
        .cube(["-o", "json", "cp", &format!("{}:/w/file", task.id), target.to_str().unwrap()])
        .output()
        .json();
    assert_eq!((&object["action"], &object["result"]), (&json!("copy"), &json!("success")), "{object}");
    let failed = bed.cube(["-o", "json", "cp", &format!("{}:/none", task.id), "x"]).ends(1).output().json();
    assert_eq!((&failed["action"], &failed["error"]["kind"]), (&json!("copy"), &json!("file")), "{failed}");
}

#[test]
fn devices_and_pipes_are_left_out_with_a_warning() {
    let (bed, tree) = (Bed::new(), laid_out());
    sh(tree.path(), "mkfifo tree/pipe; mknod tree/null c 1 3");
    let task = container(&bed, bed.name(), tree.path(), json!({}));
    let target = bed.path("out");
    let copy = bed.cube(["cp", &format!("{}:/w/tree", task.id), target.to_str().unwrap()]);
    let output = copy.stderr_has("tree/pipe (a fifo)").stderr_has("tree/null (a device)").output();
    assert!(output.stdout.is_empty() && target.join("file").exists() && !target.join("pipe").exists());
    let alone = bed.cube(["cp", &format!("{}:/w/tree/pipe", task.id), bed.path("p").to_str().unwrap()]);
    alone.fails(1).stderr_has("a fifo").output();
    assert!(!bed.path("p").exists());
}
