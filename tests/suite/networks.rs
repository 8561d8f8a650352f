//! Networks that cube makes: tasks find each other on them, and they are removed with the last task.

use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::killed;
use crate::testbed::engine::escaped;
use crate::testbed::proxy::{Fault, Proxy};
use crate::testbed::scripted::{Reply, Scripted};
use crate::testbed::{Bed, Engine, probe, shell};

/// One test's network, known by its name; removed at the latest at the end of the test.
struct Net {
    name: String,
    engine: &'static Engine,
}

impl Net {
    fn of(bed: &Bed) -> Self {
        Self { name: format!("{}-net", bed.name()), engine: Engine::under_test() }
    }

    /// Ids of the networks of this name.
    fn all(&self) -> Vec<String> {
        let filter = escaped(&json!({"name": [self.name]}).to_string());
        let found = self.engine.get(&format!("/networks?filters={filter}"));
        let is_it = |network: &&Value| network["Name"] == self.name.as_str();
        let id = |network: &Value| network["Id"].as_str().unwrap().to_owned();
        found.as_array().unwrap().iter().filter(is_it).map(id).collect()
    }

    /// Makes one more network of this name, without cube.
    fn foreign(&self) -> String {
        let made = self.engine.post("/networks/create", &json!({"Name": self.name}));
        made["Id"].as_str().unwrap().to_owned()
    }

    /// The flags of `run` to join it.
    fn flags(&self) -> [&str; 3] {
        ["--network", &self.name, "--create-network"]
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        let left = self.all();
        for id in &left {
            self.engine.delete(&format!("/networks/{id}"));
        }
        assert!(std::thread::panicking() || left.is_empty(), "the test left {left:?}");
    }
}

fn network_of(task: &crate::testbed::Task) -> Value {
    let networks = task.inspect()["NetworkSettings"]["Networks"].clone();
    networks.as_object().unwrap().values().next().unwrap()["NetworkID"].clone()
}

#[test]
fn two_tasks_find_each_other_by_name_and_the_network_goes_with_the_last() {
    let bed = Bed::new();
    let net = Net::of(&bed);
    let serve = "while :; do echo found | nc -l -p 7000; done";
    let named = ["--network-alias", "db", "--image", &shell(), "sh", "-c", serve];
    let server = bed.start(net.flags().iter().chain(&named));
    let ask = "until nc db 7000; do :; done";
    // In the foreground, for a command, and without the flag: each task on it keeps it.
    let client = bed.run(net.flags().iter().chain(&["--attach", "--image", &shell(), "sh", "-c", ask]));
    assert_eq!(client.text(), "found\n");
    let label = format!("--label={}", bed.label());
    let with = bed.cube(["with", &label].iter().chain(&net.flags()).chain(&[
        "--image",
        &probe(),
        "--",
        "echo",
        "x",
    ]));
    assert_eq!(with.text(), "x\n");
    assert_eq!(net.all().len(), 1);
    let joined = bed.start(["--network", &net.name, "--image", &probe(), "forever"]);
    bed.cube(["stop", "-t", "0", &server.id]).output();
    assert_eq!(net.all().len(), 1, "a task of cube's is on it");
    bed.cube(["rm", "-f", &joined.id]).output();
    assert!(net.all().is_empty());
}

#[test]
fn a_task_that_ended_or_was_never_started_keeps_the_network_too() {
    let bed = Bed::new();
    let net = Net::of(&bed);
    let ended = bed.start(net.flags().iter().chain(&["--image", &probe(), "exit=3"]));
    let other = bed.start(net.flags().iter().chain(&["--image", &probe(), "forever"]));
    ended.ended();
    bed.cube(["stop", "-t", "0", &other.id]).output();
    let [id] = net.all().try_into().unwrap();
    assert_eq!(bed.engine().get(&format!("/networks/{id}"))["Containers"], json!({}), "nothing runs on it");
    bed.cube(["stop", &ended.id]).output();
    assert!(net.all().is_empty());
}

#[test]
fn eight_starts_at_once_end_with_one_network_and_none_after() {
    let bed = Bed::new();
    let net = Net::of(&bed);
    let image = probe();
    let starts: Vec<_> =
        (0..8).map(|_| bed.run(net.flags().iter().chain(&["--image", &image, "forever"])).spawn()).collect();
    let tasks: Vec<_> = starts.into_iter().map(|start| bed.task(start.finish().text().trim_end())).collect();
    let [id] = net.all().try_into().unwrap();
    assert!(tasks.iter().all(|task| network_of(task) == id.as_str()));
    let ids = tasks.iter().map(|task| task.id.as_str());
    bed.cube(["stop", "-t", "0"].into_iter().chain(ids)).output();
    assert!(net.all().is_empty());
}

