//! A remote engine that does not see this machine's files, like docker:dind: sources go in and results come out without
//! a bind mount.

use std::fs;
use std::net::{TcpListener, UdpSocket};

use crate::testbed::guarded::{Guarded, comes_up};
use crate::testbed::image::shell_on;
use crate::testbed::{Bed, Engine};

/// The engine, and its address. Instead of the bed's folder, it sees an empty one.
struct Far {
    engine: &'static Engine,
    host: String,
    _server: Guarded,
}

impl Far {
    fn without(folder: &str) -> Self {
        // Another process may take the port, or a busy machine not start the engine in time.
        (0..3).find_map(|_| Self::start_without(folder)).expect("an engine that comes up")
    }

    fn start_without(folder: &str) -> Option<Self> {
        // The bridge's own address is not a loopback address, but only this machine can reach it.
        let subnet = Engine::under_test().get("/networks/bridge")["IPAM"]["Config"][0]["Subnet"].clone();
        let (network, _) = subnet.as_str().unwrap().rsplit_once('.').unwrap();
        let way = UdpSocket::bind("0.0.0.0:0").unwrap();
        way.connect(format!("{network}.200:9")).unwrap();
        let port = TcpListener::bind((way.local_addr().unwrap().ip(), 0)).unwrap();
        let host = format!("tcp://{}", port.local_addr().unwrap());
        drop(port);
        let command = "unshare --mount sh -c 'mount -t tmpfs none \"$2\" && exec dockerd \
                       --config-file \"$0/config.json\" --iptables=false --data-root \"$0/root\" \
                       --exec-root \"$0/exec\" --pidfile \"$0/pid\" --host \"unix://$0/sock\" --tls=false \
                       --host \"$1\"' \"$folder\" \"$1\" \"$2\"";
        let server = Guarded::start("echo {} >config.json &&", command, "", &[&host, folder]);
        let engine: &Engine = Box::leak(Box::new(Engine::at(server.folder().join("sock"))));
        comes_up(|| engine.answers()).then_some(Self { engine, host, _server: server })
    }
}

#[test]
fn sources_go_in_and_results_come_out_without_a_bind_mount() {
    let here = tempfile::TempDir::with_prefix("cube-test-").unwrap();
    let folder = here.path().join("job");
    fs::create_dir_all(folder.join(".git")).unwrap();
    fs::write(folder.join("check"), "mkdir report && echo '2 of 3' >report/junit.xml; exit 3").unwrap();
    let far = Far::without(folder.to_str().unwrap());
    let bed = Bed::on(far.engine);
    let image = shell_on(far.engine);
    let run = |flags: &[&str], command: &[&str]| {
        let all = [&["--attach", "--network=none"], flags, &["--image", &image], command].concat();
        bed.run(all).env("DOCKER_HOST", &far.host).in_folder(&folder)
    };
    // A bind mount shows a folder of the engine's machine, with nothing in it.
    let volume = format!("--volume={}:/src", folder.display());
    let output = run(&[&volume], &["ls", "-A", "/src"]).stderr_has("--copy-in").output();
    assert_eq!(output.text(), "");
    let flags = ["--copy-in=.:/src,exclude=.git", "--copy-out=/src/report:report"];
    let output = run(&flags, &["sh", "-c", "cd /src && ls -A && sh ./check"]).exits(3).output();
    assert_eq!(output.text(), "check\n");
    assert_eq!(fs::read_to_string(folder.join("report/junit.xml")).unwrap(), "2 of 3\n");
    bed.assert_empty();
}
