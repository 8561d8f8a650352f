//! Rules for the source files as a whole.

mod imports;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The most files in one folder.
const FILES: usize = 17;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The files of the crate.
fn sources() -> Vec<PathBuf> {
    let mut folders = vec![root()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

/// The name of the type that a line defines.
fn defined(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = match line.strip_prefix("pub(").and_then(|rest| rest.split_once(") ")) {
        Some((_, rest)) => rest,
        None => line.strip_prefix("pub ").unwrap_or(line),
    };
    let rest = ["struct ", "enum ", "trait "].iter().find_map(|word| line.strip_prefix(word))?;
    rest.split(|character: char| !character.is_alphanumeric()).next()
}

#[test]
fn each_type_has_its_own_name() {
    let mut places = BTreeMap::<String, BTreeSet<PathBuf>>::new();
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        let own = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for name in own.lines().filter_map(defined) {
            places.entry(name.to_owned()).or_default().insert(file.clone());
        }
    }
    assert!(places.contains_key("RunningTask"), "no type is found any more");
    places.retain(|_, files| files.len() > 1);
    assert!(places.is_empty(), "{places:#?}");
}

#[test]
fn no_folder_has_too_many_files_and_each_file_has_a_description() {
    let mut folders = BTreeMap::<PathBuf, usize>::new();
    for file in sources() {
        assert!(
            fs::read_to_string(&file).unwrap().starts_with("//!"),
            "{} has no first words",
            file.display()
        );
        *folders.entry(file.parent().unwrap().to_owned()).or_default() += 1;
    }
    folders.retain(|_, files| *files > FILES);
    assert!(folders.is_empty(), "{folders:#?}");
}

#[test]
fn no_file_imports_one_that_imports_it() {
    let name = |file: &PathBuf| file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    let sources: imports::Sources =
        sources().iter().map(|file| (name(file), fs::read_to_string(file).unwrap())).collect();
    let imports = imports::imports(&sources);
    let session = &imports["cli/session.rs"];
    assert!(session.contains_key("cli/session/supervisor.rs"), "no import is found any more: {session:?}");
    let circles = imports::circles(&imports);
    assert!(circles.is_empty(), "these import each other:\n{}", circles.join("\n"));
}

/// The pages for people, and the manifest with its reasons.
fn pages() -> Vec<PathBuf> {
    let top = root().parent().unwrap().to_owned();
    let guides = fs::read_dir(top.join("examples")).unwrap().map(|entry| entry.unwrap().path());
    let named = ["README.md", "Cargo.toml", "tests/README.md", "tests/bench/README.md"];
    guides
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .chain(named.map(|name| top.join(name)))
        .collect()
}

#[test]
fn each_source_that_a_page_names_is_there() {
    let top = root().parent().unwrap().to_owned();
    let mut found = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let words = text.split(|c: char| !(c.is_alphanumeric() || "/._-".contains(c)));
        let is_source =
            |path: &&Path| path.starts_with("src") && path.extension().is_some_and(|end| end == "rs");
        for path in words.map(Path::new).filter(is_source) {
            assert!(top.join(path).is_file(), "{} names {}", page.display(), path.display());
            found += 1;
        }
    }
    assert!(found > 0, "no page names a source any more");
}
