//! `port`: a process of the task listens, reachable from outside. docker-proxy takes connections while
//! nothing listens, so a connection alone proves nothing.

use std::{io, time::Duration};

use tokio::{
    io::AsyncReadExt,
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use super::{exec, proc::Process, seen::Seen, sockets};
use crate::{Binding, Container, Docker, Error, ErrorKind, Port, Protocol};

/// The least pause between two looks at the kernel's tables (some 30 µs a look).
const LOOK: Duration = Duration::from_millis(5);
/// A long table is read so many times its own reading time apart.
const REST: u32 = 10;
/// The pause between two commands in the container, or two connections.
const ASK: Duration = Duration::from_millis(100);
/// How long a connection must stay open: docker-proxy closes it as soon as it meets no listener.
const STAYS: Duration = Duration::from_millis(100);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(1);

pub(super) async fn hold(
    docker: &Docker,
    container: &Container,
    port: Option<Port>,
    seen: &Seen,
) -> Result<(), Error> {
    let ports = match port {
        Some(port) => vec![port],
        None => exposed(container)?,
    };
    let mut open = ports.as_slice();
    let loopback = container.network_mode == "host";
    if local(docker, container, &mut open, loopback, seen).await? {
        return Ok(());
    }
    if inside(docker, container, &mut open, loopback, seen).await? {
        return Ok(());
    }
    for port in open {
        from_outside(docker, container, *port, seen).await?;
    }
    Ok(())
}

fn exposed(container: &Container) -> Result<Vec<Port>, Error> {
    let ports: Vec<Port> =
        container.exposed.iter().copied().filter(|port| port.protocol == Protocol::Tcp).collect();
    if ports.is_empty() {
        return Err(Error::invalid("condition", "port", "the container exposes no tcp port")
            .with_hint("name the port, such as port=5432, or expose it: --expose 5432"));
    }
    Ok(ports)
}

/// Watches the kernel's tables. `false` if they cannot be read here.
async fn local(
    docker: &Docker,
    container: &Container,
    open: &mut &[Port],
    loopback: bool,
    seen: &Seen,
) -> Result<bool, Error> {
    let mut process = Process::of(container, docker.address());
    // A task between two starts has no process yet.
    let mut now = container.clone();
    loop {
        let Some(there) = &process else {
            if now.pid != 0 {
                return Ok(false);
            }
            seen.note("the task has no process");
            sleep(ASK).await;
            now = docker.inspect(&container.id).await?;
            process = Process::of(&now, docker.address());
            continue;
        };
        let begun = Instant::now();
        match check(open, loopback, seen, |protocol| there.sockets(protocol)) {
            // The number may have become another process's since.
            Ok(true) if there.belongs_to(&container.id) => return Ok(true),
            Ok(false) => sleep(LOOK.max(begun.elapsed() * REST)).await,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(false),
            Ok(true) | Err(_) => {
                sleep(LOOK).await;
                now = docker.inspect(&container.id).await?;
                process = Process::of(&now, docker.address());
            }
        }
    }
}

/// Takes from `open` what is listened on; whether nothing is left.
fn check(
    open: &mut &[Port],
    loopback: bool,
    seen: &Seen,
    table: impl Fn(Protocol) -> io::Result<String>,
) -> io::Result<bool> {
    while let Some((port, rest)) = open.split_first() {
        let listeners = sockets::listeners(&table(port.protocol)?, port.protocol);
        if !sockets::reachable(&listeners, *port, loopback) {
            seen.note(sockets::tell(&listeners, *port));
            return Ok(false);
        }
        *open = rest;
    }
    Ok(true)
}

/// Has the container print its tables. `false` if it has no `cat`.
async fn inside(
    docker: &Docker,
    container: &Container,
    open: &mut &[Port],
    loopback: bool,
    seen: &Seen,
) -> Result<bool, Error> {
    while let Some(port) = open.first() {
        let files = [format!("/proc/net/{}", port.protocol), format!("/proc/net/{}6", port.protocol)];
        let command = std::iter::once("cat".to_owned()).chain(files).collect();
        match exec::output(docker, container, command).await {
            Ok(run) if !run.output.contains("local_address") => return Ok(false),
            Ok(run) => {
                if check(open, loopback, seen, |_| Ok(run.output.clone())).unwrap_or_default() {
                    return Ok(true);
                }
            }
            Err(error) if exec::passes(&error) => seen.note(error.to_string()),
            Err(error) if error.kind() == ErrorKind::TaskNotFound => return Err(error),
            Err(_) => return Ok(false),
        }
        sleep(ASK).await;
    }
    Ok(true)
}

/// Connects to where the port is published until a connection stays open.
async fn from_outside(docker: &Docker, container: &Container, port: Port, seen: &Seen) -> Result<(), Error> {
    if port.protocol != Protocol::Tcp {
        let message = format!("whether the task listens on {port} cannot be seen from here");
        return Err(Error::new(ErrorKind::Unsupported, message)
            .with_hint("use another condition: log=REGEX, healthy or exec=COMMAND"));
    }
    let bindings = published(docker, container, port)?;
    loop {
        for at in &bindings {
            match stays_open(at).await {
                Ok(()) => return Ok(()),
                Err(error) => seen.note(format!("{at}: {error}")),
            }
        }
        sleep(ASK).await;
    }
}

/// Where a client of the engine reaches a port of the container.
///
/// # Errors
/// [`ErrorKind::NotPublished`].
pub(super) fn published(docker: &Docker, container: &Container, port: Port) -> Result<Vec<Binding>, Error> {
    let bindings = container.ports(docker.address()).remove(&port).unwrap_or_default();
    if !bindings.is_empty() {
        return Ok(bindings);
    }
    if container.network_mode == "host" {
        let here = Binding { host: "0.0.0.0".to_owned(), port: port.number };
        return Ok(vec![crate::docker::inspect::reachable(&here, docker.address())]);
    }
    let message = format!("port {port} is not published, so it cannot be reached from here");
    Err(Error::new(ErrorKind::NotPublished, message).with_hint(format!("publish it: -p {}", port.number)))
}

async fn stays_open(at: &Binding) -> io::Result<()> {
    let mut stream = timeout(CONNECT, TcpStream::connect((at.host.as_str(), at.port)))
        .await
        .map_err(|_| io::Error::other("no answer to the connection"))??;
    match timeout(STAYS, stream.read_u8()).await {
        Err(_) | Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) => Err(io::Error::other("the connection was closed at once: nothing listens behind it")),
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncWriteExt, net::TcpListener};

    use super::*;

    #[test]
    fn ports_are_taken_off_as_they_are_listened_on() {
        let table = " 0: 00000000:0050 00000000:0000 0A\n";
        let ports = ["80".parse().unwrap(), "81".parse().unwrap()];
        let mut open = ports.as_slice();
        assert!(!check(&mut open, false, &Seen::default(), |_| Ok(table.to_owned())).unwrap());
        assert_eq!(open, &ports[1..]);
        let table = " 0: 00000000:0051 00000000:0000 0A\n";
        assert!(check(&mut open, false, &Seen::default(), |_| Ok(table.to_owned())).unwrap());
    }

    #[tokio::test]
    async fn only_a_connection_that_stays_open_counts() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = Binding { host: "127.0.0.1".into(), port: listener.local_addr().unwrap().port() };
        let server = async {
            drop(listener.accept().await.unwrap());
            let mut greeting = listener.accept().await.unwrap().0;
            greeting.write_all(b"hello").await.unwrap();
            let _silent = listener.accept().await.unwrap();
            std::future::pending::<()>().await;
        };
        let client = async {
            assert!(stays_open(&at).await.unwrap_err().to_string().contains("nothing listens"));
            stays_open(&at).await.unwrap();
            stays_open(&at).await.unwrap();
        };
        tokio::select! { () = server => {}, () = client => {} }
    }
}
