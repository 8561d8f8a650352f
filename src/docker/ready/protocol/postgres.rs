//! PostgreSQL: cube sends a start-up message (protocol 3.0, "Message Formats" in the manual). A server that asks for
//! authentication, or refuses because of its configuration, accepts clients.

use std::io;

use tokio::io::AsyncWriteExt;

use crate::docker::ready::protocol::answer::{Answer, Connection, body, bytes};

/// Protocol version 3.0.
const VERSION: i32 = 3 << 16;
/// User and database need not exist: the server asks for a password anyway.
const PARAMETERS: &[u8] = b"user\0postgres\0database\0postgres\0application_name\0cube\0\0";
const TERMINATE: &[u8] = b"X\0\0\0\x04";
/// The longest message, in bytes.
const LONGEST: usize = 8 << 10;
/// How many notices may come before the answer.
const NOTICES: usize = 8;

pub(crate) async fn probe(server: &mut impl Connection) -> io::Result<Answer> {
    server.write_all(&start_up()).await?;
    for _ in 0..NOTICES {
        let [kind] = bytes::<1>(server).await?;
        if !matches!(kind, b'R' | b'E' | b'N' | b'v') {
            let rest = bytes::<6>(server).await.unwrap_or_default();
            return Ok(Answer::foreign("PostgreSQL", &[&[kind], rest.as_slice()].concat()));
        }
        let length = u32::from_be_bytes(bytes(server).await?).saturating_sub(4);
        let Ok(length @ 0..=LONGEST) = usize::try_from(length) else {
            return Ok(Answer::foreign("PostgreSQL", &[kind]));
        };
        let message = body(server, length, LONGEST).await?;
        match kind {
            b'R' => {
                end(server, &message).await?;
                return Ok(Answer::Ready);
            }
            b'E' => return Ok(refusal(&message)),
            _ => {}
        }
    }
    Ok(Answer::NotYet("it sends nothing but notices".to_owned()))
}

fn start_up() -> Vec<u8> {
    let length = u32::try_from(8 + PARAMETERS.len()).unwrap_or_default();
    [&length.to_be_bytes(), &VERSION.to_be_bytes(), PARAMETERS].concat()
}

/// Ends a session that began without a password. A client may simply close the connection when it is asked for one.
async fn end(server: &mut impl Connection, authentication: &[u8]) -> io::Result<()> {
    if authentication == [0; 4] {
        server.write_all(TERMINATE).await?;
    }
    server.shutdown().await
}

/// The meaning of an error, by its SQLSTATE ("PostgreSQL Error Codes" in the manual): 57P0x means that the server
/// starts, stops or recovers, 53300 that it has too many connections.
fn refusal(message: &[u8]) -> Answer {
    let field = |code: u8| {
        let mut fields = message.split(|byte| *byte == 0);
        let text = fields.find_map(|field| field.strip_prefix(&[code]))?;
        Some(String::from_utf8_lossy(text).into_owned())
    };
    let state = field(b'C').unwrap_or_default();
    if state.starts_with("57P0") || state == "53300" {
        return Answer::NotYet(format!("{} ({state})", field(b'M').unwrap_or_default()));
    }
    Answer::Ready
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::ready::protocol::answer::tests::answer_to;

    async fn answer(said: &[u8]) -> io::Result<Answer> {
        answer_to(said, async |server| probe(server).await).await
    }

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[kind], length.to_be_bytes().as_slice(), body].concat()
    }

    #[tokio::test]
    async fn a_request_for_authentication_is_ready_whatever_it_asks_for() {
        for request in [[0, 0, 0, 0], [0, 0, 0, 3], [0, 0, 0, 10]] {
            assert_eq!(answer(&message(b'R', &request)).await.unwrap(), Answer::Ready);
        }
        let noticed = [message(b'N', b"Mhello\0\0"), message(b'R', &[0, 0, 0, 5, 1, 2, 3, 4])].concat();
        assert_eq!(answer(&noticed).await.unwrap(), Answer::Ready);
    }

    #[tokio::test]
    async fn only_a_server_that_accepts_nobody_is_not_ready() {
        for (state, ready) in
            [("57P03", false), ("57P01", false), ("53300", false), ("28000", true), ("3D000", true)]
        {
            let error = format!("SFATAL\0C{state}\0Mthe database system is starting up\0\0");
            let answer = answer(&message(b'E', error.as_bytes())).await.unwrap();
            assert_eq!(answer == Answer::Ready, ready, "{state}: {answer:?}");
            if !ready {
                assert_eq!(answer, Answer::NotYet(format!("the database system is starting up ({state})")));
            }
        }
    }
}
