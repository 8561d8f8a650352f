//! Published ports and `cube port`.

use std::io::Read;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use crate::testbed::{Bed, probe, probe_with};

fn greeting(address: &str) -> String {
    let mut text = String::new();
    TcpStream::connect(address).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn every_exposed_port_is_published_on_a_free_one() {
    let bed = Bed::new();
    let image = probe_with(&["EXPOSE 80", "EXPOSE 53/udp"]);
    let task = bed.start(["--image", &image, "--expose", "81", "listen=0.0.0.0:80", "forever"]);
    assert_eq!(task.inspect()["HostConfig"]["PublishAllPorts"], true);
    let (web, more, dns) = (task.host_port("80/tcp"), task.host_port("81/tcp"), task.host_port("53/udp"));
    let port = |args: &[&str]| bed.cube(["port", &task.id].iter().chain(args)).text();
    assert_eq!(port(&["80"]), format!("127.0.0.1:{web}\n"));
    assert_eq!(port(&["80/tcp"]), format!("127.0.0.1:{web}\n"));
    assert_eq!(port(&["53/udp"]), format!("127.0.0.1:{dns}\n"));
    let all = port(&[]);
    for line in [
        format!("80/tcp -> 0.0.0.0:{web}"),
        format!("81/tcp -> 0.0.0.0:{more}"),
        format!("53/udp -> 0.0.0.0:{dns}"),
    ] {
        assert!(all.lines().any(|seen| seen == line), "{line} in {all}");
    }
}

#[test]
fn a_listener_inside_is_reached() {
    let bed = Bed::new();
    let image = probe_with(&["EXPOSE 80"]);
    let task = bed.start(["--image", &image, "listen=0.0.0.0:80", "out=up", "forever"]);
    let mut logs = bed.cube(["logs", "-f", &task.id]).spawn();
    logs.wait_for_stdout("up\n");
    assert_eq!(greeting(&format!("127.0.0.1:{}", task.host_port("80/tcp"))), "hello\n");
    bed.cube(["stop", &task.id]).output();
    logs.finish();
}

#[test]
fn udp_is_reached_too() {
    let bed = Bed::new();
    let image = probe_with(&["EXPOSE 53/udp"]);
    let task = bed.start(["--image", &image, "udp=0.0.0.0:53", "out=up", "forever"]);
    let mut logs = bed.cube(["logs", "-f", &task.id]).spawn();
    logs.wait_for_stdout("up\n");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.connect(("127.0.0.1", task.host_port("53/udp"))).unwrap();
    socket.send(b"echo").unwrap();
    let mut datagram = [0; 16];
    let size = socket.recv(&mut datagram).unwrap();
    assert_eq!(&datagram[..size], b"echo");
    bed.cube(["stop", &task.id]).output();
    logs.finish();
}

#[test]
fn no_publish_all_publishes_only_what_is_asked_for() {
    let bed = Bed::new();
    let image = probe_with(&["EXPOSE 80"]);
    let task = bed.start(["--image", &image, "--no-publish-all", "-p", "81"]);
    assert_eq!(task.inspect()["HostConfig"]["PublishAllPorts"], false);
    task.host_port("81/tcp");
    bed.cube(["port", &task.id, "80"]).fails(1).stderr_has("80").output();
    let object = bed.cube(["-o", "json", "port", &task.id, "80"]).ends(1).json();
    assert_eq!(object["error"]["kind"], "not_published");
}

#[test]
fn the_hint_for_a_taken_port_names_the_container_s_own() {
    let bed = Bed::new();
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let hint = |mapping: &str, wanted: &str| {
        let run = bed.run(["-d", "-p", mapping, &probe()]).fails(125);
        run.stderr_has("port taken").stderr_has(&format!("a free one: -p {wanted}\n")).output();
    };
    hint(&format!("{port}:8080"), "8080");
    hint(&format!("127.0.0.1:{port}:90"), "127.0.0.1::90");
}

#[test]
fn the_ports_of_another_container_s_network_are_not_published_with_bind_either() {
    let bed = Bed::new();
    let owner = bed.start(["--image", &probe_with(&["EXPOSE 80"]), "forever"]);
    let network = format!("container:{}", owner.id);
    let args =
        ["--bind", "127.0.0.1", "--network", &network, "--image", &probe_with(&["EXPOSE 80"]), "forever"];
    let task = bed.start(args);
    assert_eq!(bed.cube(["port", &task.id]).text(), "");
}

#[test]
fn bind_publishes_on_that_address_only() {
    let bed = Bed::new();
    let image = probe_with(&["EXPOSE 80"]);
    let task = bed.start(["--image", &image, "--bind", "127.0.0.1", "-p", "81"]);
    let (web, more) = (task.host_port("80/tcp"), task.host_port("81/tcp"));
    let text = bed.cube(["port", &task.id]).text();
    assert_eq!(text, format!("80/tcp -> 127.0.0.1:{web}\n81/tcp -> 127.0.0.1:{more}\n"));
}

#[test]
fn a_host_port_and_an_address_can_be_chosen() {
    let bed = Bed::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let task = bed.start(["--image", &probe(), "-p", &format!("127.0.0.1:{free}:80/tcp")]);
    assert_eq!(bed.cube(["port", &task.id, "80"]).text(), format!("127.0.0.1:{free}\n"));
}
