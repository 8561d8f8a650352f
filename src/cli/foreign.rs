//! Docker's commands and flags that cube does not have, and what to use instead.

/// What to use instead of a command that only Docker has.
pub fn command(name: &str) -> Option<&'static str> {
    COMMANDS.iter().find(|(names, _)| names.contains(&name)).map(|(_, advice)| *advice)
}

/// What to use instead of a flag that Docker has on this command and cube has not.
pub fn flag(verb: &str, flag: &str) -> Option<&'static str> {
    let is_meant = |(verbs, flags): (&[&str], &[&str])| verbs.contains(&verb) && flags.contains(&flag);
    FLAGS.iter().find(|(verbs, flags, _)| is_meant((verbs, flags))).map(|(_, _, advice)| *advice)
}

type Words = &'static [&'static str];

const COMMANDS: &[(Words, &str)] = &[
    (
        &["start"],
        "`cube run` creates and starts in one step; a task that ended is run again with the same `cube run`",
    ),
    (&["create"], "`cube run` creates and starts in one step; --dry-run shows what it would create"),
    (&["restart"], "use `cube run --replace` with the task's --name; --restart sets a policy for the engine"),
    (&["pause", "unpause"], "use `cube kill -s STOP TASK` to halt its process, and -s CONT to let it go on"),
    (&["images", "image"], "cube lists no images: use `docker images`; `cube pull` fetches one"),
    (&["rmi"], "cube leaves images alone: use `docker rmi`"),
    (
        &["tag", "push", "save", "load", "import", "history", "search"],
        "cube only runs images: use `docker` for this, `cube pull` to fetch one",
    ),
    (
        &["login", "logout"],
        "use `docker login`: cube reads the credentials that it leaves in Docker's config",
    ),
    (
        &["build", "buildx", "builder", "bake"],
        "cube builds nothing: build the image with `docker build` and run it with `cube run`",
    ),
    (&["compose"], "use `docker compose` for several services; `cube with` runs one beside a command"),
    (&["stack", "service"], "use `cube run --swarm` for one task as a service, `docker` for the rest"),
    (
        &["swarm", "node", "secret", "config"],
        "cube uses a swarm with `cube run --swarm`; `docker` manages it",
    ),
    (
        &["network"],
        "use `docker network`; `cube run --network NAME` joins one, --create-network makes it for its tasks",
    ),
    (&["volume"], "use `docker volume`; `cube run -v NAME:PATH` makes a named one where it is missing"),
    (&["top"], "use `cube exec TASK ps`, or `docker top`"),
    (&["stats"], "use `docker stats TASK`; `cube run -o json` reports what a task used at its end"),
    (&["rename"], "choose the name at the start: `cube run --name NAME`"),
    (&["update"], "choose the limits at the start: `cube run --memory 1g --cpus 2`"),
    (&["commit", "export", "diff"], "a task's files are not kept: use `docker`, which takes the same id"),
    (&["events"], "use `cube wait --for CONDITION TASK`, or `docker events`"),
    (
        &["info", "version", "system"],
        "use `cube --version` for cube's own version, `docker info` for the engine",
    ),
    (&["context"], "use `docker context`; cube follows it, and --context chooses one"),
    (&["ls", "list"], "use `cube ps`"),
    (&["container"], "leave the word out: `cube ps`, `cube run`"),
    (
        &["plugin", "manifest", "trust", "checkpoint", "scout", "init", "debug"],
        "cube has nothing of the kind: use `docker`",
    ),
];

const FLAGS: &[(Words, Words, &str)] = &[
    (
        &["inspect"],
        &["-f", "--format"],
        "cube prints the whole JSON: pick from it with jq, as in `cube inspect TASK | jq -r '.[0].State.Status'`",
    ),
    (&["inspect"], &["-s", "--size", "--type"], "use `docker inspect`, which takes the same id"),
    (&["ps"], &["--format"], "use `cube ps -o json` and pick from it with jq, or `cube ps -q` for the ids"),
    (&["ps"], &["-l", "--latest", "-n", "--last"], "the newest comes first: use `cube ps -q | head -n 1`"),
    (
        &["ps"],
        &["-s", "--size", "--no-trunc"],
        "use `cube ps -o json` for whole values, `docker ps` for sizes",
    ),
    (
        &["exec"],
        &["-d", "--detach"],
        "cube stays with the command it runs: use `docker exec`, which takes the same id",
    ),
    (&["logs"], &["--details"], "use `docker logs --details`, which takes the same id"),
    (
        &["run", "with"],
        &["--cpu-count", "--cpu-percent", "--io-maxbandwidth", "--io-maxiops"],
        "it is a flag for Windows only: leave it out",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::verbs;

    #[test]
    fn no_command_of_cube_s_is_called_foreign() {
        for (names, _) in COMMANDS {
            for name in *names {
                assert!(verbs::find(name).is_none(), "{name}");
            }
        }
    }

    #[test]
    fn advice_names_existing_commands() {
        for advice in COMMANDS.iter().map(|(_, a)| a).chain(FLAGS.iter().map(|(_, _, a)| a)) {
            for quoted in advice.split('`').skip(1).step_by(2) {
                let mut words = quoted.split(' ');
                if words.next() == Some("cube") {
                    let verb = words.next().unwrap();
                    assert!(verb.starts_with('-') || verbs::find(verb).is_some(), "{advice}");
                }
            }
        }
    }
}
