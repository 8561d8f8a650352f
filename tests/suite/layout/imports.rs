//! Which file of a crate imports which, and the cycles among them.
//!
//! A file imports another when it names something that the other defines: in a `use`, or by a path in its code that
//! begins with `crate`, `self`, `super`, a module below it or a name that a `use` brought in. What a module only
//! re-exports (`pub use`, of any visibility) counts for the file that defines it, so these are no imports:
//!
//! - a parent that declares `mod child;` and re-exports what the child defines, but does not use it itself;
//! - a child that names through its parent what another child defines.
//!
//! A call of a method names no file, so an `impl` in a separate file makes imports in one direction only. Code that is
//! compiled for tests only does not count, nor does what a macro produces from its words elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use super::words::words;

/// Files by their paths below `src`, each with its text.
pub type Sources = BTreeMap<String, String>;

/// For each file those that it imports, each with a path by which it does.
pub type Imports = BTreeMap<String, BTreeMap<String, String>>;

/// A file as a module.
#[derive(Default)]
struct Module {
    file: String,
    /// The path of the module, without `crate`.
    path: Vec<String>,
    children: BTreeSet<String>,
    uses: Vec<Use>,
    /// The paths in its code.
    paths: Vec<Vec<String>>,
    /// The names in its code that are not part of a path's tail.
    names: BTreeSet<String>,
}

/// A name that a `use` brings in.
#[derive(Clone, Debug, PartialEq)]
struct Use {
    /// `*` for all of a module.
    name: String,
    path: Vec<String>,
    handed_on: bool,
}

/// The modules of one crate by their paths.
struct Crate(BTreeMap<Vec<String>, Module>);

/// The imports within each crate whose root is among the files.
pub fn imports(sources: &Sources) -> Imports {
    ["lib.rs", "main.rs"]
        .iter()
        .filter(|root| sources.contains_key(**root))
        .flat_map(|root| Crate::read(sources, root).imports())
        .collect()
}

impl Crate {
    fn read(sources: &Sources, root: &str) -> Self {
        let (mut modules, mut left) = (BTreeMap::new(), vec![(Vec::new(), root.to_owned())]);
        while let Some((path, file)) = left.pop() {
            let text = sources.get(&file).unwrap_or_else(|| panic!("no file {file}"));
            let module = Module::read(path.clone(), file, &words(text));
            for child in &module.children {
                let path: Vec<String> = path.iter().chain([child]).cloned().collect();
                left.push((path.clone(), format!("{}.rs", path.join("/"))));
            }
            modules.insert(path, module);
        }
        Self(modules)
    }

    fn imports(&self) -> Imports {
        let mut imports = Imports::new();
        for module in self.0.values() {
            let of_file = imports.entry(module.file.clone()).or_default();
            let unused = |each: &&Use| !each.handed_on || module.names.contains(&each.name);
            let used = module.uses.iter().filter(unused).map(|each| &each.path);
            for path in used.chain(&module.paths) {
                if let Some(file) = self.defining(module, path, 0).filter(|file| *file != module.file) {
                    of_file.entry(file.to_owned()).or_insert_with(|| path.join("::"));
                }
            }
        }
        imports
    }

    /// The file that defines what `path` names in `module`. `None` for other crates and for the language's own names.
    fn defining(&self, module: &Module, path: &[String], depth: usize) -> Option<&str> {
        assert!(depth < 20, "{} hands on {path:?} in a circle", module.file);
        let (head, rest) = path.split_first()?;
        let base = match head.as_str() {
            "crate" => Vec::new(),
            "self" => module.path.clone(),
            "super" => module.path.split_last()?.1.to_vec(),
            _ if module.children.contains(head) => {
                [module.path.as_slice(), std::slice::from_ref(head)].concat()
            }
            _ => {
                let brought = module.uses.iter().find(|each| each.name == *head && each.path != path)?;
                let whole = [brought.path.as_slice(), rest].concat();
                return self.defining(module, &whole, depth + 1);
            }
        };
        self.below(&base, rest, depth)
    }

