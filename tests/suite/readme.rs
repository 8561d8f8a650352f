//! Runs the shell blocks of the README and the guides (`examples/*.md`) unchanged. A comment before each block says
//! what it must do.
//!
//! `<!-- test: NAME [exit=N] [prints="TEXT"]... [stderr="TEXT"]... [not-run="WHY"] -->`
//! A block without such a comment fails the test. In YAML blocks the lines of `run: |` and `script:` are run.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::thread;

use regex_lite::{Regex, escape};
use tempfile::TempDir;

use crate::testbed::{cube::binary, image::postgres, need};

/// Replaces the documents' `postgres`, so that no image of the user is touched.
const IMAGE: &str = "cube-test-readme/postgres";
/// The versions in the documents; each is the distribution's version here.
const TAGS: [&str; 2] = ["13", "16"];
/// How many blocks run at once.
const WORKERS: usize = 3;
/// Seconds that a block may take on a busy machine.
const LIMIT: &str = "120";

#[derive(Debug, Default, PartialEq)]
struct Block {
    name: String,
    script: String,
    exit: i32,
    prints: Vec<String>,
    stderr: Vec<String>,
    not_run: Option<String>,
}

/// The image under these versions; removed on drop.
struct Images;

impl Images {
    fn make() -> Self {
        // An image of its own, so that its containers are those of the documents.
        let made = must(Command::new("docker").args(["create", &postgres()]));
        let first = format!("{IMAGE}:{}", TAGS[0]);
        must(Command::new("docker").args(["commit", "--change", "LABEL readme=", made.trim_end(), &first]));
        must(Command::new("docker").args(["rm", "--volumes", made.trim_end()]));
        for tag in &TAGS[1..] {
            must(Command::new("docker").args(["tag", &first, &format!("{IMAGE}:{tag}")]));
        }
        Self
    }

    /// Containers that were made from it.
    fn containers() -> String {
        let filter = format!("ancestor={IMAGE}:{}", TAGS[0]);
        must(Command::new("docker").args([
            "ps",
            "--all",
            "--filter",
            &filter,
            "--format",
            "{{.ID}} {{.Names}}",
        ]))
    }
}

impl Drop for Images {
    fn drop(&mut self) {
        for line in Self::containers().lines() {
            let id = line.split(' ').next().unwrap_or_default();
            drop(Command::new("docker").args(["rm", "--force", "--volumes", id]).output());
        }
        for tag in TAGS {
            drop(Command::new("docker").args(["rmi", &format!("{IMAGE}:{tag}")]).output());
        }
    }
}

/// Runs a command that has to succeed and returns its stdout.
fn must(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The blocks of the README and all guides, and the faults found, with their files.
fn documented() -> (Vec<Block>, Vec<String>) {
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for path in documents() {
        let (blocks, faults) = blocks(&fs::read_to_string(&path).unwrap());
        found.extend(blocks);
        wrong.extend(faults.iter().map(|fault| format!("{}: {fault}", path.display())));
    }
    found.push(examples_of_help());
    (found, wrong)
}

/// The examples of `cube --help`, from the database to its end.
fn examples_of_help() -> Block {
    let help = must(Command::new(binary()).arg("--help"));
    let examples = help.lines().map(str::trim).skip_while(|line| *line != "Examples:").skip(1);
    let lines = examples.take_while(|line| !line.is_empty()).filter(|line| !line.contains(" alpine "));
    Block {
        name: "the help's examples".to_owned(),
        script: lines.map(|line| format!("{line}\n")).collect(),
        prints: vec!["127.0.0.1\n".to_owned()],
        ..Block::default()
    }
}

/// The README and every guide.
fn documents() -> Vec<PathBuf> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = fs::read_dir(top.join("examples")).unwrap().map(|entry| entry.unwrap().path());
    let guides = entries.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let mut all: Vec<_> = guides
        .chain(["README.md", "tests/README.md", "tests/bench/README.md"].map(|file| top.join(file)))
        .collect();
    all.sort();
    all
}

/// All `sh` and `yaml` blocks of a text, and the faults found.
fn blocks(markdown: &str) -> (Vec<Block>, Vec<String>) {
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    let mut lines = markdown.lines().enumerate();
    let mut before = "";
    while let Some((index, line)) = lines.next() {
        let language = line.strip_prefix("```").unwrap_or_default();
        if line.starts_with("```") {
            let body: Vec<&str> =
                lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
            if matches!(language, "sh" | "bash" | "shell" | "console" | "yaml") {
                match tagged(before, language, &body) {
                    Ok(block) => found.push(block),
                    Err(why) => wrong.push(format!("line {}: {why}", index + 1)),
                }
            }
        }
        before = line;
    }
    (found, wrong)
}

