//! A swarm of three real nodes on this machine, all of them managers. Each is a dockerd with its own network namespace
//! and host name, connected by a switch in another network namespace. Needs root.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::guarded::Guarded;
use super::image::probe_on;
use super::{Cube, Engine, need};

/// The name of each node, and its last number in the network.
pub const NODES: [&str; 3] = ["node1", "node2", "node3"];
/// The heartbeat of nodes: so short that a death is noticed soon.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Longer than Swarm needs for anything in these tests on a busy machine.
const LIMIT: Duration = Duration::from_mins(3);

/// The swarm.
pub struct Swarm {
    nodes: Vec<Node>,
    network: Network,
    /// The last field, so that it is dropped last.
    _guard: Guarded,
}

/// One node.
pub struct Node {
    pub name: &'static str,
    pub address: String,
    pub engine: Engine,
    folder: PathBuf,
    server: Option<Guarded>,
}

/// Names that no other test process uses.
#[derive(Clone)]
struct Network {
    prefix: String,
    /// The network's first three numbers.
    base: String,
}

impl Swarm {
    /// A new swarm, removed on drop.
    pub fn new() -> Self {
        need::engine();
        let id = std::process::id();
        let network = Network { prefix: format!("cs{}", id % 100_000), base: format!("10.99.{}", id % 250) };
        let guard = network.start();
        let node = |(i, name): (usize, &&'static str)| Node::new(name, i + 1, &network, guard.folder());
        let nodes = NODES.iter().enumerate().map(node).collect();
        let mut swarm = Self { nodes, network, _guard: guard };
        swarm.start_all();
        swarm.join();
        swarm
    }

    fn start_all(&mut self) {
        let network = self.network.clone();
        self.nodes.iter_mut().for_each(|node| node.start(&network));
        self.nodes.iter().for_each(Node::comes_up);
    }

    fn join(&self) {
        let [first, others @ ..] = self.nodes.as_slice() else { panic!("no nodes") };
        let init = json!({"ListenAddr": "0.0.0.0:2377", "AdvertiseAddr": first.address,
            "Spec": {"Dispatcher": {"HeartbeatPeriod": HEARTBEAT.as_nanos()}}});
        first.engine.post("/swarm/init", &init);
        let token = first.engine.get("/swarm")["JoinTokens"]["Manager"].clone();
        for node in others {
            let join = json!({"ListenAddr": "0.0.0.0:2377", "AdvertiseAddr": node.address,
                "RemoteAddrs": [format!("{}:2377", first.address)], "JoinToken": token});
            node.engine.post("/swarm/join", &join);
        }
        until("all nodes are ready", || self.states() == ["ready"; 3]);
    }

    /// Repairs the swarm after a failed test.
    pub fn heal(&mut self) {
        let dead: Vec<_> =
            self.nodes.iter().filter(|node| node.server.is_none()).map(|node| node.name).collect();
        if dead.is_empty() {
            return;
        }
        for name in dead {
            self.revive(name);
        }
        self.set_heartbeat(HEARTBEAT);
        let engine = &self.nodes[0].engine;
        for service in engine.get("/services").as_array().unwrap() {
            engine.delete(&format!("/services/{}", service["ID"].as_str().unwrap()));
        }
    }

    /// Sets a longer heartbeat, or the usual one again: nodes need some seconds to find a new leader.
    pub fn be_patient(&self, patient: bool) {
        self.set_heartbeat(if patient { HEARTBEAT * 5 } else { HEARTBEAT });
    }

    fn set_heartbeat(&self, period: Duration) {
        let engine = &self.nodes[0].engine;
        let swarm = engine.get("/swarm");
        let mut spec = swarm["Spec"].clone();
        spec["Dispatcher"]["HeartbeatPeriod"] = json!(period.as_nanos());
        engine.post(&format!("/swarm/update?version={}", swarm["Version"]["Index"]), &spec);
    }

    pub fn node(&self, name: &str) -> &Node {
        self.nodes.iter().find(|node| node.name == name).unwrap()
    }

    /// This machine's address in the nodes' network.
    pub fn host_address(&self) -> String {
        format!("{}.254", self.network.base)
    }

    /// The probe's image, on every node.
    pub fn probe(&self) -> String {
        let images: Vec<String> = self.nodes.iter().map(|node| probe_on(&node.engine, &[])).collect();
        images[0].clone()
    }

    /// `cube ARGS` with this node as manager.
    pub fn cube_at<A: Into<std::ffi::OsString>>(
        &self,
        node: &str,
        args: impl IntoIterator<Item = A>,
    ) -> Cube {
        Cube::new(args).env("DOCKER_HOST", self.node(node).engine.host()).within(LIMIT)
    }

    /// `cube ARGS` with the first node as manager.
    pub fn cube<A: Into<std::ffi::OsString>>(&self, args: impl IntoIterator<Item = A>) -> Cube {
        self.cube_at(NODES[0], args)
    }

    /// `cube ARGS` with all nodes as managers, in their order.
    pub fn cube_at_all<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Cube {
        let hosts = self.nodes.iter().flat_map(|node| ["--host".to_owned(), node.engine.host()]);
        Cube::new(hosts.chain(args.into_iter().map(str::to_owned))).without_env("DOCKER_HOST").within(LIMIT)
    }

    /// The node that runs the service now.
    pub fn place(&self, manager: &str, service: &str) -> Option<&Node> {
        let engine = &self.node(manager).engine;
        let filter =
            super::engine::escaped(&format!(r#"{{"service":["{service}"],"desired-state":["running"]}}"#));
        let tasks = engine.get(&format!("/tasks?filters={filter}"));
        let task =
            tasks.as_array().unwrap().iter().find(|task| task["Status"]["State"] == "running")?.clone();
        let node = engine.get(&format!("/nodes/{}", task["NodeID"].as_str().unwrap()));
        Some(self.node(node["Description"]["Hostname"].as_str().unwrap()))
    }

    /// Simulates a power failure of a node: its engine and all of its processes end at once.
    pub fn kill(&mut self, name: &str) {
        let node = self.nodes.iter_mut().find(|node| node.name == name).unwrap();
        node.kill();
    }

    /// Starts a killed node again.
    pub fn revive(&mut self, name: &str) {
        let network = self.network.clone();
        let node = self.nodes.iter_mut().find(|node| node.name == name).unwrap();
        node.start(&network);
        node.comes_up();
        until("the node is back", || self.states() == ["ready"; 3]);
    }

    /// Sets the availability of a node: `active` or `drain`.
    pub fn make(&self, name: &str, availability: &str) {
        let engine = &self.nodes[0].engine;
        let node = engine.get(&format!("/nodes/{name}"));
        let version = &node["Version"]["Index"];
        let mut spec = node["Spec"].clone();
        spec["Availability"] = availability.into();
        engine.post(&format!("/nodes/{}/update?version={version}", node["ID"].as_str().unwrap()), &spec);
    }

    fn states(&self) -> Vec<String> {
        let up = self.nodes.iter().find(|node| node.server.is_some()).unwrap();
        let answer = up.engine.send("GET", "/nodes", &[], &[]).json();
        // A node may be ready before the other managers know it.
        let state = |node: &Value| {
            let is_counted = node["ManagerStatus"]["Reachability"] == "reachable";
            if is_counted {
                node["Status"]["State"].as_str().unwrap_or_default().to_owned()
            } else {
                String::new()
            }
        };
        answer.as_array().map(|nodes| nodes.iter().map(state).collect()).unwrap_or_default()
    }

    /// Fails unless services, containers and volumes are gone from every node that is up.
    pub fn assert_empty(&self) {
        for node in self.nodes.iter().filter(|node| node.server.is_some()) {
            let engine = &node.engine;
            assert_eq!(engine.get("/services"), json!([]), "services are left");
            // A node learns of the end of a task slightly later than its manager.
            until("the containers are gone", || engine.get("/containers/json?all=1") == json!([]));
            let volumes = engine.get("/volumes")["Volumes"].clone();
            assert!(volumes.as_array().is_none_or(Vec::is_empty), "left on {}: {volumes}", node.name);
        }
    }
}

impl Node {
    fn new(name: &'static str, number: usize, network: &Network, parent: &Path) -> Self {
        let folder = parent.join(name);
        std::fs::create_dir(&folder).unwrap();
        let engine = Engine::at(folder.join("sock"));
        let address = format!("{}.{number}", network.base);
        Self { name, address, engine, folder, server: None }
    }

    fn start(&mut self, network: &Network) {
        let server = "nsenter --net=\"/run/netns/$1-$2\" unshare --uts sh -c 'hostname \"$1\"; exec dockerd \
            --config-file \"$2/config.json\" --data-root \"$2/root\" --exec-root \"$2/exec\" --pidfile \"$2/pid\" \
            --cgroup-parent \"/$3\" --host \"unix://$2/sock\" --host \"tcp://$4:2375\"' sh \"$2\" \"$3\" \"$1-$2\" \"$4\"";
        let before = "printf '%s' \"$5\" >\"$3/config.json\" && rm -f \"$3/pid\" &&";
        let folder = self.folder.to_str().unwrap();
        let config = json!({"insecure-registries": [format!("{}.0/24", network.base)]}).to_string();
        let words = [&network.prefix, self.name, folder, &self.address, &config];
        self.server = Some(Guarded::start(before, server, "", &words));
    }

    fn comes_up(&self) {
        self.server.as_ref().unwrap().wait_until(|| self.engine.answers());
    }

    fn kill(&mut self) {
        let read = |file: &str| std::fs::read_to_string(self.folder.join(file)).unwrap();
        // Its containers are ended through their cgroup, as if the machine had stopped.
        let pids = [read("pid"), read("exec/containerd/containerd.pid")];
        for container in self.engine.get("/containers/json").as_array().unwrap() {
            let id = container["Id"].as_str().unwrap();
            let pid = self.engine.container(id)["State"]["Pid"].to_string();
            signal(&pid);
        }
        for pid in pids {
            signal(pid.trim());
        }
        std::fs::remove_file(self.folder.join("pid")).unwrap();
        self.server = None;
    }
}

fn signal(pid: &str) {
    Command::new("kill").args(["-KILL", pid]).status().unwrap();
}

impl Network {
    fn start(&self) -> Guarded {
        // Nothing else is reachable, and that fails at once: then a node uses its own image.
        let nodes = NODES.iter().enumerate().map(|(i, name)| {
            format!(
                "ip netns add $1-{name} && ip -n $1-s link add name p{i} type veth peer name eth0 netns $1-{name} && \
                 ip -n $1-s link set p{i} up master sw && ip -n $1-{name} link set lo up && \
                 ip -n $1-{name} link set eth0 up && ip -n $1-{name} addr add $2.{}/24 dev eth0 && \
                 ip -n $1-{name} route add unreachable default &&",
                i + 1
            )
        });
        let before = format!(
            "ip netns add $1-s && ip -n $1-s link set lo up && ip -n $1-s link add name sw type bridge && \
             ip -n $1-s link set sw up && ip link add $1 type veth peer name host netns $1-s && \
             ip -n $1-s link set host up master sw && ip link set $1 up && ip addr add $2.254/24 dev $1 && {}",
            nodes.collect::<String>()
        );
        let names = NODES.map(|name| format!("ip netns del $1-{name};")).concat();
        // The nodes end in parallel; their mounts are in this folder.
        let ended = "for _ in $(seq 300); do ls node*/pid >/dev/null || break; sleep 0.1; done;";
        let after = format!("{ended} {names} ip netns del $1-s; ip link del $1;");
        let guard = Guarded::start(&before, "sleep infinity", &after, &[&self.prefix, &self.base]);
        let last = format!("/run/netns/{}-{}", self.prefix, NODES[2]);
        guard.wait_until(|| Path::new(&last).exists());
        guard
    }
}

/// Returns when `holds` is true.
pub fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < deadline, "it does not come: {what}");
        // Polls: Swarm sends no events for these.
        std::thread::sleep(Duration::from_millis(50));
    }
}
