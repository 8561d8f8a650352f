//! An engine with TLS: requests are sent only with the right certificates on both sides.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::address::hex;
use crate::testbed::authority::Authority;
use crate::testbed::image::probe_on;
use crate::testbed::secured::{self, Secured};
use crate::testbed::{Bed, Cube};

fn bed() -> (Bed, &'static Secured) {
    let secured = secured::engine();
    (Bed::on(&secured.engine), secured)
}

/// The same command line with TLS and the certificates in `folder`.
fn by_tls(cube: Cube, host: &str, folder: &Path) -> Cube {
    let port = secured::engine().port;
    let cube = cube.env("DOCKER_HOST", format!("tcp://{host}:{port}")).env("DOCKER_TLS_VERIFY", "1");
    cube.env("DOCKER_CERT_PATH", folder)
}

/// Checks that `ps` and `run` fail with `why`, that nothing of the key is shown, and that nothing was made.
fn refused(host: &str, folder: &Path, kind: &str, why: &str) {
    let (bed, secured) = bed();
    let image = probe_on(&secured.engine, &[]);
    let watch = secured.engine.watch();
    by_tls(bed.cube(["ps"]), host, folder).fails(1).stderr_has(why).output();
    let run = ["--verbose", "--verbose", "-o", "json", "--network", "none", "--image", &image];
    let output = by_tls(bed.run(run), host, folder).ends(125).stderr_has(why).output();
    assert_eq!(output.json()["error"]["kind"], kind, "{}", output.text());
    let key = std::fs::read_to_string(folder.join("key.pem")).unwrap_or_default();
    for line in key.lines() {
        assert!(!output.stderr.contains(line) && !output.text().contains(line), "{line} was shown");
    }
    assert!(watch.containers_with(&bed.label()).is_empty());
}

/// A folder with the authority that the engine's certificate is signed by, and nothing more.
fn trusting(bed: &Bed) -> PathBuf {
    let folder = bed.path("");
    secured::engine().authority.trust_in(&folder);
    folder
}

#[test]
fn a_task_lives_and_ends_behind_tls() {
    let (bed, secured) = bed();
    let image = probe_on(&secured.engine, &[]);
    let client = secured.authority.issue("client", "client");
    let cube = |cube| by_tls(cube, "127.0.0.1", &client);
    let usual = ["--network", "none", "--image", &image];
    let attached = ["--attach"].iter().chain(&usual).chain(&["out=one", "err=two", "exit=7"]);
    let output = cube(bed.run(attached)).exits(7).stderr_has("two\n").output();
    assert_eq!((output.text().as_str(), output.stderr.as_str()), ("one\n", "two\n"));
    bed.assert_empty();
    let detached = cube(bed.run(usual.iter().chain(&["out=up", "say-signals", "forever"]))).text();
    let id = detached.trim_end();
    assert_eq!(cube(bed.cube(["exec", id, "/probe", "out=in", "exit=3"])).exits(3).text(), "in\n");
    let mut logs = cube(bed.cube(["logs", "-f", id])).spawn();
    logs.wait_for_stdout("up\n");
    assert_eq!(cube(bed.cube(["stop", id])).text(), detached);
    assert_eq!(logs.finish().text(), "up\nsignal 15\n");
}

#[test]
fn a_context_brings_its_own_certificates() {
    let (bed, secured) = bed();
    let client = secured.authority.issue("context", "client");
    let name = hex(&Sha256::digest("far"));
    let (meta, tls) =
        (bed.path("contexts/meta").join(&name), bed.path("contexts/tls").join(&name).join("docker"));
    std::fs::create_dir_all(&meta).unwrap();
    std::fs::create_dir_all(&tls).unwrap();
    let host = format!("tcp://127.0.0.1:{}", secured.port);
    let endpoints = serde_json::json!({"docker": {"Host": host, "SkipTLSVerify": false}});
    let text = serde_json::json!({"Name": "far", "Endpoints": endpoints}).to_string();
    std::fs::write(meta.join("meta.json"), text).unwrap();
    for file in ["ca.pem", "cert.pem", "key.pem"] {
        std::fs::copy(client.join(file), tls.join(file)).unwrap();
    }
    let ps = Cube::new(["--context", "far", "ps", "-q"]).env("DOCKER_CONFIG", bed.path(""));
    assert_eq!(ps.text(), "");
}

#[test]
fn a_client_without_a_certificate_is_refused() {
    let (bed, _) = bed();
    refused("127.0.0.1", &trusting(&bed), "permission_denied", "wants another client certificate");
}

#[test]
fn a_certificate_from_another_authority_is_refused() {
    let other = Authority::new();
    let client = other.issue("client", "client");
    secured::engine().authority.trust_in(&client);
    refused("127.0.0.1", &client, "permission_denied", "wants another client certificate");
}

#[test]
fn an_engine_with_another_authority_s_certificate_gets_no_request() {
    let other = Authority::new();
    refused(
        "127.0.0.1",
        &other.issue("client", "client"),
        "engine_unreachable",
        "signed by no authority that is trusted",
    );
}

#[test]
fn an_engine_with_another_name_gets_no_request() {
    let client = secured::engine().authority.issue("name", "client");
    refused("localhost", &client, "engine_unreachable", "is for another name");
}

#[test]
fn a_connection_without_tls_gets_a_hint_about_tls() {
    let (bed, secured) = bed();
    let host = format!("tcp://127.0.0.1:{}", secured.port);
    bed.cube(["ps"])
        .env("DOCKER_HOST", host)
        .fails(1)
        .stderr_has("HTTPS")
        .stderr_has("DOCKER_TLS_VERIFY")
        .output();
}
