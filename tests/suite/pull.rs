//! `cube pull` and the pull before a run, from a real registry.

use crate::testbed::registry::{PASSWORD, Registry, USER};
use crate::testbed::{Bed, nobody, probe};

#[test]
fn prints_the_digest_and_reports_start_and_end() {
    let bed = Bed::new();
    let image = Registry::open().publish(&bed, "1");
    let output = bed.cube(["pull", &image.reference]).stderr_has(&image.reference).output();
    assert_eq!(output.text(), format!("{}\n", image.digest));
    assert_eq!(output.stderr.lines().count(), 2, "one line at the start, one at the end: {}", output.stderr);
    assert!(image.pulled());
}

#[test]
fn without_a_tag_it_is_latest() {
    let bed = Bed::new();
    let image = Registry::open().publish(&bed, "latest");
    let other = Registry::open().publish(&bed, "other");
    let bare = image.reference.trim_end_matches(":latest");
    assert_eq!(bed.cube(["pull", bare]).any_stderr().text(), format!("{}\n", image.digest));
    assert!(image.pulled() && !other.pulled(), "that one tag and no other");
}

#[test]
fn by_digest() {
    let bed = Bed::new();
    let image = Registry::open().publish(&bed, "1");
    let by_digest = format!("{}@{}", image.reference.trim_end_matches(":1"), image.digest);
    assert_eq!(bed.cube(["pull", &by_digest]).any_stderr().text(), format!("{}\n", image.digest));
    bed.engine().delete(&format!("/images/{by_digest}?force=1"));
}

#[test]
fn a_run_pulls_what_is_missing_once() {
    let bed = Bed::new();
    let image = Registry::open().publish(&bed, "1");
    let run = || bed.run(["--attach", "--image", &image.reference, "out=pulled"]);
    let output = run().stderr_has(&image.reference).output();
    assert_eq!(output.text(), "pulled\n");
    // Now the image exists: there is nothing to print.
    assert_eq!(run().text(), "pulled\n");
    bed.assert_empty();
}

#[test]
fn quiet_pulls_in_silence() {
    let bed = Bed::new();
    let image = Registry::open().publish(&bed, "1");
    assert_eq!(bed.run(["-q", "--attach", "--image", &image.reference, "out=pulled"]).text(), "pulled\n");
}

#[test]
fn always_pulls_again() {
    let bed = Bed::new();
    let image = Registry::open().publish(&bed, "1");
    let args = ["--pull", "always", "--attach", "--image", &image.reference, "out=x"];
    bed.run(args).stderr_has(&image.reference).output();
    bed.run(args).stderr_has(&image.reference).output();
}

#[test]
fn never_pulls_nothing() {
    let bed = Bed::new();
    let image = Registry::open().publish(&bed, "1");
    let args = ["--pull", "never", "--image", &image.reference];
    bed.run(args).fails(125).stderr_has(&image.reference).output();
    assert!(!image.pulled());
    bed.assert_empty();
}

#[test]
fn always_fails_for_an_image_that_only_the_engine_has() {
    let bed = Bed::new();
    bed.run(["--pull", "always", "--pull-retries", "0", "--image", &probe()]).fails(125).output();
    bed.assert_empty();
}

#[test]
fn a_private_image_needs_the_password_and_every_password_arrives() {
    let bed = Bed::new();
    let registry = Registry::private();
    let image = registry.publish(&bed, "1");
    let config = registry.login(&bed, USER, PASSWORD);
    let pulled = bed.cube(["pull", &image.reference]).env("DOCKER_CONFIG", config).any_stderr().output();
    assert_eq!(pulled.text(), format!("{}\n", image.digest));
    assert!(!pulled.stderr.contains(PASSWORD));
}

#[test]
fn a_run_sends_the_password_too() {
    let bed = Bed::new();
    let registry = Registry::private();
    let image = registry.publish(&bed, "1");
    let config = registry.login(&bed, USER, PASSWORD);
    let run = bed.run(["--attach", "--image", &image.reference, "out=private"]).env("DOCKER_CONFIG", config);
    assert_eq!(run.any_stderr().text(), "private\n");
}

#[test]
fn credentials_may_come_from_the_environment() {
    let bed = Bed::new();
    let registry = Registry::private();
    let image = registry.publish(&bed, "1");
    registry.login(&bed, USER, PASSWORD);
    let config = std::fs::read_to_string(bed.path("config.json")).unwrap();
    bed.cube(["pull", &image.reference]).env("DOCKER_AUTH_CONFIG", config).any_stderr().output();
    assert!(image.pulled());
}

