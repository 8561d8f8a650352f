//! The two forms of `run` and `with`: Docker's own, and the scripting form.

use crate::testbed::{Bed, Cube, probe, probe_with, shell};

#[test]
fn docker_s_form_stays_in_the_foreground_and_removes_the_task() {
    let bed = Bed::new();
    let output = bed.run(["--rm", "-eA=b c", shell().as_str(), "sh", "-c", "echo $A; exit 3", "-x"]).exits(3);
    assert_eq!(output.text(), "b c\n");
    let output = bed.run([shell().as_str(), "echo", "-o", "json", "--image", "x", "--"]);
    assert_eq!(output.text(), "-o json --image x --\n");
    assert_eq!(bed.run(["-i", shell().as_str(), "cat"]).stdin("in").text(), "in");
}

#[test]
fn docker_s_form_in_the_background_prints_the_id() {
    let bed = Bed::new();
    let task = bed.start(["-d", probe_with(&["EXPOSE 80"]).as_str()]);
    let container = task.inspect();
    assert_eq!(container["HostConfig"]["PublishAllPorts"], false);
    assert_eq!(container["HostConfig"]["AutoRemove"], false);
    assert_eq!(container["NetworkSettings"]["Ports"]["80/tcp"], serde_json::Value::Null);
}

#[test]
fn the_engine_removes_what_runs_in_the_background_with_rm() {
    let bed = Bed::new();
    let task = bed.start(["-d", "--rm", probe().as_str()]);
    assert_eq!(task.inspect()["HostConfig"]["AutoRemove"], true);
}

#[test]
fn with_takes_the_image_in_place() {
    let bed = Bed::new();
    let image = shell();
    let label = bed.label();
    let output = bed.cube([
        "with",
        "--label",
        &label,
        &image,
        "sleep",
        "600",
        "--",
        "sh",
        "-c",
        "echo $CUBE_CONTAINER_ID",
    ]);
    // There is also a message that the `sleep` had to be killed.
    assert_eq!(output.any_stderr().text().trim().len(), 64);
}

#[test]
fn contradictions_are_refused_before_anything_is_created() {
    for (words, why) in [
        ("-d -a stdout x", "--detach and --attach"),
        ("-d -a x", "--detach and --attach"),
        ("-d --keep x", "--keep is for the foreground"),
        ("-d --timeout 1s x", "--timeout is for the foreground"),
        ("--timeout 1s --image x", "--timeout is for the foreground"),
        ("--rm --keep x", "--rm and --keep"),
        ("--rm --restart always x", "--rm and --restart"),
        ("--rm=perhaps x", "perhaps"),
        ("-p 80", "the image is missing"),
        ("--name", "a value is required for '--name"),
        ("-itz x", "unexpected argument '-z'"),
        ("-rm x", "begins with two dashes: --rm"),
        ("-name=a x", "begins with two dashes: --name=a"),
        ("-o yaml x", "'yaml' for '--output <OUTPUT>'\n  hint: it is one of text, json"),
    ] {
        Cube::new(["run"].into_iter().chain(words.split(' '))).fails(125).stderr_has(why).output();
    }
}

#[test]
fn the_task_s_arguments_do_not_change_the_form_of_an_error() {
    let output = Cube::new("run --image x --bogus -- prog -o json".split(' ')).fails(125).output();
    assert!(!output.stderr.contains('{'), "{}", output.stderr);
    let output = Cube::new("run -o json --bogus x prog".split(' ')).ends(125).output();
    assert!(output.stdout.is_empty() && output.stderr.contains("{\"action\":\"start\""), "{}", output.stderr);
    Cube::new("run -d -o json --bogus x prog".split(' ')).ends(125).json();
    Cube::new("run -o json --bogus --image x prog".split(' ')).ends(125).json();
}

#[test]
fn help_is_a_command_too() {
    assert_eq!(Cube::new(["help"]).text(), Cube::new(["--help"]).text());
    for verb in ["run", "with", "ps"] {
        assert_eq!(Cube::new(["help", verb]).text(), Cube::new([verb, "--help"]).text());
    }
    assert!(Cube::new(["run", "-h"]).text().starts_with("Run a task"));
    Cube::new(["help", "pause"]).fails(2).stderr_has("cube kill -s STOP").output();
}

#[test]
fn a_command_of_docker_s_says_what_to_use_instead() {
    for word in
        "start restart pause unpause images rmi login logout build compose network volume top stats rename \
        commit events info diff export"
            .split_whitespace()
    {
        let output = Cube::new([word, "x"]).fails(2).output();
        assert!(
            output.stderr.starts_with(&format!("cube: there is no `cube {word}`\n  hint: ")),
            "{}",
            output.stderr
        );
    }
    let typed = "there is no `cube inspct`\n  hint: a similar command is inspect";
    Cube::new(["inspct", "x"]).fails(2).stderr_has(typed).output();
    Cube::new(["-v"]).fails(2).stderr_has("the command is missing\n  hint: `cube help` lists").output();
    Cube::new(["inspect", "-f", "{{.Id}}", "x"]).fails(2).stderr_has("jq").output();
    Cube::new(["ps", "--format", "{{.ID}}"]).fails(2).stderr_has("-o json").output();
}

#[test]
fn a_typo_is_never_answered_with_a_removal() {
    for word in ["sto", "stp", "prun", "pruned", "rmm", "kil"] {
        let output = Cube::new([word, "x"]).fails(2).output();
        let hint = output.stderr.split("hint: ").nth(1).unwrap();
        for removes in ["stop", "prune", "rm", "kill"] {
            assert!(!hint.contains(removes), "{word}: {hint}");
        }
    }
    Cube::new(["inspec", "x"]).fails(2).stderr_has("inspect").output();
}
