//! How the help reads: examples first, the rare flags on the long page alone, the global options in one line.

use clap::Command;

use crate::cli::args::{manual, verbs};

/// The order of a help page: usage, examples, flags, notes.
const TEMPLATE: &str = "{about-with-newline}\n{usage-heading} {usage}\n\n{before-help}{all-args}{after-help}";

const GLOBAL: &str = "Global options: --host, --context, --output, --quiet, --verbose, --color, --engine-timeout; \
                      see `cube --help`";
const MORE: &str = "All other flags of docker run work too; see --help\n";

/// The flags of `run` and `with` that `-h` shows; the others are on the page of `--help`.
const COMMON: [&str; 48] = [
    "attach",
    "detach",
    "interactive",
    "tty",
    "rm",
    "image",
    "file",
    "help",
    "name",
    "replace",
    "env",
    "env_file",
    "entrypoint",
    "workdir",
    "user",
    "init",
    "restart",
    "memory",
    "cpus",
    "disk",
    "publish",
    "publish_all",
    "no_publish_all",
    "bind",
    "hostname",
    "network",
    "create_network",
    "network_alias",
    "volume",
    "tmpfs",
    "label",
    "pull",
    "platform",
    "cidfile",
    "ttl",
    "wait_for",
    "wait_timeout",
    "fail_on",
    "timeout",
    "fail_fast",
    "logs",
    "dry_run",
    "keep",
    "copy_in",
    "copy_out",
    "log_file",
    "evidence",
    "export",
];

/// Of these, the flags that do next to nothing in `with`: its task has no streams.
const RARE_IN_WITH: [&str; 5] = ["attach", "detach", "interactive", "tty", "rm"];

/// The definitions of all commands, prepared for the help of `verb`, or of cube itself.
pub fn all_for(verb: Option<&str>) -> Command {
    let mut all = with_examples(verbs::all(), None);
    let Some(verb) = verb else { return all };
    // The global flags are described once, in `cube --help`.
    all = all.mut_args(|arg| if arg.is_global_set() { arg.hide(true) } else { arg });
    all.mut_subcommand(verb, |command| shown(command, verb))
}

fn shown(command: Command, verb: &str) -> Command {
    let command = with_examples(command, Some(verb));
    if !matches!(verb, "run" | "with") {
        return command.after_help(GLOBAL);
    }
    command
        .mut_args(|arg| {
            let id = arg.get_id().as_str();
            let common = COMMON.contains(&id) && !(verb == "with" && RARE_IN_WITH.contains(&id));
            let rare = !arg.is_positional() && !common;
            arg.hide_short_help(rare)
        })
        .after_help(format!("{MORE}{GLOBAL}"))
        .after_long_help(GLOBAL)
}

fn with_examples(command: Command, verb: Option<&str>) -> Command {
    let examples = manual::examples(verb).iter();
    let lines: String = examples.map(|each| format!("  # {}\n  {}\n", each.says, each.line)).collect();
    if lines.is_empty() {
        return command;
    }
    command.help_template(TEMPLATE).before_help(format!("Examples:\n{}", lines.trim_end()))
}
