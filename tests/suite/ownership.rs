//! Ownership: cube's own are the containers that cube made, and not those that only inherited the labels of an image.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::{Value, json};

use crate::testbed::private::Private;
use crate::testbed::proxy::Proxy;
use crate::testbed::scripted::{Reply, Scripted};
use crate::testbed::{Bed, Engine, Task, image};

const ID: &str = "4a7d1ed414474e4033ac29ccb8653d9b2f6a8bd0f8f4f1d2c6a54c2ee0c59d11";
const UUID: &str = "6e1c8a52-3b1c-4ac3-9d3a-0f6f7d1f2a11";

/// A separate engine: `prune` and a run with a time to live look at every task.
fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Private> = OnceLock::new();
    ENGINE.get_or_init(|| Private::start(false)).engine()
}

/// For a test that must not be disturbed by another test's `prune`.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An image with the labels of a task.
fn labelled() -> String {
    image::probe_on(engine(), &[&format!("LABEL cube.task.id={UUID} cube.task.ttl=1")])
}

/// An image that `docker commit` made of a task.
fn committed(bed: &Bed, task: &Task) -> String {
    let name = format!("cube-test/committed-{}", bed.name());
    engine().post(&format!("/commit?container={}&repo={name}&tag=1", task.id), &json!({}));
    format!("{name}:1")
}

/// What somebody runs without cube.
fn others<'bed>(bed: &'bed Bed, name: &str, image: &str) -> Task<'bed> {
    let config = json!({"Image": image, "Cmd": ["forever"], "HostConfig": {"NetworkMode": "none"}});
    let task = bed.foreign(name, config);
    engine().post(&format!("/containers/{}/start", task.id), &Value::Null);
    task
}

fn listed(bed: &Bed) -> Vec<String> {
    let tasks = bed.cube(["-o", "json", "ps", "-a"]).json();
    tasks.as_array().unwrap().iter().map(|task| task["container_id"].as_str().unwrap().to_owned()).collect()
}

fn remove_image(name: &str) {
    engine().delete(&format!("/images/{name}?force=1"));
}

#[test]
fn a_container_with_its_image_s_labels_is_not_cube_s() {
    let (_alone, bed) = (alone(), Bed::on(engine()));
    let kept = bed.start(["--network", "none", "--ttl", "1h", "--image", &image::probe_on(engine(), &[])]);
    let committed = committed(&bed, &kept);
    let names = [format!("{}-a", bed.name()), format!("{}-b", bed.name())];
    let theirs = [others(&bed, &names[0], &labelled()), others(&bed, &names[1], &committed)];
    // By the inherited label, its time to live is over.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let own = bed.start(["--network", "none", "--ttl", "1h", "--image", &labelled()]);
    let listed = listed(&bed);
    assert!(listed.contains(&own.id) && listed.contains(&kept.id), "{listed:?}");
    let pruned = bed.cube(["prune"]).text();
    for (task, name) in theirs.iter().zip(&names) {
        assert!(!listed.contains(&task.id) && !pruned.contains(&task.id), "{listed:?} {pruned}");
        bed.cube(["stop", name]).fails(1).stderr_has("did not start").output();
        bed.cube(["stop", &task.id]).fails(1).stderr_has("docker rm --force --volumes").output();
        let replace = ["--network", "none", "--replace", "--name", name, "--image", &labelled()];
        bed.run(replace).fails(125).stderr_has("name taken").output();
        assert_eq!(task.inspect()["State"]["Running"], true);
    }
    // The UUID means the task, and not the newer container that inherited it from the image.
    let uuid = kept.inspect()["Config"]["Labels"]["cube.task.id"].as_str().unwrap().to_owned();
    bed.cube(["stop", "-t", "0", &uuid]).output();
    assert!(!kept.exists() && theirs[1].exists());
    bed.cube(["stop", &uuid]).fails(1).stderr_has("no such task").output();
    drop(theirs);
    remove_image(&committed);
}

#[test]
fn a_task_inherits_no_label_of_its_image() {
    let (_alone, bed) = (alone(), Bed::on(engine()));
    let image = labelled();
    let task = bed.start(["--network", "none", "--image", &image]);
    let labels = task.inspect()["Config"]["Labels"].clone();
    assert_ne!(labels["cube.task.id"], UUID);
    assert_eq!(labels["cube.task.ttl"], "");
    let listed = bed.cube(["-o", "json", "ps"]).json();
    let listed = listed.as_array().unwrap().iter().find(|each| each["container_id"] == task.id.as_str());
    assert_eq!(listed.unwrap()["expires_at"], Value::Null);
    // Its own time to live counts, even if the image has the same label.
    let same = bed.start(["--network", "none", "--ttl", "1s", "--image", &image]);
    same.wait_until(|_| !bed.cube(["ps", "-a", "-q"]).text().contains(&same.id) || !same.exists());
    drop(task);
}

#[test]
fn a_task_of_an_earlier_version_is_still_cube_s() {
    let (_alone, bed) = (alone(), Bed::on(engine()));
    let create = |name: &str, labels: Value| {
        let image = image::probe_on(engine(), &[]);
        let body = json!({"Image": image, "Labels": labels, "HostConfig": {"NetworkMode": "none"}});
        engine().post(&format!("/containers/create?name={name}"), &body)["Id"].as_str().unwrap().to_owned()
    };
    let uuid = "0f4a6f0e-6d0f-4f6c-9d3b-3a52c4b4c3d1";
    let id = create(bed.name(), json!({"cube.task.id": uuid}));
    assert!(listed(&bed).contains(&id));
    bed.cube(["stop", uuid]).output();
    assert!(!engine().has_container(&id));
}

