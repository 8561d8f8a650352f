//! `cube pull`: an image, with progress and credentials.

use cube::{Action, DockerResult, Error, ImageRef, Platform};

use super::{
    app::App,
    args::{Output, PullArgs},
    ending::Ending,
    progress::Progress,
    signals::Signals,
    stdio,
};

pub async fn pull(app: &App, args: &PullArgs) -> Ending {
    match pulled(app, args).await {
        Ok(ending) => ending,
        Err(error) => {
            let mut ending = Ending::failure(Action::Pull, error);
            if let Some(result) = &mut ending.result {
                result.image = Some(args.image.clone());
            }
            ending
        }
    }
}

async fn pulled(app: &App, args: &PullArgs) -> Result<Ending, Error> {
    let image: ImageRef = args.image.parse()?;
    let platform =
        args.platform.as_deref().filter(|p| !p.is_empty()).map(str::parse::<Platform>).transpose()?;
    let docker = app.docker().await?;
    let mut progress = Progress::new(app);
    let mut signals = Signals::listen()?;
    let mut events = |event| progress.show(event);
    let digest = tokio::select! {
        digest = docker.pull(&image, platform.as_ref(), args.pull_retries, &mut events) => digest?,
        signal = signals.next() => return Err(Error::interrupted(signal?)),
    };
    if app.output() == Output::Text {
        stdio::print(&stdio::told(digest.as_deref().unwrap_or_default()))?;
    }
    let image = Some(image.to_string());
    Ok(Ending::success(DockerResult { digest, image, ..DockerResult::success(Action::Pull) }))
}
