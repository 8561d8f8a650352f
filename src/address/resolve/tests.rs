//! Tests: in which order the sources of an engine's address are used.

use std::{collections::HashMap, fs, path::PathBuf, sync::Mutex};

use proptest::prelude::*;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::address::resolve::*;

/// A made-up machine: its variables, its home folder and the sockets that exist.
struct Machine {
    env: HashMap<String, String>,
    home: TempDir,
    sockets: Vec<PathBuf>,
    warnings: Mutex<Vec<String>>,
}

impl Machine {
    fn new(env: &[(&str, &str)], sockets: &[&str]) -> Self {
        Self {
            env: env.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
            home: tempfile::tempdir().unwrap(),
            sockets: sockets.iter().map(PathBuf::from).collect(),
            warnings: Mutex::default(),
        }
    }

    fn write(&self, path: &str, text: &str) -> PathBuf {
        let file = self.home.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        file
    }

    fn context(&self, name: &str, meta: &str) {
        self.write(&format!(".docker/contexts/meta/{}/meta.json", hash(name)), meta);
    }

    fn resolve(&self, context: &str, host: &str) -> Result<Address, Error> {
        let home = self.home.path();
        let surroundings = Surroundings {
            env: &|name| self.env.get(name).cloned(),
            home: Some(home.into()),
            uid: 1000,
            exists: &|path| {
                self.sockets.iter().any(|socket| path == socket) || path.starts_with(home) && path.exists()
            },
            warn: &|text| self.warnings.lock().unwrap().push(text.to_owned()),
        };
        Address::resolve(
            &AddressChoice { context: Some(context.into()), host: Some(host.into()) },
            &surroundings,
        )
    }

    fn resolved(&self, context: &str, host: &str) -> String {
        self.resolve(context, host).unwrap().to_string()
    }

    fn fails(&self, context: &str, host: &str) -> String {
        let error = self.resolve(context, host).unwrap_err();
        assert!(error.hint().is_some(), "{error}");
        error.to_string()
    }
}

fn hash(name: &str) -> String {
    format!("{:x}", Sha256::digest(name))
}

fn host(host: &str) -> String {
    format!(
        r#"{{"Name":"x","Metadata":{{}},"Endpoints":{{"docker":{{"Host":"{host}","SkipTLSVerify":false}}}}}}"#
    )
}

