//! AMQP 0-9-1 (RabbitMQ): cube sends the protocol header, and the server answers with `Connection.Start` (section 4.2
//! of the specification). A server that answers with its own header has another version of AMQP, but is ready too.

use std::io;

use tokio::io::AsyncWriteExt;

use crate::docker::ready::protocol::answer::{Answer, Connection, bytes};

const HEADER: &[u8] = b"AMQP\0\0\x09\x01";
/// A method frame on channel 0.
const METHOD: [u8; 3] = [1, 0, 0];
/// Class connection, method start.
const START: [u8; 4] = [0, 10, 0, 10];

pub(crate) async fn probe(server: &mut impl Connection) -> io::Result<Answer> {
    server.write_all(HEADER).await?;
    let head: [u8; 7] = bytes(server).await?;
    let answer = if head.starts_with(b"AMQP") {
        Answer::Ready
    } else if head.starts_with(&METHOD) {
        let method: [u8; 4] = bytes(server).await?;
        if method == START {
            Answer::Ready
        } else {
            Answer::NotYet("it does not begin a connection".to_owned())
        }
    } else {
        Answer::foreign("AMQP", &head)
    };
    server.shutdown().await?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::ready::protocol::answer::tests::answer_to;

    async fn answer(said: &[u8]) -> io::Result<Answer> {
        answer_to(said, async |server| probe(server).await).await
    }

    #[tokio::test]
    async fn the_start_of_a_connection_is_ready() {
        let start = b"\x01\0\0\0\0\x01\xf6\0\x0a\0\x0a\0\x09more";
        assert_eq!(answer(start).await.unwrap(), Answer::Ready);
        assert_eq!(answer(b"AMQP\x03\x01\0\0").await.unwrap(), Answer::Ready);
        let close = b"\x01\0\0\0\0\0\x0e\0\x0a\0\x32";
        assert!(matches!(answer(close).await.unwrap(), Answer::NotYet(_)));
    }
}
