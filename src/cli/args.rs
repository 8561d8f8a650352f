//! The command line as typed. The doc comments of arguments are the help texts; values are checked later, in
//! `cli/config`.

pub mod commands;
pub mod doctor;
pub mod flags;
pub mod form;
pub mod global;
pub mod help;
pub mod line;
pub mod manual;
pub mod number;
pub mod on_demand;
pub mod task;
pub mod verbs;
pub mod words;

use std::ffi::OsStr;

use clap::{FromArgMatches, builder::Resettable};
use cube::Error;

use crate::cli::args::{
    global::Global,
    line::Line,
    verbs::{Command, Verb},
    words::{Definitions, Words},
};

/// A parsed command line.
#[derive(Debug)]
pub struct Cli {
    pub global: Global,
    pub command: Command,
}

/// Why there is no command to run: the line is wrong, or it asks for help.
#[derive(Debug)]
pub enum Problem {
    /// Reported by clap: an error, or a request for help or the version.
    Clap(Box<clap::Error>),
    /// Reported by cube itself.
    Own(Error),
}

impl Cli {
    /// Parses what was typed.
    pub fn of(mut words: Words) -> Result<Self, Problem> {
        if let Some(problem) = words.problem.take() {
            return Err(Problem::Own(problem));
        }
        let verb = words.verb.as_deref().and_then(verbs::find);
        let line = Line::of(&mut words, verb.map(|verb| verb.name));
        let found = Self::of_asked(verb, &mut words);
        if let Err(Some(version)) = found {
            return Err(Problem::Clap(version));
        }
        let mut cli = found.or_else(|_| Self::of_all(&words))?;
        // clap counts before and after the command separately.
        cli.global.verbose = cli.global.verbose.max(words.count("verbose"));
        line.complete(&mut cli.command).map_err(Problem::Own)?;
        Ok(cli)
    }

    /// Parses with the definitions of the requested command only. `Err(None)`: parse again with those of all commands.
    /// `Err(Some)`: the version, which is the same in both.
    fn of_asked(verb: Option<&Verb>, words: &mut Words) -> Result<Self, Option<Box<clap::Error>>> {
        let Definitions { of_verb, of_all, .. } = std::mem::take(&mut words.definitions);
        let mut definition = of_verb.into_iter().fold(of_all, clap::Command::subcommand);
        let found = prepared(&mut definition, words);
        // Never freed: the end of the process does that faster.
        std::mem::forget(definition);
        let mut found = found.map_err(|error| {
            (error.kind() == clap::error::ErrorKind::DisplayVersion).then(|| Box::new(error))
        })?;
        let global = Global::from_arg_matches_mut(&mut found).map_err(|_| None)?;
        let (_, mut arguments) = found.remove_subcommand().ok_or(None)?;
        let command = verb.ok_or(None)?.read(&mut arguments).map_err(|_| None)?;
        std::mem::forget((found, arguments));
        Ok(Self { global, command })
    }

    /// Parses with the definitions of all commands, which give the best error for a wrong line.
    fn of_all(words: &Words) -> Result<Self, Problem> {
        let known = words.verb.as_deref().and_then(verbs::find).map(|verb| verb.name);
        let mut definition = help::all_for(known);
        let wrong = |error: clap::Error| Problem::Clap(Box::new(error));
        let mut found = prepared(&mut definition, words).map_err(wrong)?;
        let global = Global::from_arg_matches_mut(&mut found).map_err(wrong)?;
        let verb = found.remove_subcommand().and_then(|(name, found)| Some((verbs::find(&name)?, found)));
        let Some((verb, mut arguments)) = verb else {
            return Err(wrong(definition.error(clap::error::ErrorKind::MissingSubcommand, "no command")));
        };
        let command = verb.read(&mut arguments).map_err(|error| wrong(error.format(&mut definition)))?;
        Ok(Self { global, command })
    }
}

/// Lets clap read the words.
fn prepared(definition: &mut clap::Command, words: &Words) -> Result<clap::ArgMatches, clap::Error> {
    if !words.off.is_empty() || has_empty_variable(definition) {
        *definition = without_variables(std::mem::take(definition), &words.off);
    }
    definition.try_get_matches_from_mut(&words.own)
}

