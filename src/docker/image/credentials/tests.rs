//! Tests: credentials in Docker's configuration and its helpers.

use std::{fs, process::Command};

use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use serde_json::json;

use crate::docker::{http::dial::fake_program, image::credentials::*};

const HUB: &str = "https://index.docker.io/v1/";

fn auth(user: &str, password: &str) -> String {
    BASE64_STANDARD.encode(format!("{user}:{password}"))
}

fn look_up(source: &str, text: &[u8], key: &str) -> Result<Option<Credentials>, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(super::look_up(source, text, key))
}

fn found(config: &Value, key: &str) -> Option<(String, String)> {
    let found = look_up("config.json", config.to_string().as_bytes(), key).unwrap()?;
    Some((found.username, found.password))
}

fn pair(user: &str, password: &str) -> (String, String) {
    (user.into(), password.into())
}

proptest! {
    #[test]
    fn any_docker_config_is_read_or_refused(
        auth in "[A-Za-z0-9+/=:]{0,40}|\\PC{0,20}", key in "\\PC{0,30}|r", text in "\\PC{0,60}|[\\[{\",:}\\]a-z]{0,60}"
    ) {
        for entry in [json!({"auth": auth}), json!({"identitytoken": auth}), json!(auth), json!([auth]), json!(7)] {
            let config = json!({"auths": {&key: entry}});
            let _ = look_up("config.json", config.to_string().as_bytes(), &key);
        }
        let _ = look_up("config.json", text.as_bytes(), &key);
    }

    #[test]
    fn any_user_and_password_are_found_again(user in "[a-z<>]{1,12}", password in "[ -~]{1,40}") {
        let config = json!({"auths": {"r": {"auth": auth(&user, &password)}}});
        prop_assert_eq!(found(&config, "r"), Some((user, password)));
    }
}

#[test]
fn the_header_is_base64_url_with_padding() {
    let found = Login::Password("me".into(), "abc>>>def???".into());
    let value = Credentials::new("r.example", found).header_value();
    assert!(!value.contains(['+', '/']) && value.len().is_multiple_of(4), "{value}");
    let sent: Value = serde_json::from_slice(&BASE64_URL_SAFE.decode(&value).unwrap()).unwrap();
    assert_eq!(sent, json!({"username": "me", "password": "abc>>>def???", "serveraddress": "r.example"}));
    assert!(BASE64_STANDARD.decode(&value).is_err(), "the password makes the alphabets differ: {value}");
}

#[test]
fn an_identity_token_is_sent_instead_of_a_password() {
    let config = json!({"auths": {"r": {"auth": auth("me", ""), "identitytoken": "tok"}}});
    let found = look_up("", config.to_string().as_bytes(), "r").unwrap().unwrap();
    let sent: Value = serde_json::from_slice(&BASE64_URL_SAFE.decode(found.header_value()).unwrap()).unwrap();
    assert_eq!(sent, json!({"identitytoken": "tok", "serveraddress": "r"}));
}

#[test]
fn debug_output_shows_no_secret() {
    let found = Login::Password("me".into(), "s3cret".into());
    let shown = format!("{:?}", Credentials::new("r.example", found));
    assert!(shown.contains("r.example") && !shown.contains("s3cret"), "{shown}");
}

#[test]
fn entries_are_found_under_every_name_that_docker_knows() {
    for (name, key, hit) in [
        (HUB, HUB, true),
        ("r.example:5000", "r.example:5000", true),
        ("https://r.example:5000/v1/", "r.example:5000", true),
        ("http://r.example", "r.example", true),
        ("r.example/v2/", "r.example", true),
        ("r.example", "other.example", false),
        ("r.example", HUB, false),
    ] {
        let config = json!({"auths": {name: {"auth": auth("me", "a:b")}}});
        assert_eq!(found(&config, key), hit.then(|| pair("me", "a:b")), "{name} {key}");
    }
}

#[test]
fn empty_and_doubled_fields_are_read_as_docker_reads_them() {
    let entry = |entry: Value| json!({"auths": {"r": entry}});
    for nothing in [json!({}), json!({"auth": ""}), json!({"auth": "", "identitytoken": ""}), json!(null)] {
        assert_eq!(found(&entry(nothing), "r"), None);
    }
    assert_eq!(found(&entry(json!({"username": "me", "password": "pw"})), "r"), Some(pair("me", "pw")));
    let both = json!({"auth": auth("me", "pw"), "username": "old", "password": "old", "email": "x@y"});
    assert_eq!(found(&entry(both), "r"), Some(pair("me", "pw")));
    assert_eq!(found(&json!({"auths": null, "credsStore": "", "credHelpers": null}), "r"), None);
}

#[test]
fn an_empty_helper_exempts_a_registry_from_the_store() {
    let config = json!({
        "auths": {"r": {"auth": auth("me", "pw")}},
        "credsStore": "no-such-helper",
        "credHelpers": {"r": ""},
    });
    assert_eq!(found(&config, "r"), Some(pair("me", "pw")));
}

