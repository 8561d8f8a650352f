//! The recorded requests of the Docker CLI for each line, in `created.jsonl`, for machines without that CLI.

use std::path::Path;

use serde_json::{Value, json};

use super::{
    plain::said,
    recorder::{Create, Recorder},
};
use crate::testbed::cube::scratch;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/wire/created.jsonl");

/// A line, and the request for it; `None` if the CLI refuses the line.
pub type Recorded = (Vec<String>, Option<Create>);

/// Whether to record the file again from the CLI's requests.
pub fn is_asked_for() -> bool {
    std::env::var_os("CUBE_TEST_RECORD").is_some()
}

/// The recorded requests for `lines`, which the file must contain in this order after the heading `part`.
pub fn read(part: &str, lines: &[Vec<String>]) -> Vec<Option<Create>> {
    let file = std::fs::read_to_string(FILE).unwrap_or_default();
    let kept: Vec<Value> = file.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kept: Vec<&Value> = kept.iter().filter(|kept| kept["part"] == part).collect();
    let again = "record them anew, see tests/README.md";
    assert_eq!(kept.len(), lines.len(), "the recorded lines are others: {again}");
    let request = |(kept, line): (&&Value, &Vec<String>)| {
        assert_eq!(kept["line"], json!(line), "{again}");
        let text = |key: &str| kept[key].as_str().unwrap_or_default().to_owned();
        let body = kept.get("body")?.clone();
        Some(Create { name: text("name"), platform: text("platform"), body })
    };
    kept.iter().zip(lines).map(request).collect()
}

/// Replaces the recorded requests of `part`.
pub fn write(part: &str, recorded: &[Recorded]) {
    let file = std::fs::read_to_string(FILE).unwrap_or_default();
    let start = format!("{{\"part\":\"{part}\",");
    let others: String =
        file.lines().filter(|line| !line.starts_with(&start)).map(|line| format!("{line}\n")).collect();
    let own: String =
        recorded.iter().map(|(line, create)| format!("{}\n", entry(part, line, create.as_ref()))).collect();
    std::fs::write(FILE, others + &own).unwrap();
}

fn entry(part: &str, line: &[String], create: Option<&Create>) -> Value {
    let Some(create) = create else { return json!({"part": part, "line": line}) };
    let mut entry = json!({"part": part, "line": line, "body": create.body});
    for (key, value) in [("name", &create.name), ("platform", &create.platform)] {
        if !value.is_empty() {
            entry[key] = json!(value);
        }
    }
    entry
}

/// The request without empty values, and with placeholders for values that differ in each run.
pub fn portable(create: &Create, folder: &Path, engine: &Recorder) -> Create {
    let mut text = said("", &create.body).unwrap().to_string();
    for (path, name) in [(folder, "{folder}"), (&scratch(), "{home}"), (&engine.socket(), "{socket}")] {
        text = text.replace(&*path.to_string_lossy(), name);
    }
    Create { body: serde_json::from_str(&text).unwrap(), ..create.clone() }
}
