//! `cube inspect`: the engine's own JSON.

use cube::{Error, ErrorKind, TaskRef};
use futures_util::future::join_all;
use serde::Serialize;

use crate::cli::{
    app::App,
    args::{commands::InspectArgs, global::OutputFormat},
    outcome::Outcome,
    output::{render::json, stdio},
};

/// Shows the tasks that were found even if others are missing, as `docker inspect` does.
pub async fn inspect(app: &App, args: &InspectArgs) -> Result<Outcome, Error> {
    let tasks: Vec<TaskRef> = args.tasks.iter().map(|t| t.parse()).collect::<Result<_, _>>()?;
    let docker = app.docker().await?;
    let looked_up = join_all(tasks.iter().map(|task| docker.inspect_raw(task))).await;
    let (mut found, mut failed) = (Vec::new(), None);
    for looked in looked_up {
        match looked {
            Ok(container) => found.push(container),
            Err(error) => {
                if let Some(earlier) = failed.replace(error) {
                    stdio::error(&earlier, app.colors_errors());
                }
            }
        }
    }
    // With -o json there is exactly one document, so a failure prints no tasks.
    if failed.is_none() || app.output() != OutputFormat::Json {
        stdio::print(&indented(&found)?)?;
    }
    failed.map_or_else(|| Ok(Outcome::reported(0)), Err)
}

/// JSON indented by four, as `docker inspect` prints it.
fn indented(found: &[serde_json::Value]) -> Result<String, Error> {
    let mut text = Vec::new();
    let four = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    found
        .serialize(&mut serde_json::Serializer::with_formatter(&mut text, four))
        .map_err(|e| Error::new(ErrorKind::BadAnswer, e.to_string()))?;
    text.push(b'\n');
    Ok(json::escaped(&String::from_utf8_lossy(&text)))
}
