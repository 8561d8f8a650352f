//! The same line through the Docker CLI and through cube: the create requests are equal, field by field.
//!
//! Both talk to an engine that writes down what it is asked and starts nothing.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::testbed::{Cube, cube::scratch};

/// What may differ, and why.
const ALLOWED: [(&str, &str); 4] = [
    ("/Labels", "cube's own are there too"),
    ("/HostConfig/LogConfig", "a driver that keeps every byte, where none is named"),
    ("/HostConfig/AutoRemove", "in the foreground cube removes the container itself"),
    ("/HostConfig/PublishAllPorts", "the scripting form publishes all exposed ports"),
];

/// The oldest Docker CLI that knows all of these flags.
const OLDEST_CLI: u32 = 28;

/// Every flag, in the forms that Docker's CLI takes. A `_` inside a word is a space.
const LINES: &[&str] = &[
    "--add-host db:10.0.0.1 --add-host=host.docker.internal:host-gateway --add-host v6:[fd00::1] --add-host a=1.2.3.4",
    "--annotation a=b --annotation=c=d=e --annotation f",
    "-a stdout",
    "--attach STDERR -a=stdin",
    "-a stdin -a stdout -i",
    "--blkio-weight 300 --blkio-weight-device /dev/sda:200 --blkio-weight-device /dev/sdb:0",
    "--cap-add net_admin --cap-add=CAP_SYS_ADMIN --cap-add NET_ADMIN --cap-drop all --cap-drop chown",
    "--cgroup-parent /x --cgroupns private",
    "--cpu-period 50000 --cpu-quota=25000 --cpu-rt-period 1000000 --cpu-rt-runtime 95000",
    "--cpu-quota -1",
    "-c 512",
    "--cpu-shares=512 --cpuset-cpus 0-1 --cpuset-mems 0",
    "--cpus 1.5",
    "--cpus=.5",
    "-d",
    "--detach=true --rm",
    "-d=false",
    "-itd",
    "-dti",
    "--detach-keys ctrl-a,x",
    "--device /dev/null --device=/dev/zero:/dev/z --device /dev/null:/dev/n:rw --device /dev/full:r",
    "--device vendor.com/class=name --device vendor.com/class=other --device /dev//null",
    "--device-cgroup-rule c_189:*_rmw --device-cgroup-rule=b_8:0_r",
    "--device-read-bps /dev/sda:1mb --device-read-iops /dev/sda:100 --device-write-bps=/dev/sda:2g --device-write-iops /dev/sda:5",
    "--disable-content-trust",
    "--disable-content-trust=true",
    "--dns 1.1.1.1 --dns=fd00::1 --dns-option ndots:2 --dns-opt timeout:1 --dns-search example.com --dns-search=.",
    "--domainname example.com",
    "--entrypoint /bin/sh",
    "--entrypoint=",
    "-e A=1 -eB=2 --env C=3 --env=D= -e HOME -e NOT_SET_ANYWHERE",
    "-e A=1 -e A=2",
    "--env-file env --env-file=env -e FROM_FILE=x",
    "--expose 80 --expose=90-92 --expose 53/udp",
    "--gpus all",
    "--gpus 2",
    "--gpus \"device=0,1\"",
    "--gpus \"device=0,1\",\"capabilities=compute,utility\",driver=nvidia,\"options=a=1,b=2\"",
    "--group-add audio --group-add=1001",
    "--health-cmd true --health-interval 5s --health-retries 3 --health-start-interval=1s --health-start-period 1m30s --health-timeout=2s",
    "--health-interval=500ms",
    "--health-cmd=",
    "-h web",
    "--hostname web",
    "--hostname=",
    "--init",
    "--init=true",
    "--init=false",
    "-i",
    "--interactive",
    "-it",
    "-i=true -t=false",
    "--ip 172.30.0.5 --ip6 fd00::5 --link-local-ip 169.254.1.1 --network web",
    "--ip 172.30.0.5",
    "--ipc host",
    "--ipc=container:other",
    "--ipc shareable",
    "--isolation default",
    "-l a=b -l c --label d=e=f --label=g=",
    "--label-file labels -l a=x",
    "--link db --link=db:database",
    "--link db:database --network web",
    "--log-driver json-file --log-opt max-size=10m --log-opt=max-file=2",
    "--log-opt max-size=10m",
    "--log-driver none",
    "--mac-address 92:d0:c6:0a:29:33",
    "--mac-address 92:d0:c6:0a:29:33 --network web",
    "-m 512m --memory-reservation 256m --memory-swap 1g --memory-swappiness 60",
    "--memory=1.5g --memory-swap=-1",
    "--memory-swappiness 0",
    "--mount type=bind,source=/tmp,target=/x,readonly",
    "--mount type=bind,src=.,dst=/x,bind-propagation=rslave",
    "--mount type=bind,src=./sub/..,dst=/x,bind-recursive=disabled",
    "--mount type=bind,src=/tmp,dst=/x,ro,bind-recursive=writable",
    "--mount type=bind,src=/tmp,dst=/x,ro=1,bind-recursive=readonly,bind-propagation=rprivate,consistency=cached",
    "--mount source=data,target=/x,volume-nocopy,volume-subpath=sub,volume-label=a=b,volume-driver=local,volume-opt=o=1",
    "--mount target=/x --mount=type=volume,destination=/y,volume-nocopy=false",
    "--mount type=tmpfs,target=/x,tmpfs-size=64m,tmpfs-mode=1770",
    "--mount type=tmpfs,target=/x",
    "--mount type=image,source=busybox,target=/x,image-subpath=bin",
    "--mount type=volume,source=nfs,target=/x,\"volume-opt=o=addr=1.2.3.4,rw\"",
    "--name web",
    "--name=web.1_a-b",
    "--network host",
    "--network=none",
    "--net bridge",
    "--net=container:other",
    "--network web --network-alias a --net-alias=b",
    "--network name=web,alias=a,alias=b,ip=172.30.0.5,ip6=fd00::5,mac-address=92:d0:c6:0a:29:33,link-local-ip=169.254.1.1,driver-opt=x=y,gw-priority=5",
    "--network web --network back --network-alias a",
    "--network web --network name=back,alias=b,gw-priority=1 --ip 172.30.0.5",
    "--no-healthcheck",
    "--oom-kill-disable --oom-score-adj -500 -m 64m",
    "--oom-score-adj=1000",
    "--pid host",
    "--pid=container:other",
    "--pids-limit 100",
    "--pids-limit=-1",
    "--platform linux/amd64",
    "--platform=linux/arm64/v8 --name web",
    "--platform linux/arm/v7",
    "--privileged",
    "--privileged=true",
    "--privileged=false",
    "-p 80",
    "-p8080:80",
    "--publish 127.0.0.1:8080:80 --publish=127.0.0.1::90",
    "-p 8080-8082:80-82/udp -p 9000-9005:90",
    "-p [::1]:8080:80 -p 53:53/udp -p 53:53/tcp",
    "-p target=80,published=8080,protocol=udp",
    "-p 80:80 -p 81:80",
    "-P",
    "--publish-all",
    "-P=false",
    "--pull always",
    "--pull=never",
    "--pull missing -q",
    "--read-only",
    "--restart always",
    "--restart=on-failure:3",
    "--restart on-failure",
    "--restart unless-stopped",
    "--restart no --rm",
    "--rm",
    "--rm=true -d",
    "--runtime runc",
    "--security-opt no-new-privileges --security-opt=label=disable --security-opt apparmor:unconfined",
    "--security-opt seccomp=profile.json",
    "--security-opt seccomp=unconfined --security-opt systempaths=unconfined",
    "--shm-size 1g",
    "--shm-size=32_MiB",
    "--sig-proxy=false",
    "--sig-proxy",
    "--stop-signal SIGINT",
    "--stop-signal=SIGKILL --stop-timeout 0",
    "--stop-timeout=-1",
    "--storage-opt size=1g --storage-opt=a=b=c",
    "--sysctl net.core.somaxconn=1024 --sysctl=kernel.shmmax=1 --sysctl net.ipv4.ip_forward=",
    "--tmpfs /run --tmpfs=/tmp:rw,size=64m,mode=1777",
    "-t -d",
    "--tty --detach",
    "--ulimit nofile=1024:2048 --ulimit=core=-1 --ulimit nofile=5 --ulimit nproc=3",
    "--use-api-socket",
    "-u 1000:1000",
    "--user=nobody",
    "--userns host",
    "--uts host",
    "-v /data -v name:/x -v /tmp:/y:ro -v.:/here --volume=./sub:/sub:rw,z",
    "-v /tmp:/y -v /tmp:/y",
    "-v name:/x:nocopy -v /tmp:/z:rslave,ro --volume-driver local --volumes-from other --volumes-from=more:ro",
    "-w /src",
    "--workdir=",
];