#[test]
fn an_existing_network_is_used_and_kept() {
    let bed = Bed::new();
    let net = Net::of(&bed);
    let foreign = net.foreign();
    let task = bed.start(net.flags().iter().chain(&["--image", &probe(), "forever"]));
    assert_eq!(network_of(&task), foreign.as_str());
    assert_eq!(task.inspect()["Config"]["Labels"]["cube.task.network"], "");
    bed.cube(["stop", "-t", "0", &task.id]).output();
    assert_eq!(bed.cube(["prune", "--filter", &format!("name={}", net.name)]).text(), "");
    assert_eq!(net.all(), [foreign.as_str()]);
    bed.engine().delete(&format!("/networks/{foreign}"));
}

#[test]
fn no_flag_chooses_between_two_networks_of_one_name_and_the_error_says_what_to_do() {
    let bed = Bed::new();
    let net = Net::of(&bed);
    let first = net.foreign();
    let second = bed.engine().send(
        "POST",
        "/networks/create",
        &["Content-Type: application/json"],
        json!({"Name": net.name}).to_string().as_bytes(),
    );
    if second.status == 409 {
        // podman, and Docker since 25, have each name once.
        bed.engine().delete(&format!("/networks/{first}"));
        return;
    }
    let both = [first, second.json()["Id"].as_str().unwrap().to_owned()];
    let args = ["--image", &probe(), "forever"];
    bed.run(net.flags().iter().chain(&args)).fails(125).stderr_has("docker network rm").output();
    assert_eq!(net.all().len(), 2);
    for id in both {
        bed.engine().delete(&format!("/networks/{id}"));
    }
}

#[test]
fn a_network_that_disappeared_before_the_start_is_made_again() {
    let bed = Bed::new();
    let net = Arc::new(Net::of(&bed));
    let proxy = Proxy::before(bed.engine(), None);
    let before = Arc::clone(&net);
    proxy.before_request("/start", move || {
        for id in before.all() {
            before.engine.delete(&format!("/networks/{id}"));
        }
    });
    let cidfile = bed.path("cid").into_os_string().into_string().unwrap();
    let args = ["--cidfile", &cidfile, "--image", &probe(), "forever"];
    let task = bed.run(net.flags().iter().chain(&args)).env("DOCKER_HOST", proxy.host()).text();
    let task = bed.task(task.trim_end());
    assert_eq!(std::fs::read_to_string(&cidfile).unwrap(), task.id);
    assert_eq!(bed.containers(), [task.id.as_str()]);
    assert_eq!(network_of(&task), net.all()[0].as_str());
    bed.cube(["stop", "-t", "0", &task.id]).output();
    assert!(net.all().is_empty());
}

#[test]
fn a_start_that_fails_leaves_no_network() {
    let bed = Bed::new();
    let net = Net::of(&bed);
    let args = ["--image", &probe(), "--entrypoint", "/nosuch"];
    bed.run(net.flags().iter().chain(&args)).fails(127).output();
    assert!(net.all().is_empty());
    let args = ["--image", "cube-test/none:1", "--pull", "never"];
    bed.run(net.flags().iter().chain(&args)).fails(125).output();
    assert!(net.all().is_empty());
}

#[test]
fn the_guard_of_a_killed_cube_removes_the_network_too() {
    let bed = Bed::new();
    let net = Net::of(&bed);
    let args = ["--attach", "--image", &probe(), "out=up", "forever"];
    let mut running = bed.run(net.flags().iter().chain(&args)).ends(-9).spawn();
    running.wait_for_stdout("up\n");
    let guard = running.guard();
    running.signal(Signal::KILL);
    running.wait_killed();
    ended(guard);
    bed.assert_empty();
    assert!(net.all().is_empty());
}

/// How long a guard may take to remove what cube could not.
const GONE: Duration = Duration::from_secs(30);

