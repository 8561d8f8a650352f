//! `port`: a process of the task listens, reachable from outside. docker-proxy takes connections while
//! nothing listens, so a connection alone proves nothing.

use std::{io, time::Duration};

use tokio::{
    io::AsyncReadExt,
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use crate::{
    address::Address,
    config::value::port::{Binding, Port, Protocol},
    docker::{
        details::Details,
        handle::RunningTask,
        ready::{
            exec,
            proc::ContainerProcess,
            progress::{LOOPBACK_HINT, Progress},
            published::Published,
            sockets,
        },
    },
    error::{Error, ErrorKind},
};

/// The pause between two looks at how many sockets there are (some 50 µs a look).
const LOOK: Duration = Duration::from_millis(5);
/// Reading the tables takes milliseconds where the kernel's hash is large. They are read again after
/// so many times as long if the number of sockets changed, and if it did not.
const CHANGED_REST: u32 = 2;
const REST: u32 = 10;
/// The pause between two commands in the container, or two connections.
const ASK: Duration = Duration::from_millis(100);
/// How often the container's `cat` may fail before it is held for useless.
const CAT_TRIES: u32 = 3;
/// How long a connection must stay open: docker-proxy closes it as soon as it meets no listener.
const STAYS: Duration = Duration::from_millis(100);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(1);

pub(crate) async fn hold(
    task: &RunningTask,
    container: &Details,
    port: Option<Port>,
    seen: &Progress,
) -> Result<(), Error> {
    let ports = match port {
        Some(port) => vec![port],
        None => exposed(container)?,
    };
    let mut open = ports.as_slice();
    // Into a task on another node nobody sees from here.
    if task.is_service() {
        for port in open {
            from_outside(task, container, *port, seen).await?;
        }
        return Ok(());
    }
    let loopback = container.network_mode == "host";
    if local(task, container, &mut open, loopback, seen).await? {
        return Ok(());
    }
    if inside(task, &mut open, loopback, seen).await? {
        return Ok(());
    }
    for port in open {
        from_outside(task, container, *port, seen).await?;
    }
    Ok(())
}

fn exposed(container: &Details) -> Result<Vec<Port>, Error> {
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
    task: &RunningTask,
    container: &Details,
    open: &mut &[Port],
    loopback: bool,
    seen: &Progress,
) -> Result<bool, Error> {
    let mut now = container.clone();
    let mut process = ContainerProcess::of(&now, task.docker().address());
    loop {
        let Some(there) = &process else {
            let before = now.pid;
            if !matches!(task.docker().address(), Address::Unix(_)) {
                return Ok(false);
            }
            // A task between two starts has no process, and the engine may not have noted it yet.
            seen.note("the task has no process on this machine");
            sleep(ASK).await;
            now = task.inspect().await?;
            process = ContainerProcess::of(&now, task.docker().address());
            if process.is_none() && now.pid == before && before != 0 {
                return Ok(false);
            }
            continue;
        };
        let (begun, counts) = (Instant::now(), there.counts());
        match check(open, loopback, seen, |protocol| there.sockets(protocol)) {
            // The number may have become another process's since.
            Ok(true) if there.belongs_to(&container.id) => return Ok(true),
            Ok(false) => change(there, &counts, begun.elapsed()).await,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(false),
            Ok(true) | Err(_) => process = None,
        }
    }
}

/// Returns when the tables, which took `reading`, are worth another look.
async fn change(process: &ContainerProcess, counts: &[String], reading: Duration) {
    let done = Instant::now();
    loop {
        sleep(LOOK).await;
        let rested = done.elapsed();
        let changed = rested >= reading * CHANGED_REST && process.counts() != counts;
        if changed || rested >= reading * REST {
            return;
        }
    }
}

/// Takes from `open` what is listened on; whether nothing is left.
fn check(
    open: &mut &[Port],
    loopback: bool,
    seen: &Progress,
    table: impl Fn(Protocol) -> io::Result<String>,
) -> io::Result<bool> {
    while let Some((port, rest)) = open.split_first() {
        let listeners = sockets::listeners(&table(port.protocol)?, port.protocol);
        if !sockets::reachable(&listeners, *port, loopback) {
            let hint = sockets::on_loopback(&listeners, *port).then_some(LOOPBACK_HINT);
            seen.note_with(sockets::describe(&listeners, *port), hint);
            return Ok(false);
        }
        *open = rest;
    }
    Ok(true)
}

/// Has the container print its tables. `false` if it has no `cat`.
async fn inside(
    task: &RunningTask,
    open: &mut &[Port],
    loopback: bool,
    seen: &Progress,
) -> Result<bool, Error> {
    let mut failures = 0;
    while let Some(port) = open.first() {
        let files = [format!("/proc/net/{}", port.protocol), format!("/proc/net/{}6", port.protocol)];
        let command = std::iter::once("cat".to_owned()).chain(files).collect();
        match exec::output(task, command).await {
            Ok(run) if run.output.contains("local_address") => {
                failures = 0;
                if check(open, loopback, seen, |_| Ok(run.output.clone())).unwrap_or_default() {
                    return Ok(true);
                }
            }
            // A task that ends meanwhile takes the command with it, and may be started again.
            Ok(run) if exec::is_missing(&run) || failures >= CAT_TRIES => return Ok(false),
            Ok(_) => failures += 1,
            Err(error) if exec::passes(&error) => seen.note(error.to_string()),
            Err(error) if error.kind() == ErrorKind::TaskNotFound => return Err(error),
            Err(_) => return Ok(false),
        }
        sleep(ASK).await;
    }
    Ok(true)
}

/// Connects to where the port is published until a connection stays open.
async fn from_outside(
    task: &RunningTask,
    container: &Details,
    port: Port,
    seen: &Progress,
) -> Result<(), Error> {
    if port.protocol != Protocol::Tcp {
        let message = format!("whether the task listens on {port} cannot be seen from here");
        return Err(Error::new(ErrorKind::Unsupported, message)
            .with_hint("use another condition: log=REGEX, healthy or exec=COMMAND"));
    }
    let mut published = Published::of(task, container, port)?;
    loop {
        for at in published.bindings(task).await?.iter().take(1) {
            match stays_open(at).await {
                Ok(()) => return Ok(()),
                Err(error) => seen.note(format!("{at}: {error}")),
            }
        }
        sleep(ASK).await;
    }
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
        assert!(!check(&mut open, false, &Progress::default(), |_| Ok(table.to_owned())).unwrap());
        assert_eq!(open, &ports[1..]);
        let table = " 0: 00000000:0051 00000000:0000 0A\n";
        assert!(check(&mut open, false, &Progress::default(), |_| Ok(table.to_owned())).unwrap());
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
