//! `cube exec`: a command in a task.

use cube::{Action, Docker, EnvVar, Error, ExecOptions, Input, TaskRef};

use crate::cli::{
    app::App,
    args::{
        commands::ExecArgs,
        flags::{Lookup, of_environment, read},
    },
    outcome::{Outcome, signal_code},
    output::{
        copy::{self, Copied},
        patient::read_stdin,
        stdio,
    },
    signals::Signals,
    terminal::{Console, Sized, detached, keys::DetachKeys},
};

pub async fn exec(app: &App, args: &ExecArgs) -> Result<Outcome, Error> {
    let ran = run(app, args).await;
    let ran = ran.map_err(|error| error.during(format!("cannot run a command in {}", args.task)))?;
    Ok(ran.in_foreground(None))
}

async fn run(app: &App, args: &ExecArgs) -> Result<Outcome, Error> {
    let task: TaskRef = args.task.parse()?;
    let keys = DetachKeys::choose(DetachKeys::given(args.detach.detach_keys.as_deref())?, args.tty)?;
    let options = ExecOptions {
        command: args.command.clone(),
        env: environment(args, &of_environment)?,
        user: args.user.clone(),
        workdir: args.workdir.clone(),
        privileged: args.privileged,
        stdin: args.interactive,
        tty: args.tty,
        detach_keys: args.tty.then(|| keys.as_str().to_owned()),
    };
    let docker = app.docker().await?;
    let mut signals = Signals::listen()?;
    tokio::select! {
        outcome = through(&docker, &task, &options, &keys) => outcome,
        signal = signals.next() => signal.map(|signal| Outcome::reported(signal_code(signal))),
    }
}

/// The variables of the files, then those of `--env`: of a name that comes twice the engine takes the last.
fn environment(args: &ExecArgs, lookup: Lookup) -> Result<Vec<EnvVar>, Error> {
    let mut env = Vec::new();
    for file in &args.env_file {
        let text = read(file, "env file")?;
        env.extend(EnvVar::parse_file(&file.display().to_string(), &text, lookup)?);
    }
    for var in &args.env {
        env.push(EnvVar::parse(var, lookup)?);
    }
    Ok(env)
}

async fn through(
    docker: &Docker,
    task: &TaskRef,
    options: &ExecOptions,
    keys: &DetachKeys,
) -> Result<Outcome, Error> {
    let (found, container) = docker.find(task).await?;
    let started = found.exec(options).await;
    let (mut exec, input) = started.map_err(|error| error.with_container(container.id.as_str()))?;
    let input = Some(input).filter(|_| options.stdin);
    let mut console = None;
    if options.tty {
        let sized = Sized::Exec(docker.clone(), exec.id().to_owned());
        console = Some(Console::connect(input, keys, sized));
    } else if let Some(input) = input {
        tokio::spawn(feed(input));
    }
    let copied = tokio::select! {
        copied = copy::to_standard(&mut exec) => copied?,
        () = detached(console.as_mut()) => {
            drop(console);
            stdio::step(container.id.as_str());
            return Ok(Outcome::reported(0));
        }
    };
    if copied == Copied::ReaderGone {
        return Ok(Outcome::reported(0));
    }
    let exit_code = exec.code().await?;
    let known = container.result(Action::Exec, docker.address());
    Ok(Outcome::of_task(exit_code, known))
}

/// Passes standard input on until its end.
pub async fn feed(mut input: Input) {
    loop {
        match read_stdin().await {
            Ok(bytes) if bytes.is_empty() => break,
            Ok(bytes) => {
                if input.write(&bytes).await.is_err() {
                    return;
                }
            }
            Err(cause) => {
                stdio::note(&format!("standard input cannot be read any further: {cause}"));
                break;
            }
        }
    }
    let _ = input.close().await;
}
