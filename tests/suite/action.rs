//! The action for GitHub, run by Node.js with the runner's variables and files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::testbed::{Bed, cube::binary, need, probe};

/// A job of a runner: its files, and what an action saves for its last step.
struct Job {
    folder: TempDir,
    inputs: Vec<(String, String)>,
}

impl Job {
    fn new(inputs: &[(&str, &str)]) -> Self {
        need::settle();
        let folder = TempDir::with_prefix("cube-test-").unwrap();
        for file in ["env", "output", "state"] {
            fs::write(folder.path().join(file), "").unwrap();
        }
        let inputs =
            inputs.iter().map(|(name, value)| (format!("INPUT_{name}"), (*value).to_owned())).collect();
        Self { folder, inputs }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs one step of the action.
    fn step(&self, script: &str, state: &[(String, String)]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/actions/cube").join(script);
        need::program("node");
        let mut node = Command::new("node");
        node.arg(script).current_dir(self.folder.path()).env("GITHUB_ACTIONS", "true");
        for (variable, file) in
            [("GITHUB_ENV", "env"), ("GITHUB_OUTPUT", "output"), ("GITHUB_STATE", "state")]
        {
            node.env(variable, self.file(file));
        }
        let own = [("INPUT_CUBE".to_owned(), binary().display().to_string())];
        node.envs(own).envs(self.inputs.iter().cloned());
        node.envs(state.iter().map(|(name, value)| (format!("STATE_{name}"), value.clone())));
        node.output().unwrap()
    }

    /// The values that a step appended to one of the runner's files.
    fn values(&self, file: &str) -> Vec<(String, String)> {
        let text = fs::read_to_string(self.file(file)).unwrap();
        let mut lines = text.lines();
        let mut values = Vec::new();
        while let Some(line) = lines.next() {
            let (name, end) = line.split_once("<<").unwrap_or_else(|| panic!("{line} in {file}"));
            let value: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
            values.push((name.to_owned(), value.join("\n")));
        }
        values
    }
}

fn value<'a>(values: &'a [(String, String)], name: &str) -> &'a str {
    let found = values.iter().find(|(known, _)| known == name);
    &found.unwrap_or_else(|| panic!("no {name} in {values:?}")).1
}

#[test]
fn starts_a_task_passes_its_address_on_and_removes_it_at_the_end() {
    let bed = Bed::new();
    let job = Job::new(&[
        ("IMAGE", &probe()),
        ("NAME", bed.name()),
        ("ENV", "SECRET=s3cret"),
        ("COMMAND", "out=hello\nlisten=0.0.0.0:80\nforever"),
        ("WAIT-FOR", "port=80"),
        ("FLAGS", "--expose\n80"),
        ("EVIDENCE", "evidence"),
    ]);
    let started = job.step("main.js", &[]);
    assert!(started.status.success(), "{started:?}");
    let outputs = job.values("output");
    assert_eq!(value(&outputs, "name"), bed.name());
    let address = format!("{}:{}", value(&outputs, "host"), value(&outputs, "port"));
    std::net::TcpStream::connect(&address).unwrap();
    assert!(fs::read_to_string(job.file("env")).unwrap().contains("CUBE_PORT_80"));

    let ended = job.step("post.js", &job.values("state"));
    assert!(ended.status.success(), "{ended:?}");
    let log = fs::read_to_string(job.file("evidence/task.log")).unwrap();
    assert!(log.contains("hello"), "{log}");
    let inspect = fs::read_to_string(job.file("evidence/inspect.json")).unwrap();
    assert!(
        inspect.contains(bed.name()) && inspect.contains("SECRET") && !inspect.contains("s3cret"),
        "{inspect}"
    );
    let gone = bed.cube(["ps", "--all"]).text();
    assert!(!gone.contains(bed.name()), "{gone}");
}

#[test]
fn a_failed_start_fails_the_step_and_leaves_nothing_to_remove() {
    let bed = Bed::new();
    let job = Job::new(&[
        ("IMAGE", &probe()),
        ("NAME", bed.name()),
        ("COMMAND", "out=hello\nexit=3"),
        ("WAIT-FOR", "port=80"),
        ("EVIDENCE", "evidence"),
    ]);
    let started = job.step("main.js", &[]);
    assert_eq!(started.status.code(), Some(1), "{started:?}");
    let said = [started.stdout, started.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert_eq!(said.lines().filter(|line| line.starts_with("::error")).count(), 1, "{said}");
    assert!(fs::read_to_string(job.file("evidence/task.log")).unwrap().contains("hello"), "{said}");
    assert!(job.step("post.js", &job.values("state")).status.success());
}
