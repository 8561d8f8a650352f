//! Parts of a create request that depend on the caller's surroundings: the terminal's size, the credentials.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::recorder::Recorder;
use super::unfit_cli;
use crate::testbed::bed::write_program;
use crate::testbed::cube;

/// cube, and the Docker CLI if it can be used for comparison.
fn clients() -> Vec<PathBuf> {
    let docker = unfit_cli().is_none().then(|| {
        let found = Command::new("sh").args(["-c", "command -v docker"]).output().unwrap();
        PathBuf::from(String::from_utf8(found.stdout).unwrap().trim())
    });
    docker.into_iter().chain([cube::binary()]).collect()
}

#[test]
fn the_terminal_has_its_size_from_the_start() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/terminal.py");
    for client in clients() {
        let engine = Recorder::new("1.50");
        let mut command = Command::new("python3");
        command.arg(script).arg(&client).args(["", "image:1", "started"]).env("DOCKER_HOST", engine.host());
        assert!(command.env("HOME", cube::scratch()).status().unwrap().success());
        let create = engine.create().unwrap();
        assert_eq!(create.body["HostConfig"]["ConsoleSize"], json!([24, 80]), "{}", client.display());
    }
}

/// The one file in the archive that is sent to the container: name, mode and text.
fn sent(engine: &Recorder) -> (Vec<Value>, Option<(String, u32, String)>) {
    let asked = engine.take();
    let of = |start: &str| {
        asked.iter().find(|(request, _)| request.starts_with(start) && !request.contains("/start"))
    };
    let (_, create) = of("POST ").unwrap();
    let create: Value = serde_json::from_slice(create).unwrap();
    let env = create["Env"].as_array().cloned().unwrap_or_default();
    let mounted = &create["HostConfig"]["Mounts"][0];
    assert_eq!(mounted["Target"], "/var/run/docker.sock");
    assert_eq!(mounted["Source"], json!(engine.socket()));
    let archive = of("PUT ").map(|(request, archive)| {
        assert!(request.contains("path=%2F") || request.contains("path=/"), "{request}");
        let mut archive = tar::Archive::new(archive.as_slice());
        let mut file = archive.entries().unwrap().next().unwrap().unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut file, &mut text).unwrap();
        let name = file.path().unwrap().display().to_string();
        (name.trim_start_matches('/').to_owned(), file.header().mode().unwrap(), text)
    });
    (env, archive)
}

fn run(client: &Path, engine: &Recorder, home: &Path, flags: &[&str], more: &BTreeMap<&str, String>) {
    let mut command = Command::new(client);
    command.args(["run", "-d", "--use-api-socket"]).args(flags).arg("image:1");
    let path = [home.as_os_str().to_owned(), std::env::var_os("PATH").unwrap()].join(&OsString::from(":"));
    command.env_clear().env("PATH", path).env("HOME", home).env("DOCKER_HOST", engine.host()).envs(more);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
}

#[test]
fn a_task_with_the_engine_s_socket_has_the_caller_s_credentials() {
    let home = TempDir::with_prefix("cube-test-").unwrap();
    std::fs::create_dir(home.path().join(".docker")).unwrap();
    let write =
        |config: &Value| std::fs::write(home.path().join(".docker/config.json"), config.to_string()).unwrap();
    let helper = home.path().join("docker-credential-test");
    let script = "#!/bin/sh\nread server\ncase $1 in list) echo '{\"kept.example\":\"u\"}';; \
        *) echo '{\"ServerURL\":\"'$server'\",\"Username\":\"u\",\"Secret\":\"p\"}';; esac\n";
    write_program(&helper, script);
    let own = json!({"auths": {"r.example:5000": {"auth": "dTpw"}, "a.example": {"identitytoken": "t"}, "empty.example": {}},
        "HttpHeaders": {"X-Other": "y"}});
    let stored = json!({"auths": {"kept.example": {}, "file.example": {"auth": "dTpw"}}, "credsStore": "test",
        "credHelpers": {"own.example": "test"}});
    let of_variable = json!({"auths": {"v.example": {"auth": "dTpw"}}}).to_string();
    let none = BTreeMap::new();
    let variable = BTreeMap::from([("DOCKER_AUTH_CONFIG", of_variable)]);
    let folder = json!("DOCKER_CONFIG=/run/secrets/docker");
    let cases = [
        (
            &own,
            &[][..],
            &none,
            &folder,
            Some(json!({"a.example": {"identitytoken": "t"}, "empty.example": {},
            "r.example:5000": {"auth": "dTpw"}})),
        ),
        (
            &stored,
            &[][..],
            &none,
            &folder,
            Some(json!({"kept.example": {"auth": "dTpw"}, "own.example": {"auth": "dTpw"}})),
        ),
        (&own, &[][..], &variable, &folder, Some(json!({"v.example": {"auth": "dTpw"}}))),
        (&own, &["-e", "DOCKER_CONFIG=/x"][..], &none, &json!("DOCKER_CONFIG=/x"), None),
        (&json!({}), &[][..], &none, &Value::Null, None),
    ];
    for (config, flags, more, variable, auths) in &cases {
        write(config);
        for client in clients() {
            let engine = Recorder::new("1.50");
            run(&client, &engine, home.path(), flags, more);
            let (env, archive) = sent(&engine);
            let what = format!("{} with {config} and {flags:?}", client.display());
            assert_eq!(env.first().unwrap_or(&Value::Null), *variable, "{what}");
            let read = archive.map(|(name, mode, text)| {
                assert_eq!((name.as_str(), mode), ("run/secrets/docker/config.json", 0o600), "{what}");
                serde_json::from_str::<Value>(&text).unwrap()["auths"].clone()
            });
            assert_eq!(read, *auths, "{what}");
        }
    }
}