/// What was asked to create a container.
#[derive(Debug, PartialEq)]
struct Create {
    name: String,
    platform: String,
    body: Value,
}

/// `METHOD /path?query`, and the body.
type Asked = (String, Vec<u8>);

/// An engine that writes down what it is asked.
struct Recorder {
    folder: TempDir,
    seen: Arc<Mutex<Vec<Asked>>>,
}

impl Recorder {
    fn new(api: &'static str) -> Self {
        let folder = TempDir::with_prefix("cube-test-").unwrap();
        let listener = UnixListener::bind(folder.path().join("sock")).unwrap();
        let seen = Arc::<Mutex<Vec<_>>>::default();
        let shared = Arc::clone(&seen);
        // Ends with the process: nothing connects after the test.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || drop(serve(&stream, api, &shared)));
            }
        });
        Self { folder, seen }
    }

    fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("sock").display())
    }

    fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    /// The last create request among those since the last call.
    fn create(&self) -> Option<Create> {
        let asked = self.take();
        let (request, body) =
            asked.iter().rev().find(|(request, _)| request.contains("/containers/create"))?;
        let query = request.split_once('?').map(|(_, query)| query).unwrap_or_default();
        let value = |key: &str| {
            let pair = query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
            pair.unwrap_or_default().replace("%2F", "/")
        };
        let body = serde_json::from_slice(body).unwrap();
        Some(Create { name: value("name"), platform: value("platform"), body })
    }

    /// What Docker's CLI asks for these words, and what it says. It gives no terminal to a task where it has none
    /// itself; `docker create` asks the same.
    fn by_docker(&self, words: &[String], folder: &Path) -> (Option<Create>, String) {
        let run = |verb: &str| {
            let mut docker = Command::new("docker");
            docker.arg(verb).args(words).current_dir(folder).stdin(Stdio::null());
            docker.env_clear().env("PATH", std::env::var_os("PATH").unwrap());
            docker.env("DOCKER_HOST", self.host()).env("HOME", scratch());
            String::from_utf8_lossy(&docker.output().unwrap().stderr).into_owned()
        };
        let said = run("run");
        let said = if said.contains("not a TTY") { run("create") } else { said };
        (self.create(), said)
    }

    fn by_cube(&self, words: &[String], folder: &Path) -> (Option<Create>, String) {
        let words = std::iter::once("run").chain(words.iter().map(String::as_str));
        let cube = Cube::new(words).env("DOCKER_HOST", self.host()).env("HOME", scratch());
        let cube = cube.env("PATH", std::env::var_os("PATH").unwrap());
        let output = cube.in_folder(folder).ends_somehow().output();
        (self.create(), output.stderr)
    }
}