    /// The file that defines `rest` in the module at `base`.
    fn below(&self, base: &[String], rest: &[String], depth: usize) -> Option<&str> {
        let module = self.0.get(base)?;
        let Some((next, behind)) = rest.split_first() else { return Some(&module.file) };
        if next == "super" {
            return self.below(base.split_last()?.1, behind, depth);
        }
        if module.children.contains(next) {
            return self.below(&[base, std::slice::from_ref(next)].concat(), behind, depth);
        }
        let handed_on = module.uses.iter().find(|each| each.name == *next);
        match handed_on {
            Some(each) => self.defining(module, &[each.path.as_slice(), behind].concat(), depth + 1),
            None => Some(&module.file),
        }
    }
}

impl Module {
    fn read(path: Vec<String>, file: String, words: &[String]) -> Self {
        let mut module = Self { file, path, ..Self::default() };
        let (mut at, mut is_public) = (0, false);
        while at < words.len() {
            let word = words[at].as_str();
            let next = words.get(at + 1).map(String::as_str);
            match word {
                "pub" => at = behind_visibility(words, at),
                "use" if next != Some("<") => at = module.read_use(words, at + 1, is_public),
                "mod" if words.get(at + 2).is_some_and(|end| end == ";") => {
                    module.children.extend(next.map(str::to_owned));
                    at += 3;
                }
                _ => at = module.read_code(words, at),
            }
            is_public = word == "pub";
        }
        module
    }

    /// Reads a path or a single word of code, and returns where the next one begins.
    fn read_code(&mut self, words: &[String], at: usize) -> usize {
        let is_tail = at > 0 && matches!(words[at - 1].as_str(), "::" | ".");
        let mut end = at + 1;
        while words.get(end).is_some_and(|word| word == "::")
            && words.get(end + 1).is_some_and(|word| is_word(word))
        {
            end += 2;
        }
        if is_word(&words[at]) && !is_tail {
            self.names.insert(words[at].clone());
            if end > at + 1 {
                self.paths.push(words[at..end].iter().step_by(2).cloned().collect());
            }
        }
        end
    }

    /// Reads the tree of a `use` up to its `;`, and returns where the next word begins.
    fn read_use(&mut self, words: &[String], at: usize, handed_on: bool) -> usize {
        let length = words[at..].iter().position(|word| word == ";").unwrap_or(words.len() - at);
        let mut paths = Vec::new();
        branches(&words[at..at + length], &[], &mut paths);
        let named = paths.into_iter().map(|(name, path)| Use { name, path, handed_on });
        self.uses.extend(named);
        at + length + 1
    }
}

/// The names and paths of a `use` tree after `prefix`.
fn branches(words: &[String], prefix: &[String], found: &mut Vec<(String, Vec<String>)>) {
    let open = words.iter().position(|word| word == "{");
    let head: Vec<String> =
        words[..open.unwrap_or(words.len())].iter().filter(|word| *word != "::").cloned().collect();
    let mut path = [prefix, &head].concat();
    if let Some(open) = open {
        let end = words.len() - 1;
        return parts(&words[open + 1..end]).into_iter().for_each(|part| branches(part, &path, found));
    }
    let mut name = None;
    if let Some(at) = path.iter().position(|word| word == "as") {
        name = path.get(at + 1).cloned();
        path.truncate(at);
    }
    if path.last().is_some_and(|last| last == "self" && path.len() > 1) {
        path.pop();
    }
    if let Some(last) = path.last().cloned() {
        if last == "*" {
            path.pop();
        }
        found.push((name.unwrap_or(last), path));
    }
}

/// The parts between commas outside of braces.
fn parts(words: &[String]) -> Vec<&[String]> {
    let mut depth = 0;
    words
        .split(|word| {
            depth += i32::from(word == "{") - i32::from(word == "}");
            depth == 0 && word == ","
        })
        .filter(|part| !part.is_empty())
        .collect()
}

/// Where the next word after `pub` and its brackets begins.
fn behind_visibility(words: &[String], at: usize) -> usize {
    let is_limited = words.get(at + 1).is_some_and(|word| word == "(")
        && words.get(at + 2).is_some_and(|word| ["crate", "super", "self", "in"].contains(&word.as_str()));
    match words[at..].iter().position(|word| word == ")") {
        Some(length) if is_limited => at + length + 1,
        _ => at + 1,
    }
}

