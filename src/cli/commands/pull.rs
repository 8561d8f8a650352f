//! `cube pull`: an image, with progress and credentials.

use cube::{Action, DockerResult, Error, ImageRef, Platform};

use crate::cli::{
    app::App,
    args::{
        commands::PullArgs,
        flags::{engine::refuse_signatures, of_environment},
        global::OutputFormat,
    },
    outcome::Outcome,
    output::{progress::PullReport, stdio},
    record::ci::Ci,
    signals::Signals,
};

/// A failure names the image too.
pub async fn pull(app: &App, args: &PullArgs) -> Result<Outcome, Error> {
    pulled(app, args).await.or_else(|error| {
        let mut failure = Outcome::failure(Action::Pull, error);
        if let Some(result) = &mut failure.result {
            result.image = Some(args.image.clone());
        }
        Ok(failure)
    })
}

async fn pulled(app: &App, args: &PullArgs) -> Result<Outcome, Error> {
    let image: ImageRef = args.image.parse()?;
    refuse_signatures(&image, None, &of_environment)?;
    let platform =
        args.platform.as_deref().filter(|p| !p.is_empty()).map(str::parse::<Platform>).transpose()?;
    let docker = app.docker().await?;
    let mut progress = PullReport::new(app, Ci::of_environment());
    let mut signals = Signals::listen()?;
    let mut events = |event| progress.show(event);
    let pull = docker.pull(&image, platform.as_ref(), args.pull_retries, &mut events);
    let digest = signals.unless_one_comes(pull).await?;
    if app.output() == OutputFormat::Text {
        stdio::print(&stdio::engine_line(digest.as_deref().unwrap_or_default()))?;
    }
    let image = Some(image.to_string());
    Ok(Outcome::success(DockerResult { digest, image, ..DockerResult::success(Action::Pull) }))
}
