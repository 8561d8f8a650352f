//! `cube inspect`: the engine's own JSON.

use cube::{Action, Error, TaskRef};
use futures_util::future::try_join_all;

use super::{
    app::{self, App},
    args::InspectArgs,
    ending::Ending,
};

pub async fn inspect(app: &App, args: &InspectArgs) -> Ending {
    match shown(app, args).await {
        Ok(()) => Ending::told(0),
        Err(error) => Ending::failure(Action::Inspect, error),
    }
}

async fn shown(app: &App, args: &InspectArgs) -> Result<(), Error> {
    let tasks: Vec<TaskRef> = args.tasks.iter().map(|t| t.parse()).collect::<Result<_, _>>()?;
    let docker = app.docker()?;
    let found = try_join_all(tasks.iter().map(|task| docker.inspect_raw(task))).await?;
    let mut text = Vec::new();
    let four = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut writer = serde_json::Serializer::with_formatter(&mut text, four);
    serde::Serialize::serialize(&found, &mut writer)
        .map_err(|e| Error::new(cube::ErrorKind::BadAnswer, e.to_string()))?;
    text.push(b'\n');
    app::print(&String::from_utf8_lossy(&text))
}
