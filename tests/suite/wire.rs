//! The same line through the Docker CLI and through cube: the create requests must be equal, field by field.
//!
//! Both use an engine that records requests and starts nothing.

mod lines;
mod plain;
mod recorded;
mod recorder;
mod surroundings;

use std::process::Command;
use std::sync::Mutex;
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::testbed::{Cube, cube::scratch, need};
use lines::LINES;
use plain::{comparable, is_attached, said};
use recorder::{Create, Recorder};

/// What may differ, and why.
const ALLOWED: [(&str, &str); 4] = [
    ("/Labels", "cube's own are there too"),
    ("/HostConfig/LogConfig", "a driver that keeps every byte, where none is named"),
    ("/HostConfig/AutoRemove", "in the foreground cube removes the container itself"),
    ("/HostConfig/PublishAllPorts", "the scripting form publishes all exposed ports"),
];

/// The oldest Docker CLI that knows all of these flags.
const OLDEST_CLI: u32 = 28;

/// A folder with the files that the lines name.
fn folder() -> TempDir {
    need::settle();
    // The recorded paths of lines with `..` are below /tmp, wherever temporary files are on this machine.
    let folder = TempDir::with_prefix_in("cube-test-", "/tmp").unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("env", "FROM_FILE=1\n# c\nHOME\nOTHER= a b \n");
    write(".env", "FROM_FILE=1\n");
    write("labels", "a=file\nb=file\nbare\n");
    write("profile.json", "{\n  \"defaultAction\": \"SCMP_ACT_ALLOW\"\n}\n");
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    folder
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(|word| word.replace('_', " ")).collect()
}

/// The words of a line of `LINES`: `_` is a space in rules and sizes only.
fn line_words(line: &str) -> Vec<String> {
    let spaced = ["c_189", "b_8", "32_"];
    let is_spaced = |word: &&str| spaced.iter().any(|part| word.contains(part));
    line.split(' ')
        .map(|word| if is_spaced(&word) { word.replace('_', " ") } else { word.to_owned() })
        .collect()
}

/// Why this machine's Docker CLI cannot be used for comparison, if it cannot.
fn unfit_cli() -> Option<String> {
    let output = Command::new("docker").args(["version", "--format", "{{.Client.Version}}"]).output();
    let Ok(output) = output else { return Some("there is no Docker CLI here".to_owned()) };
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let major: u32 = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or_default();
    (major < OLDEST_CLI).then(|| format!("the Docker CLI here is {version}, and {OLDEST_CLI} is the measure"))
}

/// Sends one line through cube, and through Docker's CLI if it can be used. Returns the CLI's request, and the fault of
/// cube's, if any.
fn compare(
    engine: &Recorder,
    line: &[String],
    kept: Option<&Create>,
    has_cli: bool,
) -> (Option<Create>, Option<String>) {
    let (folder, shown) = (folder(), line.join(" "));
    let measured = has_cli.then(|| engine.by_docker(line, folder.path()).0);
    let measured = measured
        .map(|measured| measured.map(|measured| recorded::portable(&measured, folder.path(), engine)));
    if let Some(measured) = &measured
        && !recorded::is_asked_for()
        && measured.as_ref() != kept
    {
        return (
            measured.clone(),
            Some(format!("{shown}\n  docker asks {measured:?}\n  recorded is {kept:?}")),
        );
    }
    let Some(docker) = measured.unwrap_or_else(|| kept.cloned()) else { return (None, None) };
    let (cube, said) = engine.by_cube(line, folder.path());
    let Some(cube) = cube else { return (Some(docker), Some(format!("{shown}\n  refused: {said}"))) };
    let cube = recorded::portable(&cube, folder.path(), engine);
    let (wanted, got) = (comparable(&docker, &docker, false), comparable(&cube, &docker, false));
    let keeps = is_attached(&docker) && cube.body["HostConfig"]["AutoRemove"] == true;
    let wrong = (wanted != got || keeps).then(|| format!("{shown}\n  docker: {wanted:?}\n  cube:   {got:?}"));
    (Some(docker), wrong)
}

