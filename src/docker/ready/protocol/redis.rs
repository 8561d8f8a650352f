//! Redis, Valkey and others: cube sends `PING` as a line ("Inline commands" in the protocol's specification). Any reply
//! but "not now" means that the server accepts clients. A server with a password asks for it even while it loads its
//! data, so there the reply shows only that it answers.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::docker::ready::protocol::answer::{Answer, Connection};

const PING: &[u8] = b"PING\r\n";
const QUIT: &[u8] = b"QUIT\r\n";
/// Errors of a server that is loading its data, cannot reach its primary, or is running a script.
const NOT_YET: [&str; 3] = ["-LOADING", "-MASTERDOWN", "-BUSY "];
/// Protected mode: the server accepts only clients on its loopback address, and closes the connection.
const DENIED: &str = "-DENIED";
/// The first byte of each kind of reply.
const KINDS: &[u8] = b"+-:$*_#,(!=%~>|";
/// How much of a reply is read, in bytes.
const LONGEST: u64 = 1 << 10;
/// How long the server may take to close the connection.
const GOODBYE: Duration = Duration::from_millis(100);

pub(crate) async fn probe(server: &mut impl Connection) -> io::Result<Answer> {
    server.write_all(PING).await?;
    let mut reply = Vec::new();
    let mut line = (&mut *server).take(LONGEST);
    while !reply.contains(&b'\n') && line.read_buf(&mut reply).await? > 0 {}
    // Only the first line is the reply, whatever came with it.
    let end = reply.iter().position(|byte| *byte == b'\n').map_or(reply.len(), |end| end + 1);
    reply.truncate(end);
    let answer = meaning(&reply)?;
    if answer == Answer::Ready {
        goodbye(server).await;
    }
    Ok(answer)
}

fn meaning(reply: &[u8]) -> io::Result<Answer> {
    let kind = reply.first().ok_or(io::ErrorKind::UnexpectedEof)?;
    if !KINDS.contains(kind) || !reply.ends_with(b"\n") {
        let denied = reply.starts_with(DENIED.as_bytes());
        return Ok(if denied { denied_answer() } else { Answer::foreign("Redis", reply) });
    }
    let reply = String::from_utf8_lossy(reply);
    Ok(match reply.trim_end() {
        reply if reply.starts_with(DENIED) => denied_answer(),
        reply if NOT_YET.iter().any(|word| reply.starts_with(word)) => {
            Answer::NotYet(reply.trim_start_matches('-').to_owned())
        }
        _ => Answer::Ready,
    })
}

fn denied_answer() -> Answer {
    Answer::Never {
        why: "it runs in protected mode, without a password (-DENIED)".to_owned(),
        hint: "give it a password (requirepass), or start it with --protected-mode no",
    }
}

/// Lets the server close the connection first, so that it logs no reset connection.
async fn goodbye(server: &mut impl Connection) {
    if server.write_all(QUIT).await.is_ok() {
        let mut rest = Vec::new();
        let _ = timeout(GOODBYE, server.take(LONGEST).read_to_end(&mut rest)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::ready::protocol::answer::tests::answer_to;

    async fn answer(said: &[u8]) -> io::Result<Answer> {
        answer_to(said, async |server| probe(server).await).await
    }

    #[tokio::test]
    async fn any_reply_of_a_server_that_accepts_clients_means_ready() {
        let long = format!("-ERR unknown command, with args beginning with: {}\r\n", "x".repeat(900));
        for reply in [
            "+PONG\r\n",
            "+PONG\r\n:1\r\n+OK",
            "-NOAUTH Authentication required.\r\n",
            "-ERR unknown command\r\n",
            "$4\r\n",
            &long,
        ] {
            assert_eq!(answer(reply.as_bytes()).await.unwrap(), Answer::Ready, "{reply}");
        }
    }

    #[tokio::test]
    async fn a_server_that_is_loading_or_busy_is_not_ready() {
        let loading = "-LOADING Redis is loading the dataset in memory\r\n";
        for reply in [loading, "-MASTERDOWN Link with MASTER is down\r\n", "-BUSY Redis is busy\r\n"] {
            match answer(reply.as_bytes()).await.unwrap() {
                Answer::NotYet(why) => assert_eq!(format!("-{why}\r\n"), reply),
                other => panic!("{reply}: {other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn protected_mode_never_passes() {
        let long = format!("-DENIED Redis is running in protected mode because {}\r\n", "x".repeat(900));
        for reply in ["-DENIED Redis is running in protected mode\r\n", &long] {
            let answer = answer(reply.as_bytes()).await.unwrap();
            assert!(matches!(answer, Answer::Never { .. }), "{answer:?}");
        }
    }
}