impl Net {
    /// Returns when neither the network nor a container of the test exists: the guard reports nothing when it is done.
    fn wait_until_gone(&self, bed: &Bed, after: &str) {
        let deadline = Instant::now() + GONE;
        while !self.all().is_empty() || !bed.containers().is_empty() {
            assert!(Instant::now() < deadline, "left {:?} {:?} {after}", self.all(), bed.containers());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_cube_killed_before_its_container_exists_leaves_no_network() {
    for (request, image) in
        [("/containers/create", probe()), ("/images/create", "cube-test/none:1".to_owned())]
    {
        let bed = Bed::new();
        let (net, watch) = (Net::of(&bed), bed.engine().watch());
        let proxy = Proxy::before(bed.engine(), None);
        let (pid, to_kill) = mpsc::channel::<u32>();
        proxy.before_request(request, move || {
            let pid = to_kill.recv().unwrap().try_into().unwrap();
            kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
        });
        let run = bed.run(net.flags().iter().chain(&["--attach", "--image", &image]));
        let mut running = run.env("DOCKER_HOST", proxy.host()).ends_somehow().spawn();
        pid.send(running.pid()).unwrap();
        running.wait_killed();
        assert!(proxy.seen().iter().any(|line| line.starts_with("POST /networks/create")));
        if request == "/containers/create" {
            killed::takes_effect(request, &bed, &watch);
        }
        net.wait_until_gone(&bed, request);
    }
}

#[test]
fn no_network_is_left_whichever_request_fails() {
    let image = probe();
    let run = |chosen: Option<(usize, Fault)>| {
        let bed = Bed::new();
        let net = Net::of(&bed);
        let proxy = Proxy::before(bed.engine(), chosen);
        let run = bed.run(net.flags().iter().chain(&["--attach", "--image", &image, "exit=3"]));
        let output = run.env("DOCKER_HOST", proxy.host()).ends_somehow().output();
        assert!(
            output.status == 3 || chosen.is_some() && output.status == 125,
            "{chosen:?} {}",
            output.stderr
        );
        net.wait_until_gone(&bed, &format!("after {chosen:?} in {:?}: {}", proxy.seen(), output.stderr));
        proxy.seen().len()
    };
    let requests = run(None);
    let all = std::env::var_os("CUBE_TEST_NETWORK_FAULTS").is_some();
    let faults = [Fault::CutAnswer, Fault::Refuse, Fault::CutBefore, Fault::CutBody, Fault::Delay];
    let faults = if all { &faults[..] } else { &faults[..1] };
    // Creating the network, checking the result, creating the container, and last removing the network.
    let places = if all { (0..requests).collect() } else { vec![1, 2, 3, requests - 1] };
    let points: Vec<_> =
        places.into_iter().flat_map(|at| faults.iter().map(move |fault| (at, *fault))).collect();
    let queue = Mutex::new(points.into_iter());
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some(point) = { queue.lock().unwrap().next() } {
                    run(Some(point));
                }
            });
        }
    });
}

