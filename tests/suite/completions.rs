//! Completions in real shells, and man pages read by `man`.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::testbed::{Bed, Cube, cube::binary, need, probe};

/// The output and errors of a shell that runs a script with cube in its PATH.
fn in_shell(shell: &[&str], script: &str) -> (String, String) {
    need::program(shell[0]);
    let folder = binary().parent().map(Path::to_owned).unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let output = Command::new(shell[0])
        .args(&shell[1..])
        .args(["-c", script])
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{shell:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// What bash offers for the last of `words`.
fn bash(words: &[&str]) -> String {
    let line = words.join(" ");
    let script = format!(
        "source <(cube completions bash); COMP_WORDS=({line}); COMP_CWORD={}; COMP_LINE='{line}'; COMP_TYPE=9
         f=$(complete -p cube); f=${{f##*-F }}; f=${{f%% *}}; $f cube '{}' ''; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.len() - 1,
        words.last().unwrap().trim_matches('\''),
    );
    let (offered, complaints) = in_shell(&["bash", "--norc"], &script);
    // A shell without a terminal cannot set completion options.
    let complaints: Vec<&str> = complaints.lines().filter(|line| !line.contains("compopt")).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
    offered
}

fn fish(line: &str) -> String {
    let script = format!("cube completions fish | source; complete -C '{line}'");
    let (offered, complaints) = in_shell(&["fish", "--no-config"], &script);
    assert_eq!(complaints, "", "{line}");
    offered
}

#[test]
fn bash_offers_commands_flags_values_and_running_tasks() {
    let bed = Bed::new();
    let _task = bed.start(["--image", &probe(), "--name", bed.name()]);
    assert!(bash(&["cube", "pru"]).contains("prune"));
    assert!(bash(&["cube", "run", "--wait-f"]).contains("--wait-for"));
    assert!(bash(&["cube", "run", "--pull", "''"]).contains("missing"));
    assert!(bash(&["cube", "run", "--wait-for", "heal"]).contains("healthy"));
    assert!(bash(&["cube", "stop", "cube-test"]).contains(bed.name()));
    for teller in ["help", "man"] {
        assert_eq!(bash(&["cube", teller, "pru"]), "prune\n");
    }
}

#[test]
fn fish_offers_the_same_and_runs_nothing_of_a_help_text() {
    let bed = Bed::new();
    let _task = bed.start(["--image", &probe(), "--name", bed.name()]);
    assert!(fish("cube pru").contains("prune"));
    assert!(fish("cube run --wait-for heal").contains("healthy"));
    assert!(fish("cube -o ").contains("json"));
    assert!(fish("cube stop cube-test").contains(bed.name()));
}

#[test]
fn zsh_reads_the_script_without_an_error_and_asks_cube() {
    let script =
        "autoload -Uz compinit; compinit -u -D; source <(cube completions zsh); print ${_comps[cube]}";
    let (function, complaints) = in_shell(&["zsh", "-f"], script);
    assert_eq!((function.trim(), complaints.as_str()), ("_clap_dynamic_completer_cube", ""));
    // The request of the completion function: the index of the word, and the words.
    let ask = "_CLAP_IFS=$'\\n' _CLAP_COMPLETE_INDEX=2 CUBE_COMPLETE=zsh cube -- cube -o ''";
    let (offered, complaints) = in_shell(&["zsh", "-f"], ask);
    assert!(
        offered.contains("env") && offered.contains("json") && complaints.is_empty(),
        "{offered} {complaints}"
    );
}

#[test]
fn contexts_are_offered_by_their_names() {
    need::settle();
    let folder = tempfile::tempdir().unwrap();
    let meta = folder.path().join("contexts/meta/0123");
    std::fs::create_dir_all(&meta).unwrap();
    std::fs::write(meta.join("meta.json"), r#"{"Name":"far-away","Endpoints":{}}"#).unwrap();
    let offered = Cube::new(["--", "cube", "--context", ""])
        .env("CUBE_COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", "2")
        .env("DOCKER_CONFIG", folder.path())
        .text();
    assert_eq!(offered.trim(), "far-away");
}

#[test]
fn every_command_has_a_page_that_man_reads_without_a_warning() {
    need::program("man");
    let verbs = Cube::new(["man", "--list"]).text();
    for verb in verbs.lines() {
        let page = Cube::new(["man", verb]).text();
        for section in ["EXIT STATUS", "ENVIRONMENT", "FILES", "OPTIONS"] {
            assert!(page.contains(section), "{verb}: {section}");
        }
        let mut headings: Vec<&str> = page.lines().filter(|line| line.starts_with(".SH")).collect();
        headings.sort_unstable();
        assert!(headings.windows(2).all(|pair| pair[0] != pair[1]), "{verb}: {headings:?}");
        let mut man = Command::new("man")
            .args(["--warnings", "-l", "-"])
            .env("MANWIDTH", "80")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut man.stdin.take().unwrap(), page.as_bytes()).unwrap();
        let output = man.wait_with_output().unwrap();
        assert!(output.stderr.is_empty(), "{verb}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(Cube::new(["man", "run"]).text().contains("EXAMPLES"));
    Cube::new(["man", "nothing"]).fails(2).stderr_has("there is no `cube nothing`").output();
}
