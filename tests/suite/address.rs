//! The sources of the engine's address: `--context` > `--host` > `DOCKER_HOST` > `DOCKER_CONTEXT` > `currentContext` >
//! sockets.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::testbed::{Bed, Cube, Engine};

const WRONG: &str = "unix:///no/such/engine.sock";

/// A Docker config folder with a context `good` at the engine under test and `bad` at none.
fn contexts(bed: &Bed, current: &str) -> String {
    for (name, host) in [("good", Engine::under_test().host()), ("bad", WRONG.to_owned())] {
        let folder = bed.path("contexts/meta").join(hex(&Sha256::digest(name)));
        std::fs::create_dir_all(&folder).unwrap();
        let meta = serde_json::json!({"Name": name, "Endpoints": {"docker": {"Host": host}}});
        std::fs::write(folder.join("meta.json"), meta.to_string()).unwrap();
    }
    bed.file("config.json", &serde_json::json!({"currentContext": current}).to_string());
    bed.path("").into_os_string().into_string().unwrap()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn ps(bed: &Bed, current: &str, flags: &[&str]) -> Cube {
    let args = flags.iter().copied().chain(["ps", "-q"]);
    Cube::new(args).without_env("DOCKER_HOST").env("DOCKER_CONFIG", contexts(bed, current))
}

#[test]
fn the_current_context_is_used() {
    let bed = Bed::new();
    ps(&bed, "good", &[]).output();
    ps(&bed, "bad", &[]).fails(1).stderr_has("engine.sock").output();
}

#[test]
fn docker_context_wins_over_the_current_one() {
    let bed = Bed::new();
    ps(&bed, "bad", &[]).env("DOCKER_CONTEXT", "good").output();
}

#[test]
fn docker_host_wins_over_docker_context() {
    let bed = Bed::new();
    let good = Engine::under_test().host();
    ps(&bed, "bad", &[]).env("DOCKER_CONTEXT", "bad").env("DOCKER_HOST", &good).output();
}

#[test]
fn the_host_flag_wins_over_docker_host() {
    let bed = Bed::new();
    let good = Engine::under_test().host();
    ps(&bed, "bad", &["--host", &good]).env("DOCKER_HOST", WRONG).output();
}

#[test]
fn the_context_flag_wins_over_everything() {
    let bed = Bed::new();
    ps(&bed, "bad", &["--context", "good", "--host", WRONG]).env("DOCKER_HOST", WRONG).output();
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let bed = Bed::new();
    ps(&bed, "good", &[]).env("DOCKER_HOST", "").env("DOCKER_CONTEXT", "").output();
}

#[test]
fn a_missing_context_is_named() {
    let bed = Bed::new();
    ps(&bed, "good", &["--context", "nowhere"]).fails(1).stderr_has("nowhere").output();
}

#[test]
fn an_unknown_scheme_is_named() {
    Cube::new(["ps"]).env("DOCKER_HOST", "gopher://x").fails(1).stderr_has("gopher").output();
}

#[test]
fn tls_is_never_replaced_by_a_connection_without_it() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("tcp://{}", listener.local_addr().unwrap());
    let first = std::thread::spawn(move || {
        let mut byte = [0];
        std::io::Read::read(&mut listener.accept().unwrap().0, &mut byte).map(|size| (size, byte[0]))
    });
    let bed = Bed::new();
    let ps = Cube::new(["ps"]).env("DOCKER_HOST", host).env("DOCKER_TLS_VERIFY", "1");
    ps.env("DOCKER_CERT_PATH", bed.path("")).fails(1).output();
    // If no connection comes, that is right too; the test makes one itself to end the wait.
    let seen = first.is_finished().then(|| first.join().unwrap());
    if let Some(Ok((1, byte))) = seen {
        assert_eq!(byte, 0x16, "the first byte of a TLS handshake");
    }
}
