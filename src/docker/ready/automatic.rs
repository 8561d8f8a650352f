//! `ready`: chooses the condition by the container. Its health check if it has one, else the protocols of its exposed
//! ports that cube knows, else that something listens on each exposed port.

use futures_util::future::try_join_all;

use crate::{
    config::value::{
        condition::server_protocol::ServerProtocol,
        port::{Port, Protocol},
    },
    docker::{
        details::Details,
        handle::RunningTask,
        ready::{check::Check, health, port::PortWatch, progress::Progress, protocol},
    },
    error::{Error, ErrorKind},
};

pub(crate) async fn wait(task: &RunningTask, container: &Details, progress: &Progress) -> Result<(), Error> {
    let has_health =
        container.health.as_ref().is_some_and(|health| !matches!(health.status.as_str(), "" | "none"));
    if has_health || Check::of(task).await.is_some() {
        return health::wait(task, container, progress).await;
    }
    let known: Vec<(u16, ServerProtocol)> = container
        .exposed
        .iter()
        .filter(|port| port.protocol == Protocol::Tcp)
        .filter_map(|port| Some((port.number, ServerProtocol::of_port(port.number)?)))
        .collect();
    if known.is_empty() {
        return PortWatch { task, container, progress }.wait(None).await;
    }
    let serve = known.into_iter().map(|(port, protocol)| serves(task, container, protocol, port, progress));
    try_join_all(serve).await.map(drop)
}

/// Waits for one port: by its protocol, or only for a listener if the port is not published.
async fn serves(
    task: &RunningTask,
    container: &Details,
    protocol: ServerProtocol,
    number: u16,
    progress: &Progress,
) -> Result<(), Error> {
    match protocol::wait(task, container, protocol, number, progress).await {
        Err(error) if error.kind() == ErrorKind::NotPublished => {
            let port = Port { number, protocol: Protocol::Tcp };
            PortWatch { task, container, progress }.wait(Some(port)).await
        }
        held => held,
    }
}
