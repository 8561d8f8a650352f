//! The parts of the help and the man pages that are not flags: examples, variables, files, exit codes.

/// A command line that works as it stands, and what it does.
pub struct Example {
    pub says: &'static str,
    pub line: &'static str,
}

const fn example(says: &'static str, line: &'static str) -> Example {
    Example { says, line }
}

const CUBE: [Example; 4] = [
    example("run a line copied from docker run", "cube run --rm alpine echo hello"),
    example(
        "run a command with a database that is ready before it and removed after it",
        "cube with --wait-for ready -e POSTGRES_PASSWORD=x postgres:13 -- printenv CUBE_HOST CUBE_PORT",
    ),
    example(
        "start a task and keep its id",
        "id=$(cube run --image postgres:13 -e POSTGRES_PASSWORD=secret --wait-for ready)",
    ),
    example("stop it, and remove it with its anonymous volumes", "cube stop \"$id\""),
];

const RUN: [Example; 4] = [
    example(
        "in the foreground; removed at its end",
        "cube run --rm -v \"$PWD:/src\" -w /src node:22 npm test",
    ),
    example(
        "in the background; returns when it is ready",
        "cube run -d --name web -p 8080:80 --wait-for http=80/ nginx",
    ),
    example(
        "for a script: every exposed port on a free host port",
        "id=$(cube run --image redis:7 --wait-for redis)",
    ),
    example(
        "copy files in, and results out, however the task ends",
        "cube run --copy-in .:/src --copy-out /src/report:. alpine sh -c 'cd /src && ls >report'",
    ),
];

const WITH: [Example; 2] = [
    example(
        "run a test with its database",
        "cube with --wait-for ready -e POSTGRES_PASSWORD=secret postgres:13 -- ./test.sh",
    ),
    example(
        "pass the address on in a variable of your own",
        "cube with --image redis:7 --export 'REDIS_URL=redis://{host}:{port}' --wait-for redis -- npm test",
    ),
];

/// The examples of a command, or of cube itself.
pub fn examples(verb: Option<&str>) -> &'static [Example] {
    match verb {
        None => &CUBE,
        Some("run") => &RUN,
        Some("with") => &WITH,
        Some("stop") => &[const { example("stop all of cube's tasks", "cube stop $(cube ps -q)") }],
        Some("wait") => {
            &[const { example("wait until a task listens on a port", "cube wait --for port=5432 db") }]
        }
        Some("logs") => {
            &[const { example("the last lines, and then what follows", "cube logs -n 20 -f db") }]
        }
        Some("port") => &[const { example("the address to connect to", "cube port db 5432") }],
        Some("exec") => &[const { example("run a shell in a task", "cube exec -it db sh") }],
        Some("cp") => &[const { example("copy a file out of a task", "cube cp db:/etc/hosts .") }],
        Some("prune") => &[const { example("show what would be removed", "cube prune --dry-run") }],
        Some("doctor") => {
            &[const { example("fail if --disk does not work here", "cube doctor --require disk") }]
        }
        Some("completions") => &[const { example("load it in bash", "source <(cube completions bash)") }],
        Some(_) => &[],
    }
}

/// The variables that cube reads.
pub const ENVIRONMENT: [(&str, &str); 12] = [
    ("DOCKER_HOST", "Address of the engine: unix://PATH, tcp://HOST:PORT or ssh://USER@HOST."),
    ("DOCKER_CONTEXT", "Name of the Docker context with the engine's address."),
    ("DOCKER_TLS_VERIFY, DOCKER_CERT_PATH", "Whether to use TLS, and the folder with its files."),
    ("DOCKER_CONFIG", "Folder of Docker's configuration [default: ~/.docker]."),
    ("DOCKER_AUTH_CONFIG", "Registry credentials, in the form of config.json."),
    ("DOCKER_DEFAULT_PLATFORM", "Default of --platform."),
    ("DOCKER_CONTENT_TRUST", "If it is 1, an image without a digest is refused: cube checks no signatures."),
    (
        "CUBE_HOST, CUBE_CONTEXT, CUBE_OUTPUT, CUBE_QUIET, CUBE_VERBOSE, CUBE_COLOR, CUBE_ENGINE_TIMEOUT",
        "The global options.",
    ),
    ("CUBE_SWARM", "--swarm of run and with."),
    ("CUBE_GUARD_LOG", "The file to which the guard of a task adds its requests and failures."),
    ("GITHUB_ENV, GITHUB_ACTIONS, GITLAB_CI", "The file for -o github, and the CI service for --ci auto."),
    ("NO_COLOR", "No colours, if it is not empty."),
];

/// The files that cube reads.
pub const FILES: [(&str, &str); 3] = [
    (
        "/var/run/docker.sock",
        "The usual socket of an engine; the sockets of rootless Docker and podman are tried after it.",
    ),
    ("~/.docker/config.json", "Credentials, their helpers, proxies, detach keys and the current context."),
    ("~/.docker/contexts", "Addresses and TLS files of contexts."),
];

/// The exit codes.
pub const EXIT_STATUS: [(&str, &str); 7] = [
    ("the task's", "run in the foreground, attach, wait, exec; for with, the exit code of HOST-COMMAND."),
    ("0", "Success."),
    ("1", "A command failed: no such task, engine unreachable."),
    ("2", "The command line is wrong (any command but run and with)."),
    ("124", "--timeout, --wait-timeout or wait --timeout ran out."),
    (
        "125, 126, 127",
        "run and with: cube or the engine failed; the task's command cannot be executed; it is not found.",
    ),
    ("129, 130, 143", "Ended by SIGHUP, SIGINT, SIGTERM."),
];

#[cfg(test)]
mod tests {
    use crate::cli::args::verbs;

    use super::*;

    /// The widest line of a help page, less its indent.
    const WIDEST: usize = 98;

    #[test]
    fn no_example_is_broken_by_the_width_of_the_help() {
        let all = verbs::all();
        let verbs = all.get_subcommands().map(|verb| Some(verb.get_name())).chain([None]);
        for example in verbs.flat_map(examples) {
            assert!(example.line.len() <= WIDEST, "{}", example.line);
        }
    }
}
