//! The table of commands. Only the arguments of the requested command are built: each flag costs start-up time.

use clap::{ArgMatches, Args, FromArgMatches, Parser};
use cube::Action;

use crate::cli::args::{
    commands::{
        AttachArgs, CompletionsArgs, ExecArgs, HelpArgs, InspectArgs, KillArgs, LogsArgs, ManArgs, PortArgs,
        PruneArgs, PsArgs, PullArgs, RmArgs, StopArgs, WaitArgs,
    },
    doctor::DoctorArgs,
    flags::files::CpArgs,
    global::Global,
    on_demand::{self, Define},
    task::{RunArgs, WithArgs},
};

/// A command with its arguments.
#[derive(Debug)]
pub enum Command {
    Run(Box<RunArgs>),
    With(Box<WithArgs>),
    Stop(StopArgs),
    Rm(RmArgs),
    Kill(KillArgs),
    Ps(PsArgs),
    Logs(LogsArgs),
    Inspect(InspectArgs),
    Wait(WaitArgs),
    Port(PortArgs),
    Exec(ExecArgs),
    Cp(CpArgs),
    Attach(AttachArgs),
    Pull(PullArgs),
    Prune(PruneArgs),
    Doctor(DoctorArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
    Help(HelpArgs),
}

/// A command's name, its help and how its arguments are defined and read.
pub struct Verb {
    pub name: &'static str,
    action: Action,
    about: &'static str,
    more: Option<&'static str>,
    augment: Define,
    /// Further flags, which a line most often has none of.
    pub on_demand: &'static [Define],
    read: fn(&mut ArgMatches) -> Result<Command, clap::Error>,
}

/// All commands, in the order of the help.
const VERBS: [Verb; 19] = [
    Verb {
        on_demand: &on_demand::GROUPS,
        more: Some(
            "Docker's own form is IMAGE followed by the command, as in docker run: the task runs in the foreground, \
             unless -d is given. The scripting form is --image: every exposed port is published, and cube prints the \
             id and returns when the task runs, or is ready.",
        ),
        ..Verb::new("run", Action::Start, "Run a task", RunArgs::augment_args, |found| {
            RunArgs::from_arg_matches_mut(found).map(|args| Command::Run(Box::new(args)))
        })
    },
    Verb {
        on_demand: &on_demand::GROUPS,
        more: Some(
            "HOST-COMMAND runs on this machine once the task is ready; then the task is stopped and removed. In its \
             environment are CUBE_HOST, CUBE_PORT, CUBE_PORT_5432 (for each port), CUBE_CONTAINER_ID and CUBE_NAME. cube \
             exits with its exit code.",
        ),
        ..Verb::new(
            "with",
            Action::Start,
            "Run a task while a command runs on this machine",
            WithArgs::augment_args,
            |found| WithArgs::from_arg_matches_mut(found).map(|args| Command::With(Box::new(args))),
        )
    },
    Verb::new(
        "stop",
        Action::Stop,
        "Stop tasks (signal, grace, kill) and remove them with their anonymous volumes",
        StopArgs::augment_args,
        |found| StopArgs::from_arg_matches_mut(found).map(Command::Stop),
    ),
    Verb::new(
        "rm",
        Action::Remove,
        "Stop and remove tasks, like stop; with -f kill them at once",
        RmArgs::augment_args,
        |found| RmArgs::from_arg_matches_mut(found).map(Command::Rm),
    ),
    Verb::new(
        "kill",
        Action::Kill,
        "Send a signal to tasks, without removing them",
        KillArgs::augment_args,
        |found| KillArgs::from_arg_matches_mut(found).map(Command::Kill),
    ),
    Verb::new("ps", Action::List, "List cube's own tasks", PsArgs::augment_args, |found| {
        PsArgs::from_arg_matches_mut(found).map(Command::Ps)
    }),
    Verb::new("logs", Action::Logs, "Print a task's output", LogsArgs::augment_args, |found| {
        LogsArgs::from_arg_matches_mut(found).map(Command::Logs)
    }),
    Verb::new(
        "inspect",
        Action::Inspect,
        "Print the engine's own JSON of tasks",
        InspectArgs::augment_args,
        |found| InspectArgs::from_arg_matches_mut(found).map(Command::Inspect),
    ),
    Verb::new(
        "wait",
        Action::Wait,
        "Wait for the end of tasks, or for a condition; exit with the task's exit code",
        WaitArgs::augment_args,
        |found| WaitArgs::from_arg_matches_mut(found).map(Command::Wait),
    ),
    Verb::new(
        "port",
        Action::Port,
        "Print the addresses of a task's published ports",
        PortArgs::augment_args,
        |found| PortArgs::from_arg_matches_mut(found).map(Command::Port),
    ),
    Verb::new("exec", Action::Exec, "Run a command in a task", ExecArgs::augment_args, |found| {
        ExecArgs::from_arg_matches_mut(found).map(Command::Exec)
    }),
    Verb {
        more: Some(
            "One of SRC and DST is TASK:PATH. A dash is a tar archive: on standard input for SRC, on standard output \
             for DST. As with docker cp, a folder is copied into an existing folder, else it becomes DST; SRC/. is the \
             content of a folder. Devices and pipes are left out.",
        ),
        ..Verb::new(
            "cp",
            Action::Copy,
            "Copy files between a task and this machine",
            CpArgs::augment_args,
            |found| CpArgs::from_arg_matches_mut(found).map(Command::Cp),
        )
    },
    Verb::new(
        "attach",
        Action::Attach,
        "Attach to a running task: its output from now on, its input, its exit code",
        AttachArgs::augment_args,
        |found| AttachArgs::from_arg_matches_mut(found).map(Command::Attach),
    ),
    Verb::new("pull", Action::Pull, "Pull an image and print its digest", PullArgs::augment_args, |found| {
        PullArgs::from_arg_matches_mut(found).map(Command::Pull)
    }),
    Verb::new(
        "prune",
        Action::Prune,
        "Remove cube's finished and expired tasks, and its networks without a task",
        PruneArgs::augment_args,
        |found| PruneArgs::from_arg_matches_mut(found).map(Command::Prune),
    ),
    Verb::new(
        "doctor",
        Action::Doctor,
        "Show which engine answers, and which promises of cube hold on it",
        DoctorArgs::augment_args,
        |found| DoctorArgs::from_arg_matches_mut(found).map(Command::Doctor),
    ),
    Verb::new(
        "completions",
        Action::Inspect,
        "Print a completion script for a shell",
        CompletionsArgs::augment_args,
        |found| CompletionsArgs::from_arg_matches_mut(found).map(Command::Completions),
    ),
    Verb::new("man", Action::Inspect, "Print a man page", ManArgs::augment_args, |found| {
        ManArgs::from_arg_matches_mut(found).map(Command::Man)
    }),
    Verb::new(
        "help",
        Action::Inspect,
        "Print the help of cube or of a command",
        HelpArgs::augment_args,
        |found| HelpArgs::from_arg_matches_mut(found).map(Command::Help),
    ),
];

impl Verb {
    const fn new(
        name: &'static str,
        action: Action,
        about: &'static str,
        augment: Define,
        read: fn(&mut ArgMatches) -> Result<Command, clap::Error>,
    ) -> Self {
        Self { name, action, about, more: None, augment, on_demand: &[], read }
    }

