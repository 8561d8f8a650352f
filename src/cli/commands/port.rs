//! `cube port`: where a task's ports are published.

use cube::{Action, Details, Error, ErrorKind, Port, TaskRef};

use crate::cli::{
    app::App,
    args::{commands::PortArgs, global::OutputFormat},
    outcome::Outcome,
    output::stdio,
};

pub async fn port(app: &App, args: &PortArgs) -> Result<Outcome, Error> {
    let task: TaskRef = args.task.parse()?;
    let port: Option<Port> = args.port.as_deref().map(str::parse).transpose()?;
    let docker = app.docker().await?;
    let (_, container) = docker.find(&task).await?;
    let result = container.result(Action::Port, docker.address());
    let text = match port {
        Some(port) => {
            let binding = result.ports.get(&port).and_then(|b| b.first());
            format!("{}\n", binding.ok_or_else(|| not_published(&args.task, port, &container))?)
        }
        None => every(&container),
    };
    if app.output() == OutputFormat::Text {
        stdio::print(&text)?;
    }
    Ok(Outcome::success(result))
}

/// Every binding, as the engine reports it.
fn every(container: &Details) -> String {
    let each = container
        .published
        .iter()
        .flat_map(|(port, bindings)| bindings.iter().map(move |binding| format!("{port} -> {binding}\n")));
    each.collect()
}

fn not_published(task: &str, port: Port, container: &Details) -> Error {
    let hint = if container.is_alive() {
        format!("`cube port {task}` lists what is; start the task with --publish {port}")
    } else {
        "a task publishes its ports while it runs".to_owned()
    };
    Error::new(ErrorKind::NotPublished, format!("port {port} of {task} is not published"))
        .with_hint(hint)
        .with_container(container.id.as_str())
}
