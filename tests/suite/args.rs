//! Help, version, completions and the man page.

use crate::testbed::Cube;
use crate::testbed::scripted::{Reply, Scripted};

/// An engine without a container.
fn empty_engine() -> Scripted {
    Scripted::new().always("GET /containers/json*", Reply::json(200, "[]"))
}

#[test]
fn help_names_every_verb() {
    let text = Cube::new(["--help"]).text();
    let verbs =
        ["run", "stop", "ps", "logs", "inspect", "wait", "port", "exec", "pull", "completions", "man"];
    for verb in verbs {
        assert!(text.lines().any(|line| line.trim_start().starts_with(verb)), "{verb} in {text}");
    }
}

#[test]
fn version_is_the_crate_s() {
    assert_eq!(Cube::new(["--version"]).text(), format!("cube {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn run_s_help_has_every_flag_of_the_contract() {
    let text = Cube::new(["run", "--help"]).text();
    let flags = "--image --attach --keep --name --env --env-file --publish --expose --memory --cpus --restart --pull \
        --platform --label --volume --tmpfs --network --workdir --user --entrypoint --init --hostname --add-host \
        --shm-size --stop-signal --stop-timeout --health-cmd --health-interval --health-timeout --health-retries \
        --health-start-period --cidfile --interactive --log-driver --disk --no-publish-all --bind --file --dry-run \
        --replace --pull-retries --host --context --output --quiet --verbose --color";
    for flag in flags.split_whitespace() {
        assert!(
            text.split([' ', ',', '[', '=']).any(|word| word.trim().trim_end_matches("...") == flag),
            "{flag} in {text}"
        );
    }
}

#[test]
fn completions_are_for_the_usual_shells() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(Cube::new(["completions", shell]).text().contains("cube"));
    }
    Cube::new(["completions", "no-shell"]).ends(2).stderr_has("no-shell").output();
}

#[test]
fn the_man_page_is_in_roff() {
    assert!(Cube::new(["man"]).text().contains(".TH cube 1"));
}

#[test]
fn global_flags_may_come_before_or_after_the_command_or_from_the_environment() {
    let none = "unix:///no/such/one.sock";
    Cube::new(["-H", none, "ps"]).fails(1).stderr_has("one.sock").output();
    Cube::new(["ps", "--host", none]).fails(1).stderr_has("one.sock").output();
    Cube::new(["ps"]).env("CUBE_HOST", none).fails(1).stderr_has("one.sock").output();
    let object = Cube::new(["ps"]).env("CUBE_HOST", none).env("CUBE_OUTPUT", "json").ends(1).json();
    assert_eq!(object["result"], "failure");
}

#[test]
fn a_boolean_variable_takes_the_usual_words() {
    let none = "unix:///no/such/one.sock";
    let run = ["-H", none, "run", "--image", "x", "--disk", "1g"];
    for (word, swarm) in
        [("1", true), ("true", true), ("yes", true), ("0", false), ("false", false), ("", false)]
    {
        let why = if swarm { "Swarm cannot honour --disk" } else { "one.sock" };
        Cube::new(run).env("CUBE_SWARM", word).fails(125).stderr_has(why).output();
    }
    let engine = empty_engine();
    let ids = engine.cube(["ps"]).env("CUBE_QUIET", "1").text();
    assert!(!ids.contains("CONTAINER ID"), "{ids}");
    for word in ["1", "true"] {
        engine.cube(["ps"]).env("CUBE_VERBOSE", word).stderr_has("engine at").output();
    }
    Cube::new(["ps"]).env("CUBE_VERBOSE", "loud").ends(2).stderr_has("requests").output();
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let engine = empty_engine();
    let mut ps = engine.cube(["ps"]);
    for name in ["OUTPUT", "COLOR", "VERBOSE", "QUIET", "SWARM", "ENGINE_TIMEOUT", "CONTEXT", "HOST"] {
        ps = ps.env(&format!("CUBE_{name}"), "");
    }
    assert!(ps.text().contains("CONTAINER ID"));
    Cube::new(["ps"]).env("CUBE_COLOR", "loud").ends(2).stderr_has("loud").output();
}

#[test]
fn of_a_flag_given_twice_the_last_counts() {
    let args = [
        "run",
        "--dry-run",
        "-o",
        "text",
        "-o",
        "json",
        "--image",
        "a",
        "--image",
        "b",
        "-m",
        "1g",
        "-m",
        "2g",
    ];
    let config = Cube::new(args.into_iter().chain(["--init", "--init", "-e", "A=1", "-e", "B=2"])).json();
    assert_eq!((&config["image"], &config["memory"]), (&"b".into(), &(2_u64 << 30).into()));
    assert_eq!(config["env"].as_array().unwrap().len(), 2);
}

#[test]
fn a_cube_host_with_a_port_names_an_engine_and_one_without_a_task() {
    Cube::new(["ps"]).env("CUBE_HOST", "127.0.0.1:1").fails(1).stderr_has("tcp://127.0.0.1:1").output();
    empty_engine().cube(["ps"]).env("CUBE_HOST", "127.0.0.1").output();
}

#[test]
fn the_short_help_fits_and_shows_examples_first() {
    for verb in ["run", "with", "stop", "wait"] {
        let page = Cube::new([verb, "-h"]).env("COLUMNS", "80").text();
        assert!(page.lines().count() <= 120, "{verb}: {} lines", page.lines().count());
        assert!(page.contains("Global options: ") && !page.contains("--engine-timeout <"), "{page}");
    }
    let (run, all) = (Cube::new(["run", "-h"]).text(), Cube::new(["run", "--help"]).text());
    assert!(
        run.contains("cube run --rm") && !run.contains("--cpu-rt-period") && all.contains("--cpu-rt-period")
    );
}
