//! `port`: a process of the task listens on the port, reachable from outside. docker-proxy accepts connections even if
//! nothing listens in the container, so a connection alone proves nothing.

mod schedule;
pub(crate) mod sockets;

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
            port::schedule::Schedule,
            proc::ContainerProcess,
            progress::{LOOPBACK_HINT, Progress},
            published::Published,
        },
    },
    error::{Error, ErrorKind},
};

/// The pause between two commands in the container, or two connections.
const ASK: Duration = Duration::from_millis(100);
/// How often the container's `cat` may fail before cube gives it up.
const CAT_TRIES: u32 = 3;
/// How long a connection must stay open: docker-proxy closes it at once if nothing listens.
const STAYS: Duration = Duration::from_millis(100);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(1);

/// Waits for listeners on the ports of one container.
pub(crate) struct PortWatch<'a> {
    pub(crate) task: &'a RunningTask,
    pub(crate) container: &'a Details,
    pub(crate) progress: &'a Progress,
}

/// The ports without a listener so far.
struct OpenPorts<'a> {
    left: &'a [Port],
    /// Whether listeners on the loopback address can be reached from outside.
    loopback: bool,
    progress: &'a Progress,
}

/// The result of watching a process's socket tables.
enum InTables {
    /// All ports have a listener.
    All,
    /// The tables cannot be read.
    Hidden,
    /// The process is gone.
    Gone,
}

impl PortWatch<'_> {
    /// Returns when something listens on `port`; without a port, on every tcp port that the container exposes.
    pub(crate) async fn wait(&self, port: Option<Port>) -> Result<(), Error> {
        let ports = match port {
            Some(port) => vec![port],
            None => exposed(self.container)?,
        };
        let loopback = self.container.network_mode == "host";
        let mut open = OpenPorts { left: &ports, loopback, progress: self.progress };
        // A task on another node cannot be inspected from here.
        let is_seen = !self.task.is_service()
            && (Box::pin(self.local(&mut open)).await? || Box::pin(self.inside(&mut open)).await?);
        if !is_seen {
            for port in open.left {
                self.reach_from_outside(*port).await?;
            }
        }
        Ok(())
    }

    /// Watches the kernel's tables. `false` if they cannot be read here.
    async fn local(&self, open: &mut OpenPorts<'_>) -> Result<bool, Error> {
        let engine = self.task.docker().address();
        if !matches!(engine, Address::Unix(_)) {
            return Ok(false);
        }
        let mut process = ContainerProcess::of(self.container, engine);
        let mut pid = self.container.pid;
        loop {
            if let Some(process) = process {
                match self.in_tables(&process, open).await {
                    InTables::All => return Ok(true),
                    InTables::Hidden => return Ok(false),
                    InTables::Gone => {}
                }
            }
            // Between two starts a task has no process, and the engine may not have noticed yet.
            self.progress.note("the task has no process on this machine");
            sleep(ASK).await;
            let now = self.task.inspect().await?;
            process = ContainerProcess::of(&now, engine);
            if process.is_none() && now.pid == pid && pid != 0 {
                return Ok(false);
            }
            pid = now.pid;
        }
    }

    /// Watches the tables of one process.
    async fn in_tables(&self, process: &ContainerProcess, open: &mut OpenPorts<'_>) -> InTables {
        let counters = process.counters();
        let mut schedule = Schedule::new();
        loop {
            let (begun, counts) = (Instant::now(), counters.read());
            match open.check(|protocol| process.sockets(protocol, &counts)) {
                // The pid may belong to another process by now.
                Ok(true) if process.belongs_to(&self.container.id) => return InTables::All,
                Ok(false) => schedule.change(begun.elapsed(), || counters.read() != counts).await,
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return InTables::Hidden,
                Ok(true) | Err(_) => return InTables::Gone,
            }
        }
    }

    /// Reads the tables with the container's `cat`. `false` if it has none.
    async fn inside(&self, open: &mut OpenPorts<'_>) -> Result<bool, Error> {
        let mut failures = 0;
        while let Some(port) = open.left.first() {
            let files = [format!("/proc/net/{}", port.protocol), format!("/proc/net/{}6", port.protocol)];
            let command = std::iter::once("cat".to_owned()).chain(files).collect();
            match exec::output(self.task, command).await {
                Ok(run) if run.output.contains("local_address") => {
                    failures = 0;
                    if open.check(|_| Ok(run.output.clone())).unwrap_or_default() {
                        return Ok(true);
                    }
                }
                // If the task ends, the command fails too; the task may be restarted.
                Ok(run) if exec::is_missing(&run) || failures >= CAT_TRIES => return Ok(false),
                Ok(_) => failures += 1,
                Err(error) if exec::passes(&error) => self.progress.note(error.to_string()),
                Err(error) if error.kind() == ErrorKind::TaskNotFound => return Err(error),
                Err(_) => return Ok(false),
            }
            sleep(ASK).await;
        }
        Ok(true)
    }

    /// Connects to the published port until a connection stays open.
    async fn reach_from_outside(&self, port: Port) -> Result<(), Error> {
        if port.protocol != Protocol::Tcp {
            let message = format!("whether the task listens on {port} cannot be seen from here");
            return Err(Error::new(ErrorKind::Unsupported, message)
                .with_hint("use another condition: log=REGEX, healthy or exec=COMMAND"));
        }
        let mut published = Published::of(self.task, self.container, port)?;
        loop {
            for at in published.bindings(self.task).await?.iter().take(1) {
                match stays_open(at).await {
                    Ok(()) => return Ok(()),
                    Err(error) => self.progress.note(format!("{at}: {error}")),
                }
            }
            sleep(ASK).await;
        }
    }
}

impl OpenPorts<'_> {
    /// Removes the ports that have a listener; returns whether none is left.
    fn check(&mut self, table: impl Fn(Protocol) -> io::Result<String>) -> io::Result<bool> {
        while let Some((port, rest)) = self.left.split_first() {
            let listeners = sockets::listeners(&table(port.protocol)?, port.protocol);
            if !sockets::reachable(&listeners, *port, self.loopback) {
                let hint = sockets::on_loopback(&listeners, *port).then_some(LOOPBACK_HINT);
                self.progress.note_with(sockets::describe(&listeners, *port), hint);
                return Ok(false);
            }
            self.left = rest;
        }
        Ok(true)
    }
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
    fn ports_with_a_listener_are_removed() {
        let ports = ["80".parse().unwrap(), "81".parse().unwrap()];
        let progress = Progress::default();
        let mut open = OpenPorts { left: &ports, loopback: false, progress: &progress };
        let table = " 0: 00000000:0050 00000000:0000 0A\n";
        assert!(!open.check(|_| Ok(table.to_owned())).unwrap());
        assert_eq!(
            (open.left, progress.text()),
            (&ports[1..], "nothing listens on 81/tcp; listening: 0.0.0.0:80".into())
        );
        let table = " 0: 00000000:0051 00000000:0000 0A\n";
        assert!(open.check(|_| Ok(table.to_owned())).unwrap());
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