/// Whether one of the variables that replace flags is set but empty.
fn has_empty_variable(command: &clap::Command) -> bool {
    let is_empty = |arg: &clap::Arg| arg.get_env().is_some_and(is_empty);
    command.get_arguments().any(is_empty) || command.get_subcommands().any(has_empty_variable)
}

fn is_empty(variable: &OsStr) -> bool {
    std::env::var_os(variable).is_some_and(|value| value.is_empty())
}

/// The command without its empty variables, which count as not set, and without those of switches that are `off`.
fn without_variables(command: clap::Command, off: &[String]) -> clap::Command {
    let is_off = |arg: &clap::Arg| arg.get_long().is_some_and(|long| off.iter().any(|name| name == long));
    let command = command.mut_args(|arg| match arg.get_env() {
        Some(name) if is_empty(name) || is_off(&arg) => arg.env(Resettable::Reset),
        _ => arg,
    });
    command.mut_subcommands(|sub| without_variables(sub, off))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use crate::cli::args::{form::Form, task::RunArgs, task::WithArgs};

    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    fn read(line: &str) -> Result<Cli, Problem> {
        Cli::of(Words::read(&words(line)))
    }

    fn run(line: &str) -> RunArgs {
        match read(line).unwrap_or_else(|problem| panic!("{line}: {problem:?}")).command {
            Command::Run(run) => *run,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn with(line: &str) -> WithArgs {
        match read(line).unwrap_or_else(|problem| panic!("{line}: {problem:?}")).command {
            Command::With(with) => *with,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn refusal(line: &str) -> String {
        match read(line) {
            Err(Problem::Own(error)) => error.to_string(),
            Err(Problem::Clap(error)) => error.to_string(),
            Ok(cli) => panic!("{line}: {cli:?}"),
        }
    }

    #[test]
    fn the_definitions_are_sound() {
        verbs::all().debug_assert();
    }

    #[test]
    fn an_image_as_a_word_means_docker_s_form() {
        for (line, image, command) in [
            ("cube run alpine", "alpine", &[][..]),
            ("cube run -it --rm alpine sh -c x", "alpine", &["sh", "-c", "x"]),
            ("cube run -e A=1 alpine -x --image b -- y", "alpine", &["-x", "--image", "b", "--", "y"]),
            ("cube run -- alpine ls -h", "alpine", &["ls", "-h"]),
            ("cube -q container run --name a alpine -h", "alpine", &["-h"]),
        ] {
            let run = run(line);
            assert_eq!(run.task.form, Form::Docker, "{line}");
            assert_eq!(run.task.image.as_deref(), Some(image), "{line}");
            assert_eq!(run.task.command, command, "{line}");
            assert!(!run.task.publishes_all(true), "{line}");
        }
    }

    #[test]
    fn an_image_as_a_flag_means_the_scripting_form() {
        for line in
            ["cube run --image a -e B=1 sh -e x --image b", "cube run --image=a -eB=1 -- sh -e x --image b"]
        {
            let run = run(line);
            assert_eq!((run.task.form, run.task.image.as_deref()), (Form::Scripting, Some("a")));
            assert_eq!(run.task.command, ["sh", "-e", "x", "--image", "b"]);
            assert_eq!(run.task.process.env, ["B=1"]);
            assert!(run.task.publishes_all(true));
        }
    }

    #[test]
    fn the_first_dashes_of_with_separate_the_two_commands() {
        for (line, command, host) in [
            ("cube with --image a sh -c x -- cargo test -- y", &["sh", "-c", "x"][..], "cargo test -- y"),
            ("cube with --image a -- cargo test -- y", &[], "cargo test -- y"),
            ("cube with a -- cargo test -- y", &[], "cargo test -- y"),
            ("cube with -p 80 a b -c -- x", &["b", "-c"], "x"),
            ("cube with -- a b -- x", &["b"], "x"),
        ] {
            let with = with(line);
            assert_eq!(with.task.image.as_deref(), Some("a"), "{line}");
            assert_eq!(with.task.command, command, "{line}");
            assert_eq!(with.host_command, words(host), "{line}");
            assert!(with.task.publishes_all(true), "{line}");
        }
        assert!(refusal("cube with -p 80 -- cargo test").contains("the image is missing"));
        assert!(refusal("cube run -p 80").contains("the image is missing"));
    }

    #[test]
    fn flags_are_read_as_docker_reads_them() {
        let run1 =
            run("cube run -itd -eA=b -e=C=d -p8080:80 -h web --rm=true --init=false -m 1g -e -x alpine");
        let streams = &run1.task.streams;
        assert!(
            streams.interactive && streams.tty && streams.detach && streams.rm && !run1.task.process.init
        );
        assert_eq!(run1.task.process.env, ["A=b", "C=d", "-x"]);
        assert_eq!(run1.task.network.publish, ["8080:80"]);
        assert_eq!(run1.task.network.hostname.as_deref(), Some("web"));
        assert_eq!(run1.task.limits.memory.as_deref(), Some("1g"));
        assert!(!run("cube run --rm --rm=false alpine").task.streams.rm);
        assert!(run("cube run --sig-proxy=false alpine").task.streams.attached.hides_signals);
        assert!(!run("cube run --sig-proxy=false --sig-proxy alpine").task.streams.attached.hides_signals);
        assert!(refusal("cube run --rm=maybe alpine").contains("maybe"));
    }

    #[test]
    fn a_stream_after_attach_makes_it_docker_s_flag() {
        for line in ["-a stdout", "-a=stdout", "-astdout", "--attach=stdout", "--attach STDOUT", "-ia stdout"]
        {
            let run = run(&format!("cube run {line} alpine"));
            assert_eq!(run.task.streams.attach_stream, ["stdout"], "{line}");
            assert!(!run.task.streams.attach, "{line}");
        }
        let run = run("cube run -a --image alpine stdout");
        assert!(run.task.streams.attach && run.task.streams.attach_stream.is_empty());
        assert!(refusal("cube run -a=out alpine").contains("neither a stream"));
    }

    #[test]
    fn publishing_is_the_form_s_unless_a_flag_says_otherwise() {
        for (line, publishes) in [
            ("alpine", false),
            ("-P alpine", true),
            ("-P=false alpine", false),
            ("--image a", true),
            ("-P=false --image a", false),
            ("--no-publish-all --image a", false),
            ("--no-publish-all -P --image a", true),
            ("-P --no-publish-all --image a", false),
        ] {
            assert_eq!(run(&format!("cube run {line}")).task.publishes_all(true), publishes, "{line}");
        }
    }

    #[test]
    fn h_at_the_end_of_the_line_is_help() {
        for line in ["cube run -h", "cube run --name a -h", "cube with -h", "cube ps -h", "cube run --help"] {
            let Err(Problem::Clap(error)) = read(line) else { panic!("{line}") };
            assert_eq!(error.kind(), clap::error::ErrorKind::DisplayHelp, "{line}");
        }
    }

    #[test]
    fn only_cube_s_own_words_choose_the_action_and_form() {
        for (line, json) in [
            ("cube run --image x --bogus -- prog -o json", false),
            ("cube run x prog -o json", false),
            ("cube exec x prog -o json", false),
            ("cube with --image x -- prog -o json", false),
            ("cube run --name -o json", false),
            ("cube -ojson run x", true),
            ("cube run -qo json x", true),
            ("cube ps --output=json", true),
            ("cube exec -o json x prog", true),
        ] {
            assert_eq!(
                Words::read(&words(line)).value("output").is_some_and(|form| form == "json"),
                json,
                "{line}"
            );
        }
    }

    #[test]
    fn the_command_of_exec_is_not_parsed() {
        for line in [
            "cube exec -i t sh -c x -- -i",
            "cube exec -i t -- sh -c x -- -i",
            "cube exec -i -- t sh -c x -- -i",
        ] {
            let Command::Exec(exec) = read(line).unwrap().command else { panic!("{line}") };
            assert_eq!(exec.task, "t");
            assert_eq!(exec.command, ["sh", "-c", "x", "--", "-i"], "{line}");
            assert!(exec.interactive);
        }
    }

    #[test]
    fn v_is_verbose_if_it_is_no_other_flag() {
        assert_eq!(read("cube -v ps -vv").unwrap().global.verbose, 3);
        assert_eq!(run("cube -v run -v /a:/b alpine").task.storage.volume, ["/a:/b"]);
    }
}