fn tagged(comment: &str, language: &str, body: &[&str]) -> Result<Block, String> {
    let tag = comment.strip_prefix("<!-- test: ").and_then(|rest| rest.strip_suffix(" -->"));
    let tag = tag.ok_or("the block has no `<!-- test: NAME ... -->` on the line before it")?;
    let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
    let script = if language == "yaml" { yaml_script(body) } else { body.join("\n") };
    let mut block = Block { name: name.to_owned(), script, ..Block::default() };
    while !rest.is_empty() {
        let (key, value, after) = word(rest).ok_or_else(|| format!("cannot read `{rest}`"))?;
        match key {
            "exit" => block.exit = value.parse().map_err(|_| format!("`{value}` is no exit code"))?,
            "prints" => block.prints.push(value),
            "stderr" => block.stderr.push(value),
            "not-run" => block.not_run = Some(value),
            _ => return Err(format!("`{key}` is unknown")),
        }
        rest = after;
    }
    if block.script.trim().is_empty() { Err("there is nothing to run".to_owned()) } else { Ok(block) }
}

/// The first `key=value` or `key="value"` (with `\"` inside) of the text, and what follows it.
fn word(text: &str) -> Option<(&str, String, &str)> {
    let (key, rest) = text.split_once('=')?;
    let Some(quoted) = rest.strip_prefix('"') else {
        let (value, after) = rest.split_once(' ').unwrap_or((rest, ""));
        return Some((key, value.to_owned(), after));
    };
    let bytes = quoted.as_bytes();
    let end = (0..bytes.len()).find(|&at| bytes[at] == b'"' && (at == 0 || bytes[at - 1] != b'\\'))?;
    Some((key, quoted[..end].replace("\\\"", "\""), quoted[end + 1..].trim_start()))
}

/// The shell lines of a job: the text under `run: |`, the items under `script:`.
fn yaml_script(body: &[&str]) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut script = Vec::new();
    let mut lines = body.iter().copied().peekable();
    while let Some(line) = lines.next() {
        let (key, level) = (line.trim_start().trim_start_matches("- "), indent(line));
        while let Some(next) =
            lines.next_if(|next| matches!(key, "run: |" | "script:") && indent(next) > level)
        {
            let text = next.trim_start();
            script.push(if key == "script:" { text.strip_prefix("- ").unwrap_or(text) } else { text });
        }
    }
    script.join("\n")
}

fn run(block: &Block) -> Output {
    let folder = TempDir::new().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_cube")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap_or_default());
    // Only an image's tag begins like this, not a user in an address.
    let tagged =
        |script: String, tag: &str| script.replace(&format!("postgres:{tag}"), &format!("{IMAGE}:{tag}"));
    let script = ["1", "$"].into_iter().fold(block.script.clone(), tagged);
    let mut command = Command::new("timeout");
    command.args([LIMIT, "bash", "-euo", "pipefail", "-c", &script]);
    command.env_clear().env("PATH", path).env("HOME", folder.path()).current_dir(folder.path());
    command.env("SOURCE_FOLDER", env!("CARGO_MANIFEST_DIR"));
    if let Some(host) = std::env::var_os("DOCKER_HOST") {
        command.env("DOCKER_HOST", host);
    }
    command.output().unwrap()
}

/// The failure of a block that does not do what its comment says, with its output.
fn disappointment(block: &Block, output: &Output) -> Option<String> {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let unseen = |wanted: &[String], text: &str| wanted.iter().any(|wanted| !text.contains(wanted.as_str()));
    let as_said = output.status.code() == Some(block.exit)
        && !unseen(&block.prints, &stdout)
        && !unseen(&block.stderr, &stderr);
    (!as_said).then(|| format!("{block:#?}\n{}\nstdout:\n{stdout}\nstderr:\n{stderr}", output.status))
}

