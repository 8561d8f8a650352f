//! `cube run`: start a task and leave it, or stay with it (`attach.rs`).

use cube::{Action, Bond, DockerResult, Error};

use super::{
    app::App,
    args::{Output, RunArgs},
    attach, config,
    ending::Ending,
    render,
    session::{Extras, Session},
    stdio,
};

pub async fn run(app: &App, args: RunArgs) -> Ending {
    let (attached, file) = (args.attach, args.result_file.clone());
    let ending = Box::pin(prepared(app, args))
        .await
        .unwrap_or_else(|error| Ending::failed_start(DockerResult::success(Action::Start), error));
    if attached { ending.in_foreground(file) } else { ending.also_to(file) }
}

async fn prepared(app: &App, args: RunArgs) -> Result<Ending, Error> {
    let mut config = config::from_args(&args.task, &args.command, &|name| std::env::var(name).ok())?;
    config.interactive = config.interactive || args.interactive;
    let timeout = config::duration(args.timeout.as_deref())?;
    if args.dry_run {
        config::show(&config)?;
        return Ok(Ending::told(0));
    }
    let extras = Extras {
        cidfile: args.task.cidfile.clone(),
        replace: args.task.replace,
        result_file: args.result_file.is_some(),
    };
    if let Some(file) = &args.result_file {
        render::reserve(file)?;
    }
    let bond = if args.attach { Bond::ForLife } else { Bond::UntilStarted };
    let session = Session::open(app, config, extras, bond).await?;
    if args.attach {
        return Ok(Box::pin(attach::attach(session, timeout, args.keep)).await);
    }
    Ok(Box::pin(detached(session, args.result_file.is_some())).await)
}

async fn detached(mut session: Session<'_>, wants_result: bool) -> Ending {
    let told = match begin(&mut session).await {
        Ok(()) => tell(&mut session, wants_result).await,
        Err(error) => Err(error),
    };
    match told {
        Ok(ending) => {
            session.release();
            ending
        }
        Err(error) => {
            let (result, error) = session.fail(error).await;
            Ending::failed_start(result, error)
        }
    }
}

async fn begin(session: &mut Session<'_>) -> Result<(), Error> {
    session.start(None).await?;
    session.ready().await
}

/// Prints the id: a caller that does not get it cannot stop the task, so a failure here ends the task.
async fn tell(session: &mut Session<'_>, wants_result: bool) -> Result<Ending, Error> {
    let output = session.app.output();
    let id = session.task.container_id.clone().unwrap_or_default();
    if output == Output::Text && !wants_result {
        stdio::print_surely(&format!("{id}\n")).map_err(stdio::unwritable)?;
        return Ok(Ending::told(0));
    }
    let result = session.result(Action::Start).await?;
    let text = match output {
        Output::Text => format!("{id}\n"),
        Output::Json => render::line(&result),
        Output::Env => render::shell_lines(&result),
    };
    stdio::print_surely(&text).map_err(stdio::unwritable)?;
    Ok(Ending { result: Some(result), ..Ending::told(0) })
}