fn serve(stream: &UnixStream, api: &str, seen: &Mutex<Vec<Asked>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut first, mut length) = (String::new(), 0);
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let header = header.trim().to_ascii_lowercase();
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if header.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let request: Vec<&str> = first.split(' ').collect();
        let answer = answer(request[0], request[1], api);
        seen.lock().unwrap().push((format!("{} {}", request[0], request[1]), body));
        (&*stream).write_all(&answer)?;
    }
}

fn answer(method: &str, path: &str, api: &str) -> Vec<u8> {
    let id = "4a7d1ed414474e4033ac29ccb8653d9b2f6a8bd0f8f4f1d2c6a54c2ee0c59d11";
    let (status, body) = match () {
        () if path.ends_with("/_ping") => (200, "OK".to_owned()),
        () if path.contains("/containers/create") => (201, json!({"Id": id, "Warnings": []}).to_string()),
        () if path.contains("/images/create") => (200, "{}".to_owned()),
        () if path.ends_with("/connect") => (200, String::new()),
        () if path.contains("/images/") => (200, json!({"Id": id, "Config": {}}).to_string()),
        () if method == "DELETE" => (204, String::new()),
        () if path.contains("/containers/json") => (200, "[]".to_owned()),
        () => (500, json!({"message": "this engine starts nothing"}).to_string()),
    };
    let shown = if method == "HEAD" { "" } else { body.as_str() };
    let length = if status == 204 { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let head = format!("Api-Version: {api}\r\nOstype: linux\r\nServer: Docker/20.10.24 (linux)\r\n");
    format!("HTTP/1.1 {status} .\r\n{head}Content-Type: application/json\r\n{length}\r\n{shown}").into()
}

/// Names that the user chose: what they hold is kept even where it is empty.
const CHOSEN: [&str; 12] = [
    "ExposedPorts",
    "Volumes",
    "Labels",
    "Tmpfs",
    "Sysctls",
    "StorageOpt",
    "Annotations",
    "EndpointsConfig",
    "Options",
    "DriverOpts",
    "PortBindings",
    "Config",
];
/// Lists whose order Docker's CLI takes from a Go map.
const UNORDERED: [&str; 2] = ["Env", "Binds"];
/// An absent list and an empty one mean different things here; so do an absent `false` or `0` and a given one.
const GIVEN: [&str; 4] = ["MaskedPaths", "ReadonlyPaths", "Init", "StopTimeout"];

/// The body without what is not said: null, "", 0, false, and empty lists and objects.
fn said(key: &str, value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        _ if GIVEN.contains(&key) => Some(value.clone()),
        Value::Bool(is) => is.then(|| value.clone()),
        Value::Number(number) => {
            let unset =
                number.as_f64() == Some(0.0) || (key == "MemorySwappiness" && number.as_i64() == Some(-1));
            (!unset).then(|| value.clone())
        }
        Value::String(text) => (!text.is_empty()).then(|| value.clone()),
        Value::Array(_) if key == "ConsoleSize" => None,
        Value::Array(items) => {
            let mut items: Vec<Value> =
                items.iter().map(|item| said("", item).unwrap_or(item.clone())).collect();
            if UNORDERED.contains(&key) {
                items.sort_by_key(ToString::to_string);
            }
            (!items.is_empty()).then(|| items.into())
        }
        Value::Object(members) => {
            let is_chosen = CHOSEN.contains(&key);
            let member =
                |(name, value): (&String, &Value)| match said(if is_chosen { "" } else { name }, value) {
                    None if is_chosen => Some((name.clone(), json!(null))),
                    said => said.map(|said| (name.clone(), said)),
                };
            let members: serde_json::Map<_, _> = members.iter().filter_map(member).collect();
            (!members.is_empty()).then(|| members.into())
        }
    }
}