fn is_word(word: &str) -> bool {
    word.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// The shortest cycle through each file that is in one, each cycle once: the files in order, with the path by which
/// each imports the next.
pub fn circles(imports: &Imports) -> Vec<String> {
    let mut known = BTreeSet::new();
    let circles = imports.keys().filter_map(|file| shortest(imports, file));
    circles
        .filter(|circle| known.insert(circle.iter().cloned().collect::<BTreeSet<_>>()))
        .map(|circle| {
            let steps = circle.iter().zip(circle.iter().cycle().skip(1));
            let step = |(from, to): (&String, &String)| format!("{from} imports {}", imports[from][to]);
            steps.map(step).collect::<Vec<_>>().join(", ")
        })
        .collect()
}

/// The fewest files by which `start` imports itself.
fn shortest(imports: &Imports, start: &String) -> Option<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut ways = std::collections::VecDeque::from([vec![start.clone()]]);
    while let Some(way) = ways.pop_front() {
        for next in imports.get(way.last()?).into_iter().flat_map(BTreeMap::keys) {
            if next == start {
                return Some(way);
            }
            if seen.insert(next.clone()) {
                ways.push_back([way.as_slice(), std::slice::from_ref(next)].concat());
            }
        }
    }
    None
}

/// The cycles among files given as pairs of path and text, as the files' names.
fn circles_of<const N: usize>(files: [(&str, &str); N]) -> Vec<String> {
    circles(&imports(&files.map(|(path, text)| (path.to_owned(), text.to_owned())).into()))
}

#[test]
fn files_that_import_each_other_are_found_however_they_are_named() {
    let root = ("lib.rs", "mod a; mod b;");
    for (a, b) in [
        ("use crate::b::B; struct A;", "use crate::a::A; struct B;"),
        ("use super::b::{self, B as C}; struct A;", "use crate::{a::{A}}; struct B;"),
        ("fn a() { crate::b::b() }", "fn b() -> Vec<super::a::A> { f(<crate::a::A as X>::y) }"),
        ("use crate::b; fn a() { b::b() }", "use super::a::*; fn b() {}"),
        ("pub use crate::b::B; fn a(b: B) {}", "fn b() { super::a::a() }"),
    ] {
        let found = circles_of([root, ("a.rs", a), ("b.rs", b)]);
        assert!(
            found.len() == 1 && found[0].contains("a.rs") && found[0].contains("b.rs"),
            "{a} {b}: {found:?}"
        );
    }
}

#[test]
fn a_longer_circle_is_found_and_told_in_order() {
    let found = circles_of([
        ("main.rs", "mod a; fn main() { a::b::b() }"),
        ("a.rs", "pub mod b; mod c; fn a() { c::c() }"),
        ("a/b.rs", "pub fn b() { super::a() }"),
        ("a/c.rs", "use crate::a::b; pub fn c() { b::b() }"),
    ]);
    assert_eq!(found, ["a.rs imports c::c, a/c.rs imports crate::a::b, a/b.rs imports super::a"]);
}

#[test]
fn a_child_and_a_parent_that_uses_it_import_each_other() {
    let root = ("lib.rs", "mod a;");
    let child = ("a/b.rs", "pub(crate) fn b() -> super::A {}");
    for parent in
        ["mod b; struct A; fn a() { b::b() }", "mod b; use b::b; struct A;", "mod b; fn A() { self::b::b() }"]
    {
        assert_eq!(circles_of([root, ("a.rs", parent), child]).len(), 1, "{parent}");
    }
}

#[test]
fn re_exports_and_test_code_make_no_circle() {
    let root = ("lib.rs", "mod a; pub use a::{A, C};");
    for (a, b, c) in [
        (
            "mod b; pub(crate) mod c; pub(in crate::a) use b::B; pub use c::C; struct A;",
            "use super::{A, c::C};",
            "",
        ),
        ("mod b; mod c; pub use c::C;", "use crate::C; use super::C as D;", "pub struct C;"),
        (
            "mod b; mod c; fn a() { b::b(); x.c(); }",
            "use super::c;",
            "/// [`super::a`]\nfn c() { f(\"crate::a\") }",
        ),
        ("mod b; mod c; fn a() { b::b() }", "#[cfg(test)] mod tests { use super::super::a; }", ""),
    ] {
        let found = circles_of([root, ("a.rs", a), ("a/b.rs", b), ("a/c.rs", c)]);
        assert!(found.is_empty(), "{a} {b} {c}: {found:?}");
    }
}