    /// The action that this command reports in its result.
    pub fn action(&self) -> Action {
        self.action
    }

    /// The clap definition of this command.
    pub fn definition(&self) -> clap::Command {
        let whole = self.on_demand.iter().fold(self.usual_definition(), |command, define| define(command));
        let whole = whole.about(self.about);
        match self.more {
            Some(more) => whole.long_about(format!("{}\n\n{more}", self.about)),
            None => whole,
        }
    }

    /// The definition for reading a line, without the groups of flags that are added on demand.
    pub fn usual_definition(&self) -> clap::Command {
        (self.augment)(clap::Command::new(self.name))
    }

    /// The command that clap found.
    pub fn read(&self, found: &mut ArgMatches) -> Result<Command, clap::Error> {
        (self.read)(found)
    }
}

/// The command of this name.
pub fn find(name: &str) -> Option<&'static Verb> {
    VERBS.iter().find(|verb| verb.name == name)
}

/// Runs one container task well: pull, start, wait until ready, stream, stop, remove.
///
/// A task is one container that cube runs. TASK is a container id, a unique prefix of one, a
/// container name, or the task's UUID.
#[derive(Debug, Parser)]
#[group(skip)]
#[command(name = "cube", version, max_term_width = 100, after_help = EXIT_CODES, subcommand_required = true)]
#[command(disable_help_subcommand = true, arg_required_else_help = true, args_override_self = true)]
struct AllCommands {
    #[command(flatten)]
    global: Global,
}

const EXIT_CODES: &str = "\
Exit codes:
  the task's   run in the foreground, attach, wait, exec; with: HOST-COMMAND's
  0            success
  1            a command failed (no such task, engine unreachable …)
  2            the command line is wrong (any command but run and with)
  124          --timeout, --wait-timeout or wait --timeout ran out
  125          run, with: cube or the engine failed, or the command line is wrong
  126, 127     the task's command cannot be executed; is not found
  129 to 143   ended by a signal: SIGHUP 129, SIGINT 130, SIGTERM 143";

/// The name of each command and what it does, in the order of the help.
pub fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    VERBS.iter().map(|verb| (verb.name, verb.about))
}

/// The clap definition of cube itself, without its commands.
pub fn bare() -> clap::Command {
    <AllCommands as clap::CommandFactory>::command()
}

/// The clap definition with all commands, for help, completions and man pages.
pub fn all() -> clap::Command {
    bare().subcommands(VERBS.iter().map(Verb::definition))
}