/// Both requests without what may differ.
fn comparable(create: &Create, docker: &Create, is_scripting: bool) -> Create {
    let mut body = create.body.clone();
    let named = |create: &Create| {
        let config = &create.body["HostConfig"]["LogConfig"];
        config["Type"].as_str().is_some_and(|driver| !driver.is_empty())
    };
    body["Labels"].as_object_mut().unwrap().retain(|name, _| !name.starts_with("cube."));
    let host = body["HostConfig"].as_object_mut().unwrap();
    if !named(docker) {
        host.remove("LogConfig");
    }
    host.remove("AutoRemove");
    if is_scripting {
        host.remove("PublishAllPorts");
    }
    let mut body = said("", &body).unwrap();
    // The network's mode says the same.
    if body["NetworkingConfig"]["EndpointsConfig"] == json!({"default": null}) {
        body.as_object_mut().unwrap().remove("NetworkingConfig");
    }
    Create { name: create.name.clone(), platform: create.platform.clone(), body }
}

/// A folder with what the lines name.
fn folder() -> TempDir {
    let folder = TempDir::with_prefix("cube-test-").unwrap();
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

/// Why the Docker CLI here cannot be the measure, if it cannot.
fn unfit_cli() -> Option<String> {
    let output = Command::new("docker").args(["version", "--format", "{{.Client.Version}}"]).output();
    let version = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).ok()?;
    let major: u32 = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or_default();
    (major < OLDEST_CLI)
        .then(|| format!("the Docker CLI is {version}; from {OLDEST_CLI} on it is compared with cube"))
}