/// Returns once the process is gone.
fn ended(pid: u32) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    while !state().is_empty() && !state().contains(") Z ") {
        assert!(std::time::Instant::now() < deadline, "the guard is still there");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn prune_removes_the_network_of_a_cube_that_was_killed_with_its_guard() {
    let bed = Bed::new();
    let net = Net::of(&bed);
    let args = ["--name", &net.name, "--attach", "--image", &probe(), "out=up", "forever"];
    let mut running = bed.run(net.flags().iter().chain(&args)).ends(-9).spawn();
    running.wait_for_stdout("up\n");
    let guard = Pid::from_raw(running.guard().try_into().unwrap()).unwrap();
    kill_process(guard, Signal::KILL).unwrap();
    running.signal(Signal::KILL);
    running.wait_killed();
    let [network] = net.all().try_into().unwrap();
    let [task] = bed.containers().try_into().unwrap();
    let prune = ["prune", "--filter", &format!("name={}", net.name)];
    let both = format!("{task}\n{network}\n");
    assert_eq!(bed.cube(prune.iter().chain(&["--dry-run"])).text(), both);
    assert_eq!(bed.cube(prune).text(), both);
    assert!(net.all().is_empty());
    assert_eq!(bed.cube(prune).text(), "");
}

#[test]
fn impossible_networks_are_refused_before_any_request() {
    for flags in [
        &["--create-network"][..],
        &["--network", "host", "--create-network"],
        &["--network", "none", "--create-network"],
        &["--network", "bridge", "--create-network"],
        &["--network", "default", "--create-network"],
        &["--network", "container:x", "--create-network"],
        &["--swarm", "--network", "x", "--create-network"],
    ] {
        let engine = Scripted::new();
        let args = ["run", "--image", "x"].iter().chain(flags).copied();
        engine.cube(args).fails(125).stderr_has("--create-network").output();
    }
    let engine = Scripted::new();
    let config =
        engine.cube(["run", "--image", "x", "--network", "web", "--create-network", "--dry-run"]).json();
    assert_eq!(config, json!({"image": "x", "network": "web", "create_network": true}));
}

const ID: &str = "4a7d1ed414474e4033ac29ccb8653d9b2f6a8bd0f8f4f1d2c6a54c2ee0c59d11";
const OURS: &str = "2222222222222222222222222222222222222222222222222222222222222222";
const OLDER: &str = "1111111111111111111111111111111111111111111111111111111111111111";

fn created() -> Reply {
    Reply::json(201, json!({"Id": ID, "Warnings": []}).to_string())
}

fn at(verb: &str) -> String {
    verb.replace("ID", ID)
}

/// A network called `web` that cube made in this second.
fn web(id: &str, second: u32) -> Value {
    let made = format!("2026-01-01T00:00:{second:02}.123456789+01:00");
    json!({"Name": "web", "Id": id, "Created": made, "Scope": "local", "Driver": "bridge",
        "Labels": {"cube.network": "6e1c8a52-3b1c-4ac3-9d3a-0f6f7d1f2a11"}})
}

fn networks(list: &[Value]) -> Reply {
    Reply::json(200, json!(list).to_string())
}

fn made() -> Reply {
    Reply::json(201, json!({"Id": OURS, "Warning": ""}).to_string())
}

const RUN: [&str; 6] = ["run", "--network", "web", "--create-network", "--image", "x"];

#[test]
fn the_younger_of_two_networks_is_removed_by_its_maker() {
    let others = json!({"Name": "webs", "Id": ID, "Created": "2020-01-01T00:00:00Z"});
    let engine = Scripted::new()
        .on("GET /networks", networks(&[others]))
        .on("POST /networks/create", made())
        .on("GET /networks", networks(&[web(OURS, 5), web(OLDER, 4)]))
        .on(&format!("DELETE /networks/{OURS}"), Reply::empty(204))
        .on("POST /containers/create*", created())
        .on(&at("POST /containers/ID/start"), Reply::empty(204));
    assert_eq!(engine.cube(RUN).text(), format!("{ID}\n"));
}

#[test]
fn the_second_joins_the_network_that_was_made_for_the_first() {
    let words =
        "cannot create network 22 (br-1): conflicts with network 11 (br-1): networks have same bridge name";
    for refusal in [Reply::error(403, words), Reply::error(409, "network with name web already exists")] {
        let engine = Scripted::new()
            .on("GET /networks", networks(&[]))
            .on("POST /networks/create", refusal)
            .on("GET /networks", networks(&[web(OLDER, 4)]))
            .on("POST /containers/create*", created())
            .on(&at("POST /containers/ID/start"), Reply::empty(204));
        assert_eq!(engine.cube(RUN).text(), format!("{ID}\n"));
    }
}

#[test]
fn a_network_that_disappears_twice_before_the_start_is_an_error_and_leaves_nothing() {
    let gone = || Reply::error(404, &format!("network {OURS} not found"));
    let mut engine = Scripted::new();
    for _ in 0..2 {
        engine = engine
            .on("GET /networks", networks(&[]))
            .on("POST /networks/create", made())
            .on("GET /networks", networks(&[web(OURS, 5)]))
            .on("POST /containers/create*", created())
            .on(&at("POST /containers/ID/start"), gone())
            .on(&at("DELETE /containers/ID"), Reply::empty(204));
    }
    let engine = engine
        .always(&at("GET /containers/ID/json"), Reply::error(404, "No such container"))
        .on("GET /networks", networks(&[web(OURS, 5)]))
        .on("GET /containers/json", Reply::json(200, "[]"))
        .on(&format!("DELETE /networks/{OURS}"), Reply::empty(204));
    engine.cube(RUN).fails(125).stderr_has("not found").output();
}

#[test]
fn a_network_whose_creation_was_not_answered_is_found_and_removed() {
    let engine = Scripted::new()
        .on("GET /networks", networks(&[]))
        .on("POST /networks/create", Reply::Cut(Vec::new()))
        .on("GET /networks", networks(&[]))
        .always("GET /networks", networks(&[]));
    let object = engine.cube(["-o", "json"].iter().chain(&RUN).copied()).ends(125).json();
    assert_eq!(object["error"]["kind"], "connection_lost", "{object}");
}

#[test]
fn an_engine_without_free_networks_is_explained() {
    let words = "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network";
    let engine = Scripted::new()
        .on("GET /networks", networks(&[]))
        .on("POST /networks/create", Reply::error(500, words));
    engine.cube(RUN).fails(125).stderr_has("cube prune").output();
}