#[test]
fn a_container_whose_image_cannot_be_read_is_not_cube_s() {
    let (_alone, bed) = (alone(), Bed::on(engine()));
    let name = format!("cube-test/gone-{}:1", bed.name());
    let base = bed.start(["--network", "none", "--image", &image::probe_on(engine(), &[])]);
    let image = committed(&bed, &base);
    let config = json!({"Image": image, "Cmd": ["exit=0"], "HostConfig": {"NetworkMode": "none"}});
    let theirs = bed.foreign(bed.name(), config);
    engine().post(&format!("/containers/{}/start", theirs.id), &Value::Null);
    theirs.ended();
    let id = engine().get(&format!("/images/{image}/json"))["Id"].as_str().unwrap().to_owned();
    remove_image(&id);
    assert!(!engine().has(&format!("/images/{id}/json")), "{name} is still there");
    assert!(!listed(&bed).contains(&theirs.id));
    assert!(!bed.cube(["prune"]).text().contains(&theirs.id) && theirs.exists());
}

#[test]
fn prune_leaves_a_task_that_started_after_it_was_listed() {
    let (_alone, bed) = (alone(), Bed::on(engine()));
    let image = image::probe_on(engine(), &[]);
    let folder = format!("{}:/bed", bed.path("").display());
    // Ends at once the first time, and runs the second.
    let flags = ["--network", "none", "-v", &folder, "--image", &image];
    let task = bed.start(flags.into_iter().chain(["exists=/bed/again", "forever"]));
    assert_eq!(task.ended(), 1);
    bed.file("again", "");
    let proxy = Proxy::before(engine(), None);
    let start = format!("/containers/{}/start", task.id);
    let removal = format!("DELETE /containers/{}", task.id);
    proxy.before_request(&removal, move || drop(engine().post(&start, &Value::Null)));
    let pruned = bed.cube(["prune"]).env("DOCKER_HOST", proxy.host()).text();
    assert!(!pruned.contains(&task.id), "{pruned}");
    assert_eq!(task.inspect()["State"]["Running"], true);
}

#[test]
fn prune_leaves_a_task_that_was_kept_and_runs_again() {
    let (_alone, bed) = (alone(), Bed::on(engine()));
    let image = image::probe_on(engine(), &[]);
    let folder = format!("{}:/bed", bed.path("").display());
    let run = ["-a", "--keep", "--name", bed.name(), "--network", "none", "-v", &folder, "--image", &image];
    bed.run(run.into_iter().chain(["exists=/bed/again", "forever"])).ends(1).output();
    bed.file("again", "");
    engine().post(&format!("/containers/{}/start", bed.name()), &Value::Null);
    let id = engine().container(bed.name())["Id"].as_str().unwrap().to_owned();
    assert!(!bed.cube(["prune"]).text().contains(&id));
    assert_eq!(engine().container(&id)["State"]["Running"], true);
    bed.cube(["stop", "-t", "0", &id]).output();
}

#[test]
fn prune_leaves_a_finished_task_whose_cube_still_needs_it() {
    let (_alone, bed) = (alone(), Bed::on(engine()));
    let (label, image) = (bed.label(), image::probe_on(engine(), &[]));
    let with = ["with", "--label", &label, "--network", "none", "--image", &image, "exit=0"];
    let mut running = bed.cube(with.into_iter().chain(["--", "cat"])).open_stdin().any_stderr().spawn();
    running.wait_for_stderr("ended with exit code 0");
    let id = bed.containers().remove(0);
    assert!(!bed.cube(["prune"]).text().contains(&id));
    assert!(engine().has_container(&id));
    running.close_stdin();
    running.finish();
    bed.assert_empty();
}

/// A list of one task that is 30 s old by the engine's clock and has one minute to live.
fn list_at(date: &str, created: i64) -> Reply {
    let labels = json!({"cube.task.id": UUID, "cube.task.ttl": "60"});
    let task = json!([{"Id": ID, "ImageID": ID, "State": "running", "Created": created, "Labels": labels}]);
    Reply::json(200, task.to_string()).with_header("Date", date)
}

#[test]
fn a_time_to_live_counts_by_the_engine_s_clock() {
    let image = Reply::json(200, json!({"Id": ID, "Config": {"Labels": null}}).to_string());
    // The engine's clock is years behind: by that clock the task is young.
    let young = list_at("Wed, 01 Jan 2020 00:00:30 GMT", 1_577_836_800);
    for words in ["ps", "prune"] {
        let engine = Scripted::new()
            .on("GET /containers/json*", young.clone())
            .always("GET /images/*/json", image.clone())
            .always("GET /networks", Reply::json(200, "[]"))
            .always("GET /services*", Reply::error(503, "This node is not a swarm manager."));
        assert_eq!(engine.cube([words]).text().contains(&ID[..12]), words == "ps");
    }
    // The engine's clock is years ahead: by this machine's clock the task does not exist yet.
    let old = list_at("Mon, 01 Jan 2080 00:02:00 GMT", 3_471_292_800);
    for words in ["ps", "prune"] {
        let engine = Scripted::new()
            .on("GET /containers/json*", old.clone())
            .always("GET /images/*/json", image.clone())
            .on(&format!("DELETE /containers/{ID}?*v=*"), Reply::empty(204))
            .always("GET /networks", Reply::json(200, "[]"))
            .always("GET /services*", Reply::error(503, "This node is not a swarm manager."));
        assert_eq!(engine.cube([words]).text().contains(ID), words == "prune");
    }
}