#[test]
fn an_earlier_source_wins_over_a_later_one() {
    let mut machine = Machine::new(&[("DOCKER_HOST", "tcp://env"), ("DOCKER_CONTEXT", "byenv")], &[]);
    for name in ["flag", "byenv", "current"] {
        machine.context(name, &host(&format!("tcp://{name}")));
    }
    machine.write(".docker/config.json", r#"{"currentContext":"current"}"#);
    assert_eq!(machine.resolved("flag", "tcp://host"), "tcp://flag:2375");
    assert_eq!(machine.resolved("", "tcp://host"), "tcp://host:2375");
    assert_eq!(machine.resolved("", ""), "tcp://env:2375");
    machine.env.insert("DOCKER_HOST".into(), String::new());
    assert_eq!(machine.resolved("", ""), "tcp://byenv:2375");
    machine.env.remove("DOCKER_CONTEXT");
    assert_eq!(machine.resolved("", ""), "tcp://current:2375");
    machine.write(".docker/config.json", "{}");
    assert_eq!(machine.resolved("", ""), "unix:///var/run/docker.sock");
}

#[test]
fn the_default_context_ignores_contexts() {
    let mut machine = Machine::new(&[("DOCKER_CONTEXT", "other")], &[]);
    machine.context("other", &host("tcp://other"));
    assert_eq!(machine.resolved("default", ""), "unix:///var/run/docker.sock");
    assert_eq!(machine.resolved("default", "tcp://host"), "tcp://host:2375");
    machine.write(".docker/config.json", r#"{"currentContext":"other"}"#);
    machine.env.insert("DOCKER_CONTEXT".into(), "default".into());
    assert_eq!(machine.resolved("", ""), "unix:///var/run/docker.sock");
}

#[test]
fn docker_config_moves_the_contexts() {
    let mut machine = Machine::new(&[], &[]);
    machine.write(&format!("elsewhere/contexts/meta/{}/meta.json", hash("ci")), &host("ssh://me@ci"));
    machine.write("elsewhere/config.json", r#"{"currentContext":"ci"}"#);
    let folder = machine.home.path().join("elsewhere").to_str().unwrap().to_owned();
    machine.env.insert("DOCKER_CONFIG".into(), folder);
    assert_eq!(machine.resolved("", ""), "ssh://me@ci");
}

#[test]
fn the_first_usual_socket_that_exists_is_taken() {
    let home = "~/.docker/run/docker.sock";
    let order = [
        "/var/run/docker.sock",
        "/xdg/docker.sock",
        "/run/user/1000/docker.sock",
        home,
        "/run/podman/podman.sock",
        "/xdg/podman/podman.sock",
        "/run/user/1000/podman/podman.sock",
    ];
    for first in 0..order.len() {
        let mut machine = Machine::new(&[("XDG_RUNTIME_DIR", "/xdg")], &[]);
        let inside = |path: &str, machine: &Machine| path.replace('~', machine.home.path().to_str().unwrap());
        machine.sockets = order[first..].iter().map(|path| inside(path, &machine).into()).collect();
        assert_eq!(machine.resolved("", ""), format!("unix://{}", inside(order[first], &machine)));
    }
}

#[test]
fn tls_of_the_environment_applies_to_tcp_only() {
    let mut machine = Machine::new(&[("DOCKER_TLS_VERIFY", "1")], &["/var/run/docker.sock"]);
    let ca = machine.write(".docker/ca.pem", "");
    let tls = Some(Tls { ca: Some(ca), ..Tls::default() });
    let tcp =
        |host: &str, port, tls: &Option<Tls>| Address::Tcp { host: host.into(), port, tls: tls.clone() };
    assert_eq!(machine.resolve("", "tcp://ci").unwrap(), tcp("ci", 2376, &tls));
    assert_eq!(machine.resolve("", "ci:99").unwrap(), tcp("ci", 99, &tls));
    assert_eq!(machine.resolve("", "https://ci").unwrap(), tcp("ci", 2376, &tls));
    assert_eq!(machine.resolve("", "").unwrap(), tcp("localhost", 2376, &tls));
    assert_eq!(machine.resolved("", "unix:///x"), "unix:///x");
    assert_eq!(machine.resolved("", "ssh://ci"), "ssh://ci");
    assert!(machine.fails("", "http://ci").contains("clear text"));
    machine.context("clear", &host("tcp://ci"));
    assert_eq!(machine.resolve("clear", "").unwrap(), tcp("ci", 2376, &tls));
    machine.env = HashMap::from([("DOCKER_TLS".into(), "1".into())]);
    let unchecked = tls.clone().map(|tls| Tls { verify: false, ..tls });
    assert_eq!(machine.resolve("", "tcp://ci").unwrap(), tcp("ci", 2376, &unchecked));
    machine.env.clear();
    assert_eq!(machine.resolve("", "tcp://ci").unwrap(), tcp("ci", 2375, &None));
    assert_eq!(machine.resolve("", "https://ci").unwrap(), tcp("ci", 2376, &tls));
}

#[test]
fn docker_cert_path_names_the_folder_of_the_pem_files() {
    let mut machine = Machine::new(&[("DOCKER_TLS_VERIFY", "1")], &[]);
    let cert = machine.write("certs/cert.pem", "");
    machine.write("certs/key.pem", "");
    machine.env.insert("DOCKER_CERT_PATH".into(), cert.parent().unwrap().to_str().unwrap().into());
    let Address::Tcp { tls: Some(tls), .. } = machine.resolve("", "tcp://ci").unwrap() else { panic!() };
    assert_eq!((tls.ca, tls.cert, tls.verify), (None, Some(cert), true));
    machine.env.insert("DOCKER_CERT_PATH".into(), "/nowhere".into());
    let message = machine.fails("", "tcp://ci");
    assert!(message.contains("DOCKER_CERT_PATH") && message.contains("/nowhere"), "{message}");
}

#[test]
fn a_context_brings_its_own_tls() {
    let machine = Machine::new(&[], &[]);
    machine.context("ci", &host("tcp://ci:99"));
    let ca = machine.write(&format!(".docker/contexts/tls/{}/docker/ca.pem", hash("ci")), "");
    let Address::Tcp { tls: Some(tls), .. } = machine.resolve("ci", "").unwrap() else { panic!() };
    assert_eq!((tls.ca, tls.verify), (Some(ca), true));
    machine.context("lax", r#"{"Endpoints":{"docker":{"Host":"tcp://ci","SkipTLSVerify":true}}}"#);
    let Address::Tcp { tls: Some(tls), port, .. } = machine.resolve("lax", "").unwrap() else { panic!() };
    assert_eq!((tls.ca, tls.verify, port), (None, false, 2376));
}

#[test]
fn a_bad_value_is_named_with_its_source() {
    let mut machine = Machine::new(&[("DOCKER_HOST", "ftp://x")], &[]);
    assert!(machine.fails("", "").starts_with(r#"invalid DOCKER_HOST "ftp://x""#));
    assert!(machine.fails("", "ftp://y").starts_with(r#"invalid --host "ftp://y""#));
    assert_eq!(machine.fails("gone", ""), r#"no context "gone" (from --context)"#);
    machine.context("bad", &host("ftp://z"));
    assert!(machine.fails("bad", "").starts_with(r#"invalid address of context "bad" "ftp://z""#));
    machine.context("none", "{}");
    assert!(machine.fails("none", "").contains("names no engine"));
    machine.context("broken", "{");
    assert!(machine.fails("broken", "").contains("meta.json"));
    machine.env.clear();
    machine.write(".docker/config.json", r#"{"currentContext":"gone"}"#);
    assert!(machine.fails("", "").contains("currentContext in"));
    machine.write(".docker/config.json", "");
    assert_eq!(machine.resolved("", ""), "unix:///var/run/docker.sock");
}

/// The text of a file that Docker may have written.
fn file_text(known: &'static str) -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just(r#"{"docker":{"Host":"tcp://ci","SkipTLSVerify":true}}"#.to_owned()),
        "[a-z:/@0-9]{0,12}".prop_map(|text| format!("{{\"docker\":{{\"Host\":{text:?}}}}}")),
        "[a-z./]{0,8}".prop_map(|text| format!("{text:?}")),
        prop::sample::select(vec!["null", "7", "{}", "[]", "\"ci\""]).prop_map(str::to_owned),
    ];
    prop_oneof![
        value.prop_map(move |value| format!("{{\"{known}\":{value}}}")),
        "\\PC{0,60}",
        "[\\[{\"\\\\,:}\\]a-z0-9]{0,60}",
    ]
}

proptest! {
    #[test]
    fn any_docker_files_give_an_address_or_an_error(
        config in file_text("currentContext"),
        meta in file_text("Endpoints"),
    ) {
        let machine = Machine::new(&[], &[]);
        machine.write(".docker/config.json", &config);
        machine.context("ci", &meta);
        for context in ["", "ci"] {
            if let Err(error) = machine.resolve(context, "") {
                prop_assert!(error.hint().is_some(), "{}", error);
            }
        }
    }
}

#[test]
fn an_address_of_blanks_counts_as_not_given() {
    let machine = Machine::new(&[("DOCKER_HOST", " ")], &["/run/podman/podman.sock"]);
    assert_eq!(machine.resolved(" ", " "), "unix:///run/podman/podman.sock");
}

#[test]
fn a_configuration_that_cannot_be_used_is_a_warning() {
    let machine = Machine::new(&[], &[]);
    for text in ["{", "[1]", "\u{0}"] {
        let file = machine.write(".docker/config.json", text);
        assert_eq!(machine.resolved("", ""), "unix:///var/run/docker.sock");
        let warnings = machine.warnings.lock().unwrap().split_off(0);
        assert!(
            matches!(warnings.as_slice(), [one] if one.contains(&*file.to_string_lossy())),
            "{warnings:?}"
        );
    }
}
