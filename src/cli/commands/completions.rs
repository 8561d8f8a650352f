//! `cube completions`: prints a script that makes a shell ask cube for completions, so that running tasks and
//! contexts are among them.

use std::{
    env,
    ffi::{OsStr, OsString},
    process::ExitCode,
    time::Duration,
};

use clap::{Arg, Command};
use clap_complete::{
    Shell,
    engine::{ArgValueCandidates, CompletionCandidate},
    env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh},
};
use cube::{Docker, Error, Listed, Surroundings};

use crate::cli::{
    app::{self, engine_hosts},
    args::{commands::CompletionsArgs, verbs},
    outcome::Outcome,
    output::stdio,
};

/// The variable that names the shell in a request for completions.
pub const VARIABLE: &str = "CUBE_COMPLETE";
/// How long an engine may take to list its tasks. The user waits for the answer after pressing Tab.
const PATIENCE: Duration = Duration::from_secs(1);

/// Prints the script that a shell loads when it starts.
pub fn completions(args: &CompletionsArgs) -> Result<Outcome, Error> {
    let mut script = Vec::new();
    let written = shell(args.shell).write_registration(VARIABLE, "cube", "cube", "cube", &mut script);
    written.map_err(stdio::unwritable)?;
    stdio::print(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::reported(0))
}

/// Answers a shell's request for completions of the command line after `--`. `None` if there is no such request.
pub fn answer(argv: &[OsString]) -> Option<ExitCode> {
    let name = env::var_os(VARIABLE).filter(|name| !name.is_empty())?;
    let shells: [&dyn EnvCompleter; 5] = [&Bash, &Elvish, &Fish, &Powershell, &Zsh];
    let shell = shells.into_iter().find(|shell| name.to_str().is_some_and(|name| shell.is(name)))?;
    let words = argv.iter().skip_while(|word| *word != "--").skip(1).cloned().collect();
    let mut text = Vec::new();
    let answered =
        shell.write_complete(&mut definition(), words, env::current_dir().ok().as_deref(), &mut text);
    let printed = answered.is_ok() && stdio::print(&String::from_utf8_lossy(&text)).is_ok();
    Some(if printed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn shell(shell: Shell) -> &'static dyn EnvCompleter {
    match shell {
        Shell::Elvish => &Elvish,
        Shell::Fish => &Fish,
        Shell::PowerShell => &Powershell,
        Shell::Zsh => &Zsh,
        _ => &Bash,
    }
}

/// The clap definition with values that depend on this machine: contexts, tasks.
fn definition() -> Command {
    let values: [(&str, Candidates); 7] = [
        ("wait_for", || words(&CONDITIONS)),
        ("conditions", || words(&CONDITIONS)),
        ("pull", || words(&["always", "missing", "never"])),
        ("fail_on", || words(&["log="])),
        ("restart", || words(&["no", "always", "unless-stopped", "on-failure", "on-failure:3"])),
        ("log_driver", || words(&["local", "json-file", "journald", "none"])),
        ("context", || words(&Surroundings::of_process().contexts())),
    ];
    let mut command = with_commands(with_tasks(verbs::all()));
    for (id, candidates) in values {
        command = with_values(command, id, candidates);
    }
    command
}

/// Finds the possible values of one argument.
type Candidates = fn() -> Vec<CompletionCandidate>;

/// How conditions begin; the user types what follows an `=`.
const CONDITIONS: [&str; 14] = [
    "ready", "running", "healthy", "port", "port=", "log=", "http=", "https=", "exec=", "file=", "postgres",
    "mysql", "redis", "amqp",
];

/// Adds `candidates` to the argument `id` of each command that has it.
fn with_values(command: Command, id: &str, candidates: Candidates) -> Command {
    let command = command
        .mut_args(|arg| if arg.get_id() == id { arg.add(ArgValueCandidates::new(candidates)) } else { arg });
    command.mut_subcommands(|subcommand| with_values(subcommand, id, candidates))
}

/// Offers tasks for TASK: running ones, or all for commands that take ended tasks too.
fn with_tasks(command: Command) -> Command {
    command.mut_subcommands(|subcommand| {
        let running = matches!(subcommand.get_name(), "stop" | "kill" | "exec" | "attach" | "port" | "wait");
        subcommand.mut_args(|arg| {
            let is_task = arg.is_positional() && arg.get_value_names().is_some_and(|names| names == ["TASK"]);
            match (is_task, running) {
                (true, true) => arg.add(ArgValueCandidates::new(|| tasks(false))),
                (true, false) => arg.add(ArgValueCandidates::new(|| tasks(true))),
                _ => arg,
            }
        })
    })
}

/// Offers commands to the ones that tell of another.
fn with_commands(command: Command) -> Command {
    let offered = |arg: Arg| {
        arg.add(ArgValueCandidates::new(|| {
            let candidate =
                |(name, about): (&str, &'static str)| CompletionCandidate::new(name).help(Some(about.into()));
            verbs::names().map(candidate).collect()
        }))
    };
    ["help", "man"].into_iter().fold(command, |command, teller| {
        command.mut_subcommand(teller, |teller| teller.mut_arg("command", offered))
    })
}

fn words(words: &[impl AsRef<OsStr>]) -> Vec<CompletionCandidate> {
    words.iter().map(|word| CompletionCandidate::new(word.as_ref())).collect()
}

/// The names of cube's tasks on the engine that the environment names; none if it does not answer in time.
fn tasks(all: bool) -> Vec<CompletionCandidate> {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return Vec::new();
    };
    let listed = runtime.block_on(async { tokio::time::timeout(PATIENCE, list(all)).await });
    let candidate = |task: Listed| {
        CompletionCandidate::new(stdio::printable(&task.name))
            .help(Some(stdio::printable(&task.image).into()))
    };
    listed.ok().flatten().unwrap_or_default().into_iter().map(candidate).collect()
}

async fn list(all: bool) -> Option<Vec<Listed>> {
    let hosts = engine_hosts(&env::var("CUBE_HOST").unwrap_or_default());
    let context = env::var("CUBE_CONTEXT").ok();
    let (docker, _) = app::connect(&hosts, context.as_deref(), Docker::ANSWER_TIMEOUT, &|_| ()).await.ok()?;
    docker.list(all).await.ok()
}
