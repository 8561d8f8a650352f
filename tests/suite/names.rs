//! The variables by which scripts find a task: `--prefix`, `--export`, `-o env`, `dotenv`, `github`.

use serde_json::json;

use crate::testbed::bed::is_id;
use crate::testbed::{Bed, Cube, probe};

/// `--label LABEL --image IMAGE`, with the words before and after it.
fn args<'a>(bed_label: &'a str, image: &'a str, before: &[&'a str], after: &[&'a str]) -> Vec<&'a str> {
    [before, &["--label", bed_label, "--image", image], after].concat()
}

#[test]
fn two_tasks_live_side_by_side_each_under_its_prefix() {
    let bed = Bed::new();
    let (label, image) = (bed.label(), probe());
    let script = r#"test "$A_PORT_80" = "$A_PORT" -a "$B_PORT_81" = "$B_PORT" -a "$A_PORT" != "$B_PORT" &&
        test "$A_CONTAINER_ID" != "$B_CONTAINER_ID" -a -n "$A_HOST" -a -z "$CUBE_PORT$CUBE_NAME" &&
        echo "$A_CONTAINER_NAME and $B_CONTAINER_NAME""#;
    let (a, b) = (format!("{}-a", bed.name()), format!("{}-b", bed.name()));
    let inner = [env!("CARGO_BIN_EXE_cube"), "with", "--prefix", "B", "--name", &b, "--expose", "81"];
    let inner = args(&label, &image, &inner, &["forever", "--", "sh", "-c", script]);
    let outer = ["with", "--prefix", "A", "--name", &a, "--expose", "80"];
    let outer = args(&label, &image, &outer, &["forever", "--"]);
    let text = bed.cube([outer, inner].concat()).ends(0).text();
    assert_eq!(text, format!("{a} and {b}\n"));
    bed.assert_empty();
}

#[test]
fn an_export_reaches_the_command_the_shell_and_the_json() {
    let bed = Bed::new();
    let (label, image) = (bed.label(), probe());
    let export =
        ["--export", "URL=pg://u@{host}:{port:80}/{name}?{{", "--name", bed.name(), "--expose", "80"];
    let script = r#"test "$URL" = "pg://u@$CUBE_HOST:$CUBE_PORT/$CUBE_NAME?{" && echo "$URL""#;
    let with = args(&label, &image, &[&["-o", "json", "with"], &export[..]].concat(), &["forever", "--"]);
    let output = bed.cube([with, vec!["sh", "-c", script]].concat()).any_stderr().output();
    let shown: serde_json::Value = serde_json::from_str(output.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(shown["env"], json!({"URL": output.text().trim_end()}));
    let run = args(&label, &image, &[&["-o", "json", "run"], &export[..]].concat(), &["forever"]);
    let task = bed.cube(run).ends(0).json();
    let port = &task["ports"]["80/tcp"][0];
    let url = format!("pg://u@{}:{}/{}?{{", port["host"].as_str().unwrap(), port["port"], bed.name());
    assert_eq!(task["env"], json!({"URL": url}));
    bed.cube(["stop", bed.name()]).output();
    let lines =
        bed.cube(args(&label, &image, &[&["-o", "env", "run"], &export[..]].concat(), &["forever"])).text();
    bed.cube(["stop", bed.name()]).output();
    assert!(lines.contains("\nURL='pg://u@"), "{lines}");
}

#[test]
fn a_template_that_cannot_be_filled_leaves_nothing() {
    let bed = Bed::new();
    let (label, image) = (bed.label(), probe());
    for (flags, says) in [
        (&["--export", "A={hots}"][..], "{hots}"),
        (&["--prefix", "A-B"], "A-B"),
        (&["-o", "dotenv", "--export", "A= x"], "-o dotenv cannot hold"),
    ] {
        let run = args(&label, &image, &[&["run"], flags].concat(), &["forever"]);
        // Before any request to the engine.
        Cube::new(run).env("DOCKER_HOST", "unix:///no/engine").fails(125).stderr_has(says).output();
    }
    let watch = bed.engine().watch();
    let run = args(&label, &image, &["-o", "json", "run", "--export", "A={port:5432}"], &["forever"]);
    let object = bed.cube(run).ends(125).json();
    assert_eq!(object["error"]["kind"], "not_published", "{object}");
    assert_eq!(watch.containers_with(&label).len(), 1, "only a task that runs has its ports");
    bed.assert_empty();
}

#[test]
fn an_env_file_has_plain_lines() {
    let bed = Bed::new();
    let (label, image) = (bed.label(), probe());
    let flags = ["-o", "dotenv", "run", "--prefix", "DB", "--expose", "80", "--export", "URL=x y{port}"];
    let lines = bed.cube(args(&label, &image, &flags, &["forever"])).text();
    let file = bed.file("env", &lines);
    let (port, id) = (value(&lines, "DB_PORT"), value(&lines, "DB_CONTAINER_ID"));
    assert_eq!(value(&lines, "URL"), format!("x y{port}"));
    // An engine reads such a file in the same way.
    let show = ["run", "--attach", "--env-file", &file, "--label", &label, "--image", &image, "env=URL"];
    assert_eq!(bed.cube(show).text(), format!("x y{port}\n"));
    bed.cube(["stop", id]).output();
}

#[test]
fn a_github_job_finds_the_variables_in_its_file() {
    let bed = Bed::new();
    let (label, image) = (bed.label(), probe());
    let file = bed.file("github", "BEFORE=1\n");
    let flags = ["-o", "github", "run", "--expose", "80", "--export", "TWO=a\nb"];
    let run = args(&label, &image, &flags, &["forever"]);
    let id = bed.cube(&run).env("GITHUB_ENV", &file).text();
    assert!(is_id(id.trim_end()), "{id}");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("BEFORE=1\nCUBE_CONTAINER_ID=") && text.contains("\nTWO<<"), "{text}");
    assert_eq!(value(&text, "CUBE_CONTAINER_ID"), id.trim_end());
    bed.cube(["stop", id.trim_end()]).output();
    let watch = bed.engine().watch();
    bed.cube(&run).fails(125).stderr_has("GITHUB_ENV").output();
    bed.cube(&run).env("GITHUB_ENV", "/no/such/file").fails(125).stderr_has("/no/such/file").output();
    assert_eq!(watch.containers_with(&label), [""; 0]);
}

/// The value of a line `NAME=value`.
fn value<'a>(lines: &'a str, name: &str) -> &'a str {
    let of = |line: &'a str| line.strip_prefix(name)?.strip_prefix('=');
    lines.lines().find_map(of).unwrap_or_else(|| panic!("no {name} in {lines}"))
}