#[test]
fn every_shell_block_does_what_its_document_says() {
    let (blocks, wrong) = documented();
    assert_eq!(wrong, [""; 0]);
    need::engine();
    let images = Images::make();
    let queue = Mutex::new(blocks.iter().filter(|block| block.not_run.is_none()));
    let failures = Mutex::new(Vec::new());
    let take = || queue.lock().unwrap().next();
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(block) = take() {
                    failures.lock().unwrap().extend(disappointment(block, &run(block)));
                }
            });
        }
    });
    let (failures, left) = (failures.into_inner().unwrap(), Images::containers());
    drop(images);
    assert!(failures.is_empty(), "{} blocks failed:\n{}", failures.len(), failures.join("\n\n"));
    assert_eq!(left, "", "containers that the blocks left behind");
}

#[test]
fn every_block_has_its_own_name_and_a_reason_if_it_is_not_run() {
    let (blocks, wrong) = documented();
    assert_eq!(wrong, [""; 0]);
    let mut names = HashSet::new();
    for block in &blocks {
        assert!(names.insert(&block.name), "two blocks are named {}", block.name);
        assert_ne!(block.not_run.as_deref(), Some(""), "{} does not say why it is not run", block.name);
    }
}

#[test]
fn a_block_without_a_tag_is_reported_with_its_line() {
    let (found, wrong) = blocks("text\n```sh\ncube ps\n```\n");
    assert_eq!(found, []);
    assert_eq!(wrong.len(), 1);
    assert!(wrong[0].starts_with("line 2: "), "{wrong:?}");
}

#[test]
fn a_tag_says_what_a_block_must_do() {
    let text = "<!-- test: a exit=3 prints=\"say \\\"x\\\" y\" prints=b stderr=\"c d\" -->\n```sh\ntrue\nfalse\n```\n";
    let block = Block {
        name: "a".to_owned(),
        script: "true\nfalse".to_owned(),
        exit: 3,
        prints: vec!["say \"x\" y".to_owned(), "b".to_owned()],
        stderr: vec!["c d".to_owned()],
        not_run: None,
    };
    assert_eq!(blocks(text), (vec![block], vec![]));
}

#[test]
fn jobs_give_their_shell_lines() {
    let github = ["steps:", "  - uses: x", "  - run: |", "      one \\", "        two", "  - uses: y"];
    assert_eq!(yaml_script(&github), "one \\\ntwo");
    assert_eq!(yaml_script(&["job:", "  script:", "    - one", "    - two", "  after: x"]), "one\ntwo");
}

/// The kinds of causes, in the contract's order.
const CAUSES: [&str; 16] = [
    "out_of_memory",
    "killed",
    "crashed",
    "wrong_architecture",
    "no_interpreter",
    "missing_library",
    "not_executable",
    "not_found",
    "permission",
    "read_only",
    "disk_full",
    "port_in_use",
    "missing_variable",
    "name_resolution",
    "unhealthy",
    "timed_out",
];

#[test]
fn the_page_of_reasons_shows_every_kind_with_texts_that_cube_still_has() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(top.join("examples/reasons.md")).unwrap();
    let kinds: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("## `")?.strip_suffix('`')).collect();
    assert_eq!(kinds, CAUSES, "run tests/reasons again");
    let texts = cause_texts(&top.join("src/cli/record/cause"));
    let is_known = |shown: &str| texts.iter().any(|text| text.is_match(shown));
    for shown in page
        .lines()
        .filter_map(|line| line.strip_prefix("reason: ").or_else(|| line.strip_prefix("  remedy: ")))
    {
        assert!(is_known(shown), "cube no longer says `{shown}`: run tests/reasons again");
    }
}

/// The texts in the sources of causes, as patterns: a placeholder such as `{word}` matches anything.
fn cause_texts(folder: &Path) -> Vec<Regex> {
    let literal = Regex::new(r#""((?:[^"\\]|\\.)*)""#).unwrap();
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            texts.extend(cause_texts(&entry));
            continue;
        }
        let source = fs::read_to_string(entry).unwrap();
        let words = literal.captures_iter(&source).map(|found| found[1].replace("\\\"", "\""));
        texts.extend(words.filter(|text| text.contains(' ')).filter_map(|text| pattern(&text)));
    }
    texts
}

fn pattern(text: &str) -> Option<Regex> {
    let mut parts = text.split('{');
    let first = escape(parts.next()?);
    let rest = parts.map(|part| part.split_once('}').map(|(_, after)| format!(".*{}", escape(after))));
    let rest: Option<String> = rest.collect();
    Regex::new(&format!("^{first}{}$", rest?)).ok()
}
