//! The same task on Docker Swarm: three real nodes, a node that dies, a manager that dies, nothing left.

mod trouble;

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::testbed::cube::binary;
use crate::testbed::pattern::Lines;
use crate::testbed::registry::{self, Registry};
use crate::testbed::swarm::{Swarm, until};
use crate::testbed::{Bed, image};

/// Long enough for a hundred tasks on a busy machine.
const LONG: Duration = Duration::from_mins(5);

/// The swarm, for one test at a time: they share its nodes. It is whole and empty before each.
fn swarm() -> MutexGuard<'static, Swarm> {
    static SWARM: OnceLock<Mutex<Swarm>> = OnceLock::new();
    let swarm = SWARM.get_or_init(|| Mutex::new(Swarm::new())).lock();
    let mut swarm = swarm.unwrap_or_else(PoisonError::into_inner);
    swarm.heal();
    swarm
}

/// `run --swarm` with these words.
fn run<'a>(image: &'a str, words: &[&'a str]) -> Vec<&'a str> {
    ["run", "--swarm", "--image", image].iter().chain(words).copied().collect()
}

fn is_service(id: &str) -> bool {
    id.len() == 25
}

#[test]
fn an_attached_task_gives_its_output_whole_and_its_code() {
    let swarm = swarm();
    let image = swarm.probe();
    let output = swarm
        .cube(run(&image, &["-a", "out=one", "err=two", "exit=3"]))
        .exits(3)
        .stderr_has("two\n")
        .output();
    assert_eq!(output.text(), "one\n");
    let shown = swarm.cube(run(&image, &["-a", "lines=100x20000"])).output().stdout;
    let expected: Vec<u8> = Lines::new(100, 20_000).flatten().collect();
    assert!(shown == expected, "{} bytes of {}", shown.len(), expected.len());
    swarm.cube(run(&image, &["-a", "--entrypoint", "/no/such"])).fails(127).output();
    swarm.cube(run(&image, &["-a", "--timeout", "1s", "forever"])).ends(124).output();
    swarm.assert_empty();
}

#[test]
fn every_command_finds_the_task_by_id_name_prefix_uuid_and_container() {
    let swarm = swarm();
    let image = swarm.probe();
    let words =
        ["-o", "json", "--name", "finder", "--node", "node2", "--expose", "80", "--wait-for", "port=80"];
    let words = [&words[..], &["out=hello", "listen=0.0.0.0:80", "forever"]].concat();
    let result = swarm.cube(run(&image, &words)).json();
    let id = result["container_id"].as_str().unwrap();
    assert!(is_service(id) && result["node"] == "node2" && result["state"] == "Running", "{result}");
    let node = swarm.node("node2");
    let container = node.engine.get("/containers/json")[0]["Id"].as_str().unwrap().to_owned();
    let address = result["ports"]["80/tcp"][0].clone();
    assert_eq!(address["host"], *node.address);
    let uuid = result["task_id"].as_str().unwrap();
    for name in [id, "finder", &id[..10], uuid, &container] {
        for manager in ["node1", "node2"] {
            assert_eq!(swarm.cube_at(manager, ["logs", name]).text(), "hello\n", "{name}");
        }
    }
    assert_eq!(
        swarm.cube(["port", "finder", "80"]).text(),
        format!("{}:{}\n", node.address, address["port"])
    );
    assert_eq!(swarm.cube(["inspect", uuid]).json()[0]["ID"], *id);
    let listed = swarm.cube(["ps", "--swarm", "-o", "json"]).json();
    assert_eq!(
        (&listed[0]["container_id"], &listed[0]["state"]),
        (&result["container_id"], &"Running".into())
    );
    assert_eq!(
        swarm.cube_at("node2", ["ps", "-a", "-q"]).text(),
        "",
        "a service is no container of the engine's own"
    );
    assert_eq!(swarm.cube_at("node2", ["exec", "finder", "/probe", "out=in"]).text(), "in\n");
    swarm.cube(["exec", "finder", "/probe", "out=in"]).fails(1).stderr_has("runs on node2").output();
    assert_eq!(swarm.cube(["stop", "finder"]).text(), "finder\n");
    swarm.cube(["logs", "finder"]).fails(1).stderr_has("no such task").output();
    swarm.assert_empty();
}

#[test]
fn a_detached_task_is_waited_for_and_pruned() {
    let swarm = swarm();
    let image = swarm.probe();
    let id = swarm.cube(run(&image, &["out=done", "exit=7"])).text();
    let id = id.trim_end();
    assert_eq!(swarm.cube(["wait", id]).exits(7).output().text(), "7\n");
    assert_eq!(swarm.cube(["ps", "--swarm", "-q"]).text(), "");
    assert_eq!(swarm.cube(["ps", "--swarm", "-a", "-q"]).text(), format!("{id}\n"));
    assert_eq!(swarm.cube(["logs", "-f", id]).text(), "done\n");
    assert_eq!(swarm.cube(["prune"]).text(), format!("{id}\n"));
    swarm.assert_empty();
}

#[test]
fn a_task_that_fits_on_no_node_is_explained_and_leaves_nothing() {
    let swarm = swarm();
    let image = swarm.probe();
    for (flag, value, reason) in [
        ("--memory", "900g", "insufficient resources"),
        ("--constraint", "node.labels.disk==ssd", "constraints not satisfied"),
    ] {
        let words = [flag, value, "--wait-timeout", "1s", "forever"];
        let cube =
            swarm.cube(run(&image, &words)).ends(124).stderr_has("no suitable node").stderr_has(reason);
        cube.stderr_has("the task is pending").stderr_has("hint: ask for less").output();
        swarm.assert_empty();
    }
    swarm.cube(run(&image, &["--disk", "1g"])).fails(125).stderr_has("Swarm cannot honour --disk").output();
    swarm.cube(["run", "--image", &image, "--node", "node1"]).fails(125).stderr_has("add --swarm").output();
    swarm.assert_empty();
}

#[test]
fn with_reaches_a_task_on_another_node() {
    let swarm = swarm();
    let image = swarm.probe();
    let words = ["--node", "node3", "--expose", "80", "--wait-for", "http=80/", "http=0.0.0.0:80", "forever"];
    let task = [&["with", "--swarm", "--image", &image][..], &words].concat();
    let command = [
        "--",
        "sh",
        "-c",
        "curl -fsS -o /dev/null \"http://$CUBE_HOST:$CUBE_PORT_80/\" && echo \"$CUBE_HOST\"; exit 4",
    ];
    let output = swarm.cube([&task[..], &command].concat()).exits(4).any_stderr().output();
    assert_eq!(output.text(), format!("{}\n", swarm.node("node3").address));
    swarm.assert_empty();
}

#[test]
fn a_killed_cube_leaves_no_service() {
    let swarm = swarm();
    let image = swarm.probe();
    let mut running =
        swarm.cube(run(&image, &["-a", "--restart", "always", "out=up", "forever"])).ends(-9).spawn();
    running.wait_for_stdout("up\n");
    running.signal(Signal::KILL);
    let engine = &swarm.node("node1").engine;
    until("the guard removes the service", || engine.get("/services") == serde_json::json!([]));
    swarm.assert_empty();
}

#[test]
fn a_task_survives_the_death_of_its_node_if_it_may_restart() {
    let mut swarm = swarm();
    let image = swarm.probe();
    let words = ["--restart", "on-failure", "--constraint", "node.hostname!=node1", "--expose", "80"];
    let words = [&words[..], &["--wait-for", "port=80", "out=up", "listen=0.0.0.0:80", "forever"]].concat();
    let id = swarm.cube(run(&image, &words)).text().trim_end().to_owned();
    let once =
        swarm.cube(run(&image, &["--node", swarm.place("node1", &id).unwrap().name, "forever"])).text();
    let first = swarm.place("node1", &id).unwrap().name;
    let mut log = swarm.cube(["logs", "-f", &id]).spawn();
    log.wait_for_stdout("up\n");
    swarm.kill(first);
    log.wait_for_stdout("up\nup\n");
    let second = swarm.place("node1", &id).unwrap();
    assert_ne!(second.name, first);
    assert!(swarm.cube(["port", &id, "80"]).text().starts_with(&second.address));
    // A task without restarts is not run again.
    swarm.cube(["wait", once.trim_end()]).fails(1).stderr_has("is down").output();
    swarm.cube(["stop", &id, once.trim_end()]).output();
    log.finish();
    swarm.revive(first);
    swarm.assert_empty();
}

#[test]
fn the_next_manager_is_asked_when_one_dies() {
    let mut swarm = swarm();
    let image = swarm.probe();
    swarm.be_patient(true);
    let task = ["--node", "node2", "out=up", "say-signals", "forever"];
    let mut attached =
        swarm.cube_at_all(run(&image, &[&["-a"], &task[..]].concat())).exits(138).any_stderr().spawn();
    attached.wait_for_stdout("up\n");
    let id = swarm.cube_at_all(run(&image, &task)).text().trim_end().to_owned();
    let wait = swarm.cube_at_all(["wait", &id]).exits(138).any_stderr().spawn();
    let mut log = swarm.cube_at_all(["logs", "-f", &id]).any_stderr().spawn();
    log.wait_for_stdout("up\n");
    // This is the leader: the others elect a new one.
    swarm.kill("node1");
    let late = swarm.cube_at_all(run(&image, &["-a", "out=late"])).stderr_has("is asked instead");
    assert_eq!(late.text(), "late\n");
    swarm.cube(["logs", &id]).fails(1).stderr_has("no engine at").output();
    let node = &swarm.node("node2").engine;
    for container in node.get("/containers/json").as_array().unwrap() {
        node.post(
            &format!("/containers/{}/kill?signal=USR1", container["Id"].as_str().unwrap()),
            &Value::Null,
        );
    }
    assert_eq!(attached.finish().text(), "up\nsignal 10\n");
    assert_eq!(wait.finish().text(), "138\n");
    assert_eq!(log.finish().text(), "up\nsignal 10\n");
    swarm.cube_at_all(["stop", &id]).any_stderr().output();
    swarm.revive("node1");
    swarm.be_patient(false);
    swarm.assert_empty();
}

#[test]
fn the_registry_s_credentials_reach_the_task_s_node() {
    let (swarm, bed) = (swarm(), Bed::new());
    let registry = Registry::private_at(&swarm.host_address());
    let (image, _) = registry.publish_from(&swarm.node("node1").engine, bed.name(), "1");
    let has = |node: &str| swarm.node(node).engine.has(&format!("/images/{image}/json"));
    swarm.node("node1").engine.delete(&format!("/images/{image}?force=1"));
    // Without published ports, the manager itself does not need the image.
    let task = ["-a", "--no-publish-all", "--node", "node3", "out=pulled"];
    for (user, password) in [("nobody", registry::PASSWORD), (registry::USER, "wrong")] {
        let config = registry.login(&bed, user, password);
        let refused = swarm.cube(run(&image, &task)).env("DOCKER_CONFIG", config).fails(125);
        refused.stderr_has("cannot start").output();
        assert!(!has("node3"));
    }
    let config = registry.login(&bed, registry::USER, registry::PASSWORD);
    assert_eq!(swarm.cube(run(&image, &task)).env("DOCKER_CONFIG", config).text(), "pulled\n");
    assert!(has("node3") && !has("node1"));
    swarm.assert_empty();
}

#[test]
fn with_goes_on_with_a_database_whose_node_died() {
    const IMAGE: &str = "cube-test-swarm/postgres:13";
    let mut swarm = swarm();
    image::postgres_on(&["node2", "node3"].map(|node| &swarm.node(node).engine), IMAGE);
    let database = ["--restart", "on-failure", "--constraint", "node.hostname!=node1", "--no-publish-all"];
    let ready = ["-p", "5432", "--env", "POSTGRES_PASSWORD=secret", "--wait-for", "postgres"];
    let script = r#"
        export PGPASSWORD=secret
        ask() { psql -h "$1" -p "$2" -U postgres -Atc "SELECT $3"; }
        ask "$CUBE_HOST" "$CUBE_PORT" "'first'" && read -r _
        "$0" wait --for postgres "$CUBE_CONTAINER_ID" && at=$("$0" port "$CUBE_CONTAINER_ID" 5432)
        ask "${at%:*}" "${at##*:}" "'second'"; exit 6"#;
    let binary = binary().into_os_string().into_string().unwrap();
    let command = ["--", "sh", "-c", script, &binary];
    let words = [&["with", "--swarm", "--image", IMAGE], &database[..], &ready, &command].concat();
    let mut with = swarm.cube(words).open_stdin().exits(6).any_stderr().spawn();
    with.wait_for_stdout("first\n");
    let service = swarm.node("node1").engine.get("/services")[0]["ID"].as_str().unwrap().to_owned();
    let first = swarm.place("node1", &service).unwrap().name;
    swarm.kill(first);
    until("it is placed again", || swarm.place("node1", &service).is_some_and(|node| node.name != first));
    with.write_stdin("\n");
    assert_eq!(with.finish().text(), "first\nsecond\n");
    swarm.revive(first);
    swarm.assert_empty();
}

/// How many tasks a second a manager takes until they run.
#[test]
fn a_manager_takes_many_tasks() {
    let swarm = swarm();
    let image = swarm.probe();
    let most = std::env::var("CUBE_TEST_SWARM_TASKS").map_or(5, |most| most.parse().unwrap());
    let start = || swarm.cube(run(&image, &["forever"])).within(LONG);
    for tasks in [1, 10, 100].into_iter().filter(|tasks| *tasks < most).chain([most]) {
        let begun = Instant::now();
        let mut ids: Vec<String> = (0..tasks).map(|_| start().text()).collect();
        let in_turn = begun.elapsed();
        let begun = Instant::now();
        let running: Vec<_> = (0..tasks).map(|_| start().spawn()).collect();
        ids.extend(running.into_iter().map(|cube| cube.finish().text()));
        let rate = |took: Duration| f64::from(tasks) / took.as_secs_f64();
        let (in_turn, at_once) = (rate(in_turn), rate(begun.elapsed()));
        println!("{tasks} tasks: {in_turn:.1} a second one after the other, {at_once:.1} at once");
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        let stop = ["stop"].into_iter().chain(ids.iter().map(|id| id.trim_end()));
        assert_eq!(swarm.cube(stop).within(LONG).text(), ids.concat());
        swarm.assert_empty();
    }
}

#[test]
fn a_task_leaves_a_drained_node() {
    let swarm = swarm();
    let image = swarm.probe();
    let id = swarm.cube(run(&image, &["--restart", "always", "forever"])).text().trim_end().to_owned();
    let first = swarm.place("node1", &id).unwrap().name;
    swarm.make(first, "drain");
    until("it is placed elsewhere", || swarm.place("node1", &id).is_some_and(|node| node.name != first));
    swarm.make(first, "active");
    swarm.cube(["stop", &id]).within(Duration::from_secs(30)).output();
    swarm.assert_empty();
}