#[test]
fn credentials_may_come_from_a_helper() {
    let bed = Bed::new();
    let registry = Registry::private();
    let image = registry.publish(&bed, "1");
    let answer = serde_json::json!({"ServerURL": registry.address(), "Username": USER, "Secret": PASSWORD});
    bed.program("docker-credential-test", &format!("#!/bin/sh\ncat >/dev/null\necho '{answer}'\n"));
    let path = format!("{}:{}", bed.path("").display(), std::env::var("PATH").unwrap());
    let store = r#"{"credsStore": "test"}"#.to_owned();
    let helpers = serde_json::json!({"credHelpers": {registry.address(): "test"}}).to_string();
    for config in [store, helpers] {
        bed.file("config.json", &config);
        let pull = bed.cube(["pull", &image.reference]).env("DOCKER_CONFIG", bed.path(""));
        pull.env("PATH", &path).any_stderr().output();
        assert!(image.pulled(), "{config}");
        bed.engine().delete(&format!("/images/{}?force=1", image.reference));
    }
}

#[test]
fn a_wrong_password_is_reported() {
    let bed = Bed::new();
    let registry = Registry::private();
    let image = registry.publish(&bed, "1");
    let config = registry.login(&bed, USER, "wrong-s3cr3t");
    let args = ["-o", "json", "pull", &image.reference];
    let output = bed.cube(args).env("DOCKER_CONFIG", &config).ends(1).output();
    assert_eq!(output.json()["error"]["kind"], "registry_auth", "{}", output.text());
    assert!(!output.stderr.contains("wrong-s3cr3t") && !output.text().contains("wrong-s3cr3t"));
    let pull = bed.cube(["pull", &image.reference]).env("DOCKER_CONFIG", &config);
    pull.ends(1).stderr_has("hint: ").stderr_has("login").output();
    assert!(!image.pulled());
}

#[test]
fn a_missing_password_is_reported() {
    let bed = Bed::new();
    let image = Registry::private().publish(&bed, "1");
    let object = bed.run(["-o", "json", "--image", &image.reference]).ends(125).json();
    assert_eq!(object["error"]["kind"], "registry_auth", "{object}");
    bed.assert_empty();
}

#[test]
fn an_image_that_the_registry_does_not_have_is_not_tried_again() {
    let bed = Bed::new();
    let image = format!("{}/{}:1", Registry::open().address(), bed.name());
    let output = bed.cube(["-o", "json", "pull", &image]).ends(1).output();
    assert_eq!(output.json()["error"]["kind"], "image_not_found", "{}", output.text());
}

#[test]
fn an_unreachable_registry_is_reported() {
    let bed = Bed::new();
    let (closed, _port) = nobody::port();
    let image = format!("{closed}/{}:1", bed.name());
    let object = bed.cube(["-o", "json", "pull", "--pull-retries", "1", &image]).ends(1).json();
    assert_eq!(object["error"]["kind"], "registry_failed", "{object}");
}

#[test]
fn faults_in_docker_s_configuration_stop_only_what_needs_it() {
    let bed = Bed::new();
    for config in ["{", "[]", r#"{"credsStore": "no-such-helper"}"#] {
        let registry = Registry::open();
        let image = registry.publish(&bed, "1");
        bed.file("config.json", config);
        let folder = || bed.path("");
        bed.cube(["ps"]).env("DOCKER_CONFIG", folder()).any_stderr().output();
        let pull = bed.cube(["pull", &image.reference]).env("DOCKER_CONFIG", folder());
        pull.stderr_has("going on without").output();
        assert!(image.pulled(), "{config}");
        bed.engine().delete(&format!("/images/{}?force=1", image.reference));
    }
    let image = Registry::private().publish(&bed, "1");
    bed.file("config.json", r#"{"credsStore": "no-such-helper"}"#);
    let args = ["-o", "json", "pull", "--pull-retries", "0", &image.reference];
    let object = bed.cube(args).env("DOCKER_CONFIG", bed.path("")).ends(1).any_stderr().json();
    assert_eq!(object["error"]["kind"], "registry_auth", "{object}");
    assert!(object["error"]["message"].as_str().unwrap().contains("no-such-helper"), "{object}");
}

#[test]
fn a_helper_that_hangs_ends_with_cube() {
    let bed = Bed::new();
    let pids = bed.path("pids");
    let script = format!(
        "#!/bin/sh\necho $$ > {0}.new\nsleep 600 &\necho $! >> {0}.new\nmv {0}.new {0}\nwait\n",
        pids.display()
    );
    bed.program("docker-credential-hang", &script);
    bed.file("config.json", r#"{"credsStore": "hang"}"#);
    let path = format!("{}:{}", bed.path("").display(), std::env::var("PATH").unwrap());
    let pull = bed.cube(["pull", "127.0.0.1:1/x"]).env("DOCKER_CONFIG", bed.path("")).env("PATH", path);
    let running = pull.ends(130).any_stderr().spawn();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !pids.exists() {
        assert!(std::time::Instant::now() < deadline, "the helper was not started");
        std::thread::yield_now();
    }
    running.signal(rustix::process::Signal::INT);
    running.finish();
    for pid in std::fs::read_to_string(&pids).unwrap().lines() {
        // A zombie counts as ended too.
        let runs =
            || std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
        while runs() {
            assert!(std::time::Instant::now() < deadline, "{pid} outlives cube");
            std::thread::yield_now();
        }
    }
}
