//! `postgres`, `mysql`, `redis`, `amqp`: cube sends the first messages of the protocol to the published port, and the
//! server answers. This needs no client program and no password, and a probe ends like a client.
//!
//! To add a protocol, add a file here, an arm in [`speak`] and a word of the condition.

mod amqp;
pub(crate) mod answer;
mod mysql;
mod postgres;
mod redis;

use std::{io, time::Duration};

use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    config::value::{
        condition::server_protocol::ServerProtocol,
        duration,
        port::{Binding, Port, Protocol},
    },
    docker::{
        details::Details,
        handle::RunningTask,
        ready::{
            progress::Progress,
            protocol::answer::{Answer, Connection},
            published::Published,
        },
    },
    error::{Error, ErrorKind, Origin},
};

/// The pause between two probes: each may leave a line in the server's log.
const AGAIN: Duration = Duration::from_millis(150);
/// How long the first probe may take. Each probe that takes too long doubles the limit, so that a busy server is ready
/// too.
const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(16);
/// Returns when the server behind `port` accepts clients.
pub(crate) async fn wait(
    task: &RunningTask,
    container: &Details,
    protocol: ServerProtocol,
    port: u16,
    progress: &Progress,
) -> Result<(), Error> {
    let port = Port { number: port, protocol: Protocol::Tcp };
    let mut published = Published::of(task, container, port)?;
    let mut limit = FIRST;
    loop {
        for at in published.bindings(task).await? {
            match timeout(limit, probe(at, protocol)).await {
                Ok(Ok(Answer::Ready)) => return Ok(()),
                Ok(Ok(Answer::Never { why, hint })) => return Err(never(at, &why, hint)),
                Ok(Ok(Answer::NotYet(why))) => {
                    progress.note(format!("{at}: {why}"));
                    // The other bindings lead to the same server.
                    break;
                }
                Ok(Err(error)) => progress.note(format!("{at}: {}", describe(&error))),
                Err(_) => {
                    let limit_text = duration::format(limit);
                    progress.note(format!("{at} did not answer as {protocol} within {limit_text}"));
                    limit = LONGEST.min(limit * 2);
                }
            }
        }
        sleep(AGAIN).await;
    }
}

async fn probe(at: &Binding, protocol: ServerProtocol) -> io::Result<Answer> {
    let mut stream = TcpStream::connect((at.host.as_str(), at.port)).await?;
    speak(&mut stream, protocol).await
}

pub(crate) async fn speak(server: &mut impl Connection, protocol: ServerProtocol) -> io::Result<Answer> {
    match protocol {
        ServerProtocol::Postgres => postgres::probe(server).await,
        ServerProtocol::Mysql => mysql::probe(server).await,
        ServerProtocol::Redis => redis::probe(server).await,
        ServerProtocol::Amqp => amqp::probe(server).await,
    }
}

/// Describes a failed probe. docker-proxy accepts connections and closes them if nothing listens.
fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "the connection was closed before an answer".to_owned()
        }
        _ => error.to_string(),
    }
}

fn never(at: &Binding, why: &str, hint: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("the server at {at} takes no client from here: {why}"))
        .with_origin(Origin::Task)
        .with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::ready::protocol::answer::tests::answer_to;

    const ALL: [ServerProtocol; 4] =
        [ServerProtocol::Postgres, ServerProtocol::Mysql, ServerProtocol::Redis, ServerProtocol::Amqp];

    #[tokio::test]
    async fn another_protocol_is_no_answer_and_is_quoted() {
        let http = b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n";
        for protocol in ALL {
            let answer = answer_to(http, async |server| speak(server, protocol).await).await.unwrap();
            let Answer::NotYet(why) = answer else { panic!("{protocol}: {answer:?}") };
            assert!(why.contains("does not speak") && why.contains("HTTP/1."), "{why}");
        }
    }

    #[tokio::test]
    async fn a_server_that_closes_has_not_answered() {
        for protocol in ALL {
            let error = answer_to(b"", async |server| speak(server, protocol).await).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{protocol}");
        }
    }

    #[tokio::test]
    async fn a_probe_survives_any_bytes() {
        let mut random = 0x2545_F491_4F6C_DD1D_u64;
        for round in 0..400_usize {
            // Half of the bytes come from a few values, so that they are more often a message of the protocol.
            let few = if round % 2 == 0 { 256 } else { 12 };
            let byte = || {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                u8::try_from(random % few).unwrap()
            };
            let said: Vec<u8> = std::iter::repeat_with(byte).take(round % 90).collect();
            for protocol in ALL {
                let _ = answer_to(&said, async |server| speak(server, protocol).await).await;
            }
        }
    }
}