#[test]
fn an_entry_stands_in_for_a_helper_that_fails() {
    let entry = json!({"r": {"auth": auth("me", "pw")}});
    for config in [
        json!({"auths": entry, "credsStore": "no-such-helper"}),
        json!({"auths": entry, "credHelpers": {"r": "no-such-helper"}}),
    ] {
        assert_eq!(found(&config, "r"), Some(pair("me", "pw")), "{config}");
    }
}

#[test]
fn broken_configurations_are_reported_without_their_contents() {
    for (text, reason) in [
        (r#"{"auths": {"r": {"auth": "s3cret""#, "line 1"),
        (r#"["s3cret"]"#, "line 1"),
        (r#"{"auths": {"r": {"auth": "s3cret!"}}}"#, "cannot be decoded"),
        (r#"{"credsStore": "no-such-helper"}"#, "cannot be started"),
    ] {
        let error = look_up("config.json", text.as_bytes(), "r").unwrap_err();
        let message = serde_json::to_string(&error).unwrap();
        assert!(message.contains(reason) && message.contains("config.json"), "{message}");
        assert!(!message.contains("s3cret") && error.hint().is_some(), "{message}");
    }
}

#[tokio::test]
async fn the_variable_comes_first_and_the_file_second() {
    let folder = tempfile::tempdir().unwrap();
    let config =
        |user: &str, registry: &str| json!({"auths": {registry: {"auth": auth(user, "pw")}}}).to_string();
    let home = folder.path().to_path_buf();
    let sources = |variable: &str| {
        let variable = variable.to_owned();
        CredentialSources::of(&Surroundings {
            env: &|name| (name == "DOCKER_AUTH_CONFIG").then(|| variable.clone()),
            home: Some(home.clone()),
            uid: 0,
            exists: &|_| false,
            warn: &|_| (),
        })
    };
    assert_eq!(sources("").find("r").await.unwrap(), None);
    fs::create_dir(home.join(".docker")).unwrap();
    fs::write(home.join(".docker/config.json"), config("file", "r")).unwrap();
    assert_eq!(sources("").find("r").await.unwrap().unwrap().username, "file");
    assert_eq!(sources(&config("variable", "r")).find("r").await.unwrap().unwrap().username, "variable");
    assert_eq!(sources(&config("variable", "s")).find("r").await.unwrap().unwrap().username, "file");
    assert_eq!(sources("{").find("r").await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

const HELPER: &str = r#"read -r server
case "$server" in
  good) echo '{"ServerURL":"good","Username":"me","Secret":"pw"}' ;;
  token) echo '{"ServerURL":"token","Username":"<token>","Secret":"tok"}' ;;
  none) echo 'credentials not found in native keychain'; exit 1 ;;
  odd) echo 'hello' ;;
  leaky) echo '{"Secret":"s3cret"}'; exit 1 ;;
  chatty) while echo yes; do :; done ;;
  *) echo 'the keychain is locked' >&2; exit 1 ;;
esac
"#;

/// Helpers are found through `PATH`, which can be changed safely only for another process.
#[test]
fn helpers_are_asked_and_their_failures_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let helper = folder.path().join("docker-credential-cubetest");
    fake_program::write(&helper, HELPER);
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let inner = "docker::image::credentials::tests::with_a_helper_in_path";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", inner, "--ignored"])
        .env("PATH", path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run by helpers_are_asked_and_their_failures_are_told"]
fn with_a_helper_in_path() {
    let stale = json!({"good": {"auth": auth("stale", "stale")}, "none": {"auth": auth("stale", "stale")}});
    let store = json!({"credsStore": "cubetest", "auths": stale});
    let ask = |config: &Value, key: &str| look_up("config.json", config.to_string().as_bytes(), key);
    for config in [&store, &json!({"credHelpers": {"good": "cubetest"}, "credsStore": "no-such-helper"})] {
        assert_eq!(found(config, "good"), Some(pair("me", "pw")));
    }
    assert_eq!(ask(&store, "token").unwrap().unwrap().identity_token.as_deref(), Some("tok"));
    assert_eq!(ask(&store, "none").unwrap(), None);
    for (key, reason) in [
        ("odd", "answer"),
        ("leaky", "does not say why"),
        ("chatty", "1 MiB"),
        ("locked", "the keychain is locked"),
    ] {
        let message = ask(&store, key).unwrap_err().to_string();
        assert!(message.contains(reason) && !message.contains("s3cret"), "{message}");
    }
}

#[test]
fn line_breaks_in_base64_do_not_count() {
    let wrapped = auth("me", "a rather long password").replace('b', "b\r\n") + "\n";
    assert_eq!(
        found(&json!({"auths": {"r": {"auth": wrapped}}}), "r"),
        Some(pair("me", "a rather long password"))
    );
}
