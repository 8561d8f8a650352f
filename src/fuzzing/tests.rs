//! The targets on the bytes that they begin with, on those that broke something once, and on changes of both.

use std::{collections::BTreeSet, fs, path::Path};

use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};

use super::TARGETS;
use crate::config::Config;

/// Targets that reach the command line, which is no part of the library: their tests stand there.
const OF_THE_COMMAND_LINE: [&str; 1] = ["guard"];
/// How many changed inputs each target gets, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 50;

/// The files in a folder of `tests/fuzz`, by name.
fn kept(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz").join(folder);
    let files = fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect();
    files.sort();
    files
}

/// A change of some bytes: others in place of a part of them, or a part of them once more.
#[derive(Clone, Debug)]
enum Change {
    Replace(Index, usize, Vec<u8>),
    Repeat(Index, usize, Index),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Replace(at, length, by) => {
                let at = at.index(bytes.len() + 1);
                let end = bytes.len().min(at + length);
                bytes.splice(at..end, by.iter().copied());
            }
            Self::Repeat(at, length, to) => {
                let at = at.index(bytes.len() + 1);
                let part = bytes[at..bytes.len().min(at + length)].to_vec();
                let to = to.index(bytes.len() + 1);
                bytes.splice(to..to, part);
            }
        }
    }
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let byte = || {
        prop_oneof![
            any::<u8>(),
            prop::sample::select(b"\0\x01\x02\x03\x7f\xff\r\n\t ,:;=/.\\\"'0189aAZ[]{}-+%".to_vec())
        ]
    };
    let part = prop::collection::vec(byte(), 0..5);
    let change = prop_oneof![
        4 => (any::<Index>(), 0usize..5, part).prop_map(|(at, length, by)| Change::Replace(at, length, by)),
        1 => (any::<Index>(), 1usize..600, any::<Index>())
            .prop_map(|(at, length, to)| Change::Repeat(at, length, to)),
        // Cut short.
        1 => any::<Index>().prop_map(|at| Change::Replace(at, usize::MAX / 2, Vec::new())),
    ];
    prop::collection::vec(change, 0..8)
}

fn holds_on_changes(name: &str, check: fn(&[u8])) {
    let seeds: Vec<Vec<u8>> = kept(&format!("corpus/{name}")).into_iter().map(|(_, bytes)| bytes).collect();
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let config = ProptestConfig {
        cases: asked.unwrap_or(CASES),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    // The same changes each time, unless a number asks for others: a change fails for what it changed.
    let mut runner = match asked {
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
        Some(_) => TestRunner::new(config),
    };
    let tried = runner.run(&(prop::sample::select(seeds), changes()), |(mut bytes, changes)| {
        for change in &changes {
            change.apply(&mut bytes);
        }
        check(&bytes);
        Ok(())
    });
    if let Err(failure) = tried {
        panic!("{name}: {failure}");
    }
}

#[test]
fn what_the_targets_begin_with_and_what_they_found_holds() {
    for (name, check) in TARGETS {
        for folder in ["corpus", "found"] {
            for (file, bytes) in kept(&format!("{folder}/{name}")) {
                println!("{file}");
                check(&bytes);
            }
        }
    }
}

#[test]
fn changes_of_it_hold() {
    std::thread::scope(|scope| {
        for part in TARGETS.chunks(TARGETS.len().div_ceil(2)) {
            scope.spawn(move || part.iter().for_each(|(name, check)| holds_on_changes(name, *check)));
        }
    });
}

/// The package of the targets is not built with the crate.
#[test]
fn each_target_has_a_program_and_a_corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let all = TARGETS.len() + OF_THE_COMMAND_LINE.len();
    assert_eq!(manifest.matches("[[bin]]").count(), all);
    assert_eq!(fs::read_dir(folder.join("targets")).unwrap().count(), all);
    for name in TARGETS.iter().map(|(name, _)| *name).chain(OF_THE_COMMAND_LINE) {
        assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"targets/{name}.rs\"")), "{name}");
        assert!(!kept(&format!("corpus/{name}")).is_empty(), "{name}");
    }
    for (name, _) in TARGETS {
        let program = fs::read_to_string(folder.join("targets").join(format!("{name}.rs"))).unwrap();
        assert!(program.contains(&format!("cube::fuzzing::{name}(bytes)")), "{program}");
    }
}

/// One that is refused at a key that has another name by now leads nowhere.
#[test]
fn the_task_files_that_are_changed_can_be_read_and_have_all_keys() {
    let schema = include_str!("../../examples/task.schema.json");
    let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
    let mut missing: BTreeSet<&str> =
        schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    for (file, bytes) in kept("corpus/task_file") {
        let read = Config::from_json(&bytes, None);
        assert!(read.is_ok(), "{file}: {read:?}");
        let keys: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        missing.retain(|key| keys.get(key).is_none());
    }
    assert!(missing.is_empty(), "{missing:?}");
}