/// Runs one line through both; what is wrong, if anything, and whether Docker's CLI took it.
fn compare(engine: &Recorder, line: &[String]) -> (bool, Option<String>) {
    let folder = folder();
    let (docker, _) = engine.by_docker(line, folder.path());
    let Some(docker) = docker else { return (false, None) };
    let (cube, said) = engine.by_cube(line, folder.path());
    let shown = line.join(" ");
    let Some(cube) = cube else { return (true, Some(format!("{shown}\n  refused: {said}"))) };
    let (wanted, got) = (comparable(&docker, &docker, false), comparable(&cube, &docker, false));
    let wrong = (wanted != got).then(|| format!("{shown}\n  docker: {wanted:?}\n  cube:   {got:?}"));
    (true, wrong)
}

/// All lines at several engines at once; returns how many Docker's CLI took.
fn compare_all(api: &'static str, lines: &[Vec<String>]) -> usize {
    let results: Vec<(bool, Option<String>)> = thread::scope(|scope| {
        let chunks: Vec<_> = lines.chunks(lines.len().div_ceil(4)).collect();
        let running: Vec<_> = chunks
            .into_iter()
            .map(|chunk| {
                scope.spawn(move || {
                    let engine = Recorder::new(api);
                    chunk.iter().map(|line| compare(&engine, line)).collect::<Vec<_>>()
                })
            })
            .collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let wrong: Vec<&String> = results.iter().filter_map(|(_, wrong)| wrong.as_ref()).collect();
    assert!(
        wrong.is_empty(),
        "{} lines differ:\n{}",
        wrong.len(),
        wrong.iter().map(|w| w.as_str()).collect::<Vec<_>>().join("\n")
    );
    results.iter().filter(|(taken, _)| *taken).count()
}

#[test]
fn every_flag_in_every_form_asks_what_docker_asks() {
    if let Some(reason) = unfit_cli() {
        return println!("left out: {reason}");
    }
    let line = |flags: &&str| {
        let behind = ["image:1", "sh", "-c", "echo -n x", "--", "-d"].map(str::to_owned);
        line_words(flags).into_iter().chain(behind).collect::<Vec<_>>()
    };
    let lines: Vec<Vec<String>> = LINES.iter().map(line).collect();
    assert_eq!(compare_all("1.50", &lines), LINES.len(), "Docker's CLI refuses a line of these");
}

#[test]
fn every_real_line_asks_what_docker_asks() {
    if let Some(reason) = unfit_cli() {
        return println!("left out: {reason}");
    }
    let line = |text: &str| {
        let line: Value = serde_json::from_str(text).unwrap();
        let list = |key: &str| line[key].as_array().unwrap().iter().map(|w| w.as_str().unwrap().to_owned());
        let image = line["image"].as_str().unwrap().to_owned();
        list("tokens").chain([image]).chain(list("command")).collect::<Vec<_>>()
    };
    let lines: Vec<Vec<String>> = include_str!("docker-run.jsonl").lines().map(line).collect();
    assert_eq!(lines.len(), 300);
    let taken = compare_all("1.50", &lines);
    println!("Docker's CLI took {taken} of {} lines, and cube asked the same", lines.len());
    assert!(taken > 250, "Docker's CLI took {taken} lines only");
}

#[test]
fn the_scripting_form_asks_the_same_but_for_the_ports() {
    if let Some(reason) = unfit_cli() {
        return println!("left out: {reason}");
    }
    let (engine, folder) = (Recorder::new("1.50"), folder());
    for flags in ["-d --name web -p 80 -e A=1", "-d --network web --cap-add net_admin -v /tmp:/x", "-d -P"] {
        let line: Vec<String> =
            words(flags).into_iter().chain(["image".to_owned(), "cmd".to_owned()]).collect();
        let docker = engine.by_docker(&line, folder.path()).0.unwrap();
        let line: Vec<String> =
            words(flags).into_iter().chain(["--image", "image", "cmd"].map(str::to_owned)).collect();
        let cube = engine.by_cube(&line, folder.path()).0.unwrap();
        assert_eq!(cube.body["HostConfig"]["PublishAllPorts"], true);
        assert_eq!(comparable(&cube, &docker, true), comparable(&docker, &docker, true), "{flags}");
    }
    assert_eq!(ALLOWED.len(), 4);
}

/// Below API 1.44 a create takes one network, and the container's own hardware address.
#[test]
fn an_older_engine_gets_its_networks_one_by_one() {
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

/// What engine 20.10 does not know is refused before anything is made there.
#[test]
fn what_an_older_engine_does_not_know_is_refused_before_the_create() {
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
