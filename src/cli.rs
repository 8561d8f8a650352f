//! The command line: from arguments to one exit code.

mod app;
mod args;
mod cidfile;
mod commands;
mod config;
mod copies;
mod foreign;
mod guard;
mod mounts;
mod outcome;
mod output;
mod record;
mod session;
mod signals;
mod since;
mod terminal;
mod usage;

use std::{ffi::OsString, process::ExitCode};

use cube::Action;
use futures_util::{FutureExt, future::BoxFuture};

use crate::cli::{
    app::App,
    args::{Cli, Problem, verbs::Command, words::Words},
    commands::{
        attach, completions, cp, doctor, exec, help, inspect, logs, man, port, prune, ps, pull, run,
        several::{kill, rm, stop},
        wait, with,
    },
    guard::{order::Order, removal},
    outcome::Outcome,
    output::render,
};

/// Runs the command line `argv`.
pub fn main(argv: &[OsString]) -> ExitCode {
    if let Some(order) = Order::read(argv) {
        return removal::serve(order);
    }
    signals::unblock();
    if let Some(code) = completions::answer(argv) {
        return code;
    }
    let words = Words::read(argv);
    let asked = usage::Asked::of(&words);
    let cli = match Cli::of(words) {
        Ok(cli) => cli,
        Err(problem) => return usage::show(&asked, problem),
    };
    app::log::begin(cli.global.verbose);
    let runtime = match app::runtime() {
        Ok(runtime) => runtime,
        Err(error) => return usage::show(&asked, Problem::Own(error)),
    };
    let app = App::new(cli.global);
    // Spawned, because the runtime's main future is woken through a system call each time.
    let command = runtime.block_on(runtime.spawn(work(app.clone(), cli.command)));
    let outcome = match command {
        Ok(outcome) => outcome,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    };
    let code = render::outcome(&app, &outcome);
    // The end must not wait for a read of standard input or for a stuck reader of the output.
    runtime.shutdown_background();
    code.into()
}

/// A command's work. It is boxed, and so is each command in it: otherwise the stack would have to hold all of them, and
/// each of its pages costs start-up time.
fn work(app: App, command: Command) -> BoxFuture<'static, Outcome> {
    let work = async move {
        signals::mind_children();
        dispatch(&app, command).await
    };
    work.boxed()
}

/// Runs a command. Here an error becomes an outcome, but for commands that make their own.
async fn dispatch(app: &App, command: Command) -> Outcome {
    let (action, done) = match command {
        Command::Run(args) => return run::run(app, *args).boxed().await,
        Command::With(args) => return with::with(app, *args).boxed().await,
        Command::Stop(args) => (Action::Stop, stop::stop(app, &args).boxed().await),
        Command::Rm(args) => (Action::Remove, rm::rm(app, &args).boxed().await),
        Command::Kill(args) => (Action::Kill, kill::kill(app, &args).boxed().await),
        Command::Ps(args) => (Action::List, ps::ps(app, &args).boxed().await),
        Command::Logs(args) => (Action::Logs, logs::logs(app, &args).boxed().await),
        Command::Inspect(args) => (Action::Inspect, inspect::inspect(app, &args).boxed().await),
        Command::Wait(args) => (Action::Wait, wait::wait(app, &args).boxed().await),
        Command::Port(args) => (Action::Port, port::port(app, &args).boxed().await),
        Command::Exec(args) => (Action::Exec, exec::exec(app, &args).boxed().await),
        Command::Attach(args) => (Action::Attach, attach::attach(app, &args).boxed().await),
        Command::Cp(args) => (Action::Copy, cp::cp(app, &args).boxed().await),
        Command::Pull(args) => (Action::Pull, pull::pull(app, &args).boxed().await),
        Command::Doctor(args) => (Action::Doctor, doctor::doctor(app, &args).boxed().await),
        Command::Prune(args) => (Action::Prune, prune::prune(app, &args).boxed().await),
        Command::Completions(args) => (Action::Inspect, completions::completions(&args)),
        Command::Man(args) => (Action::Inspect, man::man(&args)),
        Command::Help(args) => (Action::Inspect, help::help(&args)),
    };
    done.unwrap_or_else(|error| Outcome::failure(action, error))
}