/// The file with the recorded requests is written by one test at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A line, and the stored form of the CLI's request for it.
type Work<'a> = (&'a Vec<String>, Option<Create>);

/// Sends all lines to several engines at once; returns how many of them Docker's CLI accepts.
fn compare_all(part: &str, api: &'static str, lines: &[Vec<String>]) -> usize {
    let unfit = unfit_cli();
    if let Some(reason) = &unfit {
        println!("compared with what was recorded: {reason}");
    }
    let kept = if recorded::is_asked_for() { vec![None; lines.len()] } else { recorded::read(part, lines) };
    let work: Vec<Work> = lines.iter().zip(kept).collect();
    let results: Vec<(Option<Create>, Option<String>)> = thread::scope(|scope| {
        let has_cli = unfit.is_none();
        let chunks: Vec<_> = work.chunks(work.len().div_ceil(4)).collect();
        let running: Vec<_> = chunks
            .into_iter()
            .map(|chunk| {
                scope.spawn(move || {
                    let engine = Recorder::new(api);
                    let one = |(line, kept): &Work| compare(&engine, line, kept.as_ref(), has_cli);
                    chunk.iter().map(one).collect::<Vec<_>>()
                })
            })
            .collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let taken = results.iter().filter(|(docker, _)| docker.is_some()).count();
    let (asked, wrong): (Vec<_>, Vec<_>) = results.into_iter().unzip();
    if recorded::is_asked_for() {
        assert_eq!(unfit, None, "only a newer Docker CLI can be recorded");
        let _alone = ONE_AT_A_TIME.lock().unwrap();
        recorded::write(part, &lines.iter().cloned().zip(asked).collect::<Vec<_>>());
    }
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{} lines differ:\n{}", wrong.len(), wrong.join("\n"));
    taken
}

#[test]
fn every_flag_in_every_form_sends_what_docker_sends() {
    let line = |flags: &&str| {
        let behind = ["image:1", "sh", "-c", "echo -n x", "--", "-d"].map(str::to_owned);
        line_words(flags).into_iter().chain(behind).collect::<Vec<_>>()
    };
    let lines: Vec<Vec<String>> = LINES.iter().map(line).collect();
    assert_eq!(compare_all("flags", "1.50", &lines), LINES.len(), "Docker's CLI refuses a line of these");
}

#[test]
fn every_real_line_sends_what_docker_sends() {
    let line = |text: &str| {
        let line: Value = serde_json::from_str(text).unwrap();
        let list = |key: &str| line[key].as_array().unwrap().iter().map(|w| w.as_str().unwrap().to_owned());
        let image = line["image"].as_str().unwrap().to_owned();
        list("tokens").chain([image]).chain(list("command")).collect::<Vec<_>>()
    };
    let lines: Vec<Vec<String>> = include_str!("docker-run.jsonl").lines().map(line).collect();
    assert_eq!(lines.len(), 300);
    let taken = compare_all("real", "1.50", &lines);
    println!("Docker's CLI takes {taken} of {} lines, and cube asks the same", lines.len());
    assert!(taken > 250, "Docker's CLI takes {taken} lines only");
}

#[test]
fn the_scripting_form_sends_the_same_except_for_the_ports() {
    let (engine, folder) = (Recorder::new("1.50"), folder());
    for flags in ["-d --name web -p 80 -e A=1", "-d --network web --cap-add net_admin -v /tmp:/x", "-d -P"] {
        // By the tests above, Docker's own form sends what the CLI sends.
        let line: Vec<String> =
            words(flags).into_iter().chain(["image".to_owned(), "cmd".to_owned()]).collect();
        let docker = engine.by_cube(&line, folder.path()).0.unwrap();
        let line: Vec<String> =
            words(flags).into_iter().chain(["--image", "image", "cmd"].map(str::to_owned)).collect();
        let cube = engine.by_cube(&line, folder.path()).0.unwrap();
        assert_eq!(cube.body["HostConfig"]["PublishAllPorts"], true);
        assert_eq!(comparable(&cube, &docker, true), comparable(&docker, &docker, true), "{flags}");
    }
    assert_eq!(ALLOWED.len(), 4);
}

/// Before API 1.44 a create request takes one network, and the container's own MAC address.
#[test]
fn an_older_engine_gets_the_networks_one_by_one() {
    let (engine, folder) = (Recorder::new("1.41"), folder());
    let line = words(
        "-d --network web --network name=back,alias=b,ip=172.30.0.5 --network third --mac-address 92:d0:c6:0a:29:33 image",
    );
    let cube = Cube::new(std::iter::once("run").chain(line.iter().map(String::as_str)));
    let cube = cube.env("DOCKER_HOST", engine.host()).env("HOME", scratch()).in_folder(folder.path());
    cube.ends(125).output();
    let asked = engine.take();
    let body = |at: usize| serde_json::from_slice::<Value>(&asked[at].1).unwrap();
    let paths: Vec<&str> = asked.iter().map(|(request, _)| request.split('?').next().unwrap()).collect();
    let start = paths.iter().position(|path| path.ends_with("/start")).unwrap();
    let posts: Vec<usize> = (0..start).filter(|at| paths[*at].starts_with("POST")).collect();
    let named: Vec<&str> = posts.iter().map(|at| paths[*at]).collect();
    assert_eq!(
        named,
        ["POST /containers/create", "POST /networks/back/connect", "POST /networks/third/connect"]
    );
    let create = body(posts[0]);
    assert_eq!(
        (&create["MacAddress"], &create["HostConfig"]["NetworkMode"]),
        (&json!("92:d0:c6:0a:29:33"), &json!("web"))
    );
    let endpoints = create["NetworkingConfig"]["EndpointsConfig"].as_object().unwrap();
    assert_eq!(endpoints.keys().collect::<Vec<_>>(), ["web"]);
    let joined = said("", &body(posts[1])["EndpointConfig"]).unwrap();
    assert_eq!(joined, json!({"Aliases": ["b"], "IPAMConfig": {"IPv4Address": "172.30.0.5"}}));
}

/// Fields that engine 20.10 does not support are refused before anything is made there.
#[test]
fn fields_that_an_older_engine_lacks_are_refused_before_the_create() {
    let (engine, folder) = (Recorder::new("1.41"), folder());
    for (flags, name) in [
        ("--annotation a=b", "--annotation"),
        ("--health-cmd true --health-start-interval 1s", "--health-start-interval"),
        (
            "--mount type=bind,src=/tmp,dst=/x,ro,bind-recursive=readonly,bind-propagation=rprivate",
            "bind-recursive=readonly",
        ),
        ("--network a --network name=b,mac-address=92:d0:c6:0a:29:33", "mac-address"),
        ("--mount source=a,target=/x,volume-subpath=b", "volume-subpath"),
        ("--mount type=image,source=a,target=/x", "type=image"),
        ("--network name=a,gw-priority=1", "gw-priority"),
    ] {
        let line = words(flags);
        let cube =
            Cube::new(["run", "-d"].into_iter().chain(line.iter().map(String::as_str)).chain(["image"]));
        let cube = cube.env("DOCKER_HOST", engine.host()).env("HOME", scratch()).in_folder(folder.path());
        cube.fails(125).stderr_has(name).stderr_has("1.41").output();
        let asked = engine.take();
        assert!(asked.iter().all(|(request, _)| request.starts_with("GET /_ping")), "{flags}: {asked:?}");
    }
    let newer = Recorder::new("1.50");
    let cube = Cube::new(["run", "-d", "--kernel-memory", "64m", "image"]);
    let cube = cube.env("DOCKER_HOST", newer.host()).env("HOME", scratch()).in_folder(folder.path());
    cube.fails(125).stderr_has("--kernel-memory").output();
}
