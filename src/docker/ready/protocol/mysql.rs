//! MySQL and MariaDB: reads the greeting and does a complete login, which fails ("Connection Phase" in their manuals).
//! A handshake that is not completed would count as a fault of the client's host; the server blocks a host after 100.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::docker::ready::protocol::answer::{Answer, Connection, body, bytes};

/// The first byte of a packet: greeting, error, change of authentication method, more data, successful login.
const GREETING: u8 = 10;
const ERROR: u8 = 0xff;
const OTHER_METHOD: u8 = 0xfe;
const MORE: u8 = 1;
const LOGGED_IN: u8 = 0;
/// Errors: too many connections; the host is blocked.
const NOT_YET: [u16; 2] = [1040, 1129];
/// Capabilities: long password, protocol 4.1, plugin authentication.
const CAPABILITIES: u32 = 1 | 0x200 | 0x8000 | 0x8_0000;
const LONGEST_PACKET: u32 = 1 << 24;
const UTF8: u8 = 33;
/// A user that does not exist, an empty password, and a method that both servers know.
const USER: &[u8] = b"cube-probe\0\0mysql_native_password\0";
const QUIT: &[u8] = &[1, 0, 0, 0, 1];
/// The longest packet, in bytes, and the most packets of a login.
const LONGEST: usize = 4 << 10;
const ROUNDS: usize = 6;

/// A packet, with its sequence number.
struct Packet {
    sequence: u8,
    payload: Vec<u8>,
}

pub(crate) async fn probe(server: &mut impl Connection) -> io::Result<Answer> {
    let greeting = match read(server).await? {
        Ok(packet) => packet,
        Err(foreign) => return Ok(foreign),
    };
    match greeting.payload.first() {
        Some(&ERROR) => return Ok(refusal(&greeting.payload)),
        Some(&GREETING) => {}
        _ => return Ok(Answer::foreign("MySQL", &greeting.payload)),
    }
    write(server, greeting.sequence, &login()).await?;
    for _ in 0..ROUNDS {
        let packet = match read(server).await? {
            Ok(packet) => packet,
            Err(foreign) => return Ok(foreign),
        };
        match packet.payload.first() {
            Some(&ERROR) => return Ok(refusal(&packet.payload)),
            Some(&LOGGED_IN) => {
                server.write_all(QUIT).await?;
                server.shutdown().await?;
                return Ok(Answer::Ready);
            }
            Some(&OTHER_METHOD) => write(server, packet.sequence, no_password(&packet.payload)).await?,
            Some(&MORE) => write(server, packet.sequence, &[0]).await?,
            _ => return Ok(Answer::foreign("MySQL", &packet.payload)),
        }
    }
    Ok(Answer::NotYet("its login does not end".to_owned()))
}

/// Reads a packet; the inner error is the probe's answer if the bytes are not a packet.
async fn read(server: &mut impl Connection) -> io::Result<Result<Packet, Answer>> {
    let [low, middle, high, sequence] = bytes(server).await?;
    let length = usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16;
    if length == 0 || length > LONGEST {
        let mut more = [0; 8];
        let read = server.read(&mut more).await.unwrap_or_default();
        let began = [&[low, middle, high, sequence], more.get(..read).unwrap_or_default()].concat();
        return Ok(Err(Answer::foreign("MySQL", &began)));
    }
    Ok(Ok(Packet { sequence, payload: body(server, length, LONGEST).await? }))
}

async fn write(server: &mut impl Connection, after: u8, payload: &[u8]) -> io::Result<()> {
    let [low, middle, high, _] = u32::try_from(payload.len()).unwrap_or_default().to_le_bytes();
    let head = [low, middle, high, after.wrapping_add(1)];
    server.write_all(&[&head, payload].concat()).await
}

fn login() -> Vec<u8> {
    let head = [CAPABILITIES.to_le_bytes(), LONGEST_PACKET.to_le_bytes()].concat();
    [head.as_slice(), &[UTF8], &[0; 23], USER].concat()
}

/// An empty password in the form of the requested method.
fn no_password(request: &[u8]) -> &'static [u8] {
    let method = request.split(|byte| *byte == 0).next().unwrap_or_default();
    if method.ends_with(b"sha2_password") || method.ends_with(b"sha256_password") { &[0] } else { &[] }
}

fn refusal(payload: &[u8]) -> Answer {
    let code = match payload.get(1..3) {
        Some(&[low, high]) => u16::from_le_bytes([low, high]),
        _ => return Answer::foreign("MySQL", payload),
    };
    if !NOT_YET.contains(&code) {
        return Answer::Ready;
    }
    let text = payload.get(3..).unwrap_or_default();
    // `#` and a state of five characters, which servers leave out early in the handshake.
    let text = if text.starts_with(b"#") { text.get(6..).unwrap_or_default() } else { text };
    Answer::NotYet(format!("{} ({code})", String::from_utf8_lossy(text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::ready::protocol::answer::tests::answer_to;

    async fn answer(said: &[u8]) -> io::Result<Answer> {
        answer_to(said, async |server| probe(server).await).await
    }

    fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
        [&[u8::try_from(payload.len()).unwrap(), 0, 0, sequence], payload].concat()
    }

    fn error(sequence: u8, code: u16, text: &str) -> Vec<u8> {
        packet(sequence, &[&[ERROR], code.to_le_bytes().as_slice(), text.as_bytes()].concat())
    }

    #[tokio::test]
    async fn a_login_that_is_refused_is_ready() {
        let greeting = packet(0, b"\x0a8.0.0\0more");
        let denied = [greeting.clone(), error(2, 1045, "#28000Access denied")].concat();
        assert_eq!(answer(&denied).await.unwrap(), Answer::Ready);
        let other = packet(2, b"\xfecaching_sha2_password\0salt");
        let switched = [greeting.clone(), other, packet(4, &[1, 4]), error(6, 1045, "#28000no")].concat();
        assert_eq!(answer(&switched).await.unwrap(), Answer::Ready);
        let open = [greeting, packet(2, &[0, 0, 0, 2, 0, 0, 0])].concat();
        assert_eq!(answer(&open).await.unwrap(), Answer::Ready);
    }

    #[tokio::test]
    async fn a_server_that_is_full_or_blocks_the_host_is_not_ready() {
        let full = Answer::NotYet("Too many connections (1040)".to_owned());
        assert_eq!(answer(&error(0, 1040, "Too many connections")).await.unwrap(), full);
        let greeting = packet(0, b"\x0a8.0.0\0more");
        let later = [greeting, error(2, 1040, "#08004Too many connections")].concat();
        assert_eq!(answer(&later).await.unwrap(), full);
        assert!(matches!(answer(&error(0, 1129, "Host blocked")).await.unwrap(), Answer::NotYet(_)));
        assert_eq!(answer(&error(0, 1130, "not allowed")).await.unwrap(), Answer::Ready);
    }
}
