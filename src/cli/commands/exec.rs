//! `cube exec`: a command in a task.

use cube::{Action, Docker, DockerResult, EnvVar, Error, ExecOptions, Input, TaskRef};

use crate::cli::{
    app::App,
    args::commands::ExecArgs,
    outcome::{FAILED, Outcome, signal_code},
    output::{
        copy::{self, Copied},
        patient::read_stdin,
        stdio,
    },
    signals::Signals,
};

pub async fn exec(app: &App, args: &ExecArgs) -> Result<Outcome, Error> {
    let ran = run(app, args).await;
    let ran = ran.map_err(|error| error.during(format!("cannot run a command in {}", args.task)))?;
    Ok(ran.in_foreground(None))
}

async fn run(app: &App, args: &ExecArgs) -> Result<Outcome, Error> {
    let task: TaskRef = args.task.parse()?;
    let lookup = |name: &str| std::env::var(name).ok();
    let options = ExecOptions {
        command: args.command.clone(),
        env: args.env.iter().map(|e| EnvVar::parse(e, &lookup)).collect::<Result<_, _>>()?,
        user: args.user.clone(),
        workdir: args.workdir.clone(),
        stdin: args.interactive,
    };
    let docker = app.docker().await?;
    let mut signals = Signals::listen()?;
    tokio::select! {
        outcome = through(&docker, &task, &options) => outcome,
        signal = signals.next() => signal.map(|signal| Outcome::told(signal_code(signal))),
    }
}

async fn through(docker: &Docker, task: &TaskRef, options: &ExecOptions) -> Result<Outcome, Error> {
    let (found, container) = docker.find(task).await?;
    let started = found.exec(options).await;
    let (mut exec, input) = started.map_err(|error| error.with_container(container.id.as_str()))?;
    if options.stdin {
        tokio::spawn(feed(input));
    }
    if copy::to_standard(&mut exec).await? == Copied::ReaderGone {
        return Ok(Outcome::told(0));
    }
    let exit_code = exec.code().await?;
    let known = container.result(Action::Exec, docker.address());
    let result = DockerResult { exit_code: Some(exit_code), ..known };
    Ok(Outcome { code: u8::try_from(exit_code).unwrap_or(FAILED), ..Outcome::success(result) })
}

/// Passes standard input on, to its end.
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
