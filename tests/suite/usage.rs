//! A task's usage: read without a request on a local engine, and from the engine's statistics on a remote one.

use std::io;
use std::net::{Shutdown, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread;

use rustix::process::Signal;
use serde_json::Value;

use crate::testbed::proxy::Proxy;
use crate::testbed::{Bed, Engine, probe, shell};

/// The requests of a run in the foreground.
const PLAIN: [&str; 5] = [
    "DELETE /containers",
    "POST /containers/attach",
    "POST /containers/create",
    "POST /containers/start",
    "POST /containers/wait",
];

/// The engine at a TCP address, like a remote one. Its threads end with their connections.
fn far(engine: &Engine) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let socket = PathBuf::from(engine.host().trim_start_matches("unix://"));
    thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let far = UnixStream::connect(&socket).unwrap();
            let (mut from, mut to) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            thread::spawn(move || {
                let _ = io::copy(&mut from, &mut to);
                to.shutdown(Shutdown::Write)
            });
            let (mut from, mut to) = (far, near);
            thread::spawn(move || {
                let _ = io::copy(&mut from, &mut to);
                to.shutdown(Shutdown::Write)
            });
        }
    });
    format!("tcp://{address}")
}

/// A request without its query and the ids in its path.
fn without_ids(line: &str) -> String {
    let path = line.split('?').next().unwrap_or_default();
    path.split('/').filter(|part| part.len() < 32).collect::<Vec<_>>().join("/")
}

#[test]
fn usage_costs_no_request_on_a_local_engine() {
    let bed = Bed::new();
    let image = probe();
    let mut seen = Vec::new();
    // On a busy machine, the task may be inspected once more at its end, with or without usage.
    for _ in 0..5 {
        let proxy = Proxy::before(Engine::under_test(), None);
        let args = ["--attach", "--usage", "--image", &image, "out=x", "sleep=1"];
        bed.run(args).env("DOCKER_HOST", proxy.host()).any_stderr().output();
        seen = proxy.seen().iter().map(|line| without_ids(line)).collect();
        seen.sort();
        // podman has no log driver `local`, so cube asks it for its own by a second create.
        seen.dedup();
        if seen == PLAIN {
            return;
        }
    }
    panic!("it asked {seen:?}");
}

#[test]
fn usage_on_a_remote_engine_is_sampled() {
    let bed = Bed::new();
    let args =
        ["-o", "json", "--attach", "--usage", "--memory", "64m", "--image", &probe(), "memory=8", "sleep=4"];
    let stderr = bed.run(args).env("DOCKER_HOST", far(bed.engine())).ends(0).output().stderr;
    let object: serde_json::Value = serde_json::from_str(stderr.lines().last().unwrap()).unwrap();
    let usage = &object["usage"];
    if bed.engine().get("/info")["CgroupDriver"] == "none" {
        // The samples would be of the whole machine.
        assert!(usage["cpu_seconds"].is_null() && stderr.contains("usage: not known"), "{stderr}");
        return;
    }
    assert!(usage["exact"] == false && usage["memory_limit_bytes"] == 64 << 20, "{usage}");
    assert!(usage["memory_peak_bytes"].as_u64().is_some_and(|peak| peak > 0), "{usage}");
    assert!(stderr.contains("usage, by samples: "), "{stderr}");
}

#[test]
fn a_short_task_whose_end_is_missed_keeps_its_last_sample() {
    let bed = Bed::new();
    if bed.engine().get("/info")["CgroupDriver"] == "none" {
        return;
    }
    let script = "head -c 50000000 /dev/zero >/tmp/zeros; sleep 0.4; echo used; sleep 60";
    let args = ["--attach", "--usage", "--memory", "512m", "--image", &shell(), "sh", "-c", script];
    let mut running = bed.run(args).ends(137).spawn();
    running.wait_for_stdout("used");
    // A busy machine may not let cube run when the task ends.
    running.signal(Signal::STOP);
    let [id] = bed.containers().try_into().unwrap();
    bed.engine().post(&format!("/containers/{id}/kill"), &Value::Null);
    let task = bed.task(&id);
    task.ended();
    running.signal(Signal::CONT);
    let stderr = running.finish().stderr;
    // podman may keep the control group until cube goes on, and then the usage is exact.
    let line = stderr.lines().find(|line| line.contains(": usage")).unwrap_or_default();
    assert!(bed.engine().is_podman() || line.contains("usage, by samples: "), "{stderr}");
    assert!(line.contains(" s of CPU, memory at most ") && line.contains(" of 512 MiB"), "{stderr}");
}
