//! What servers say to the probes of `--wait-for`.

use std::{
    io,
    mem::{Discriminant, discriminant},
};

use crate::{
    config::value::condition::server_protocol::ServerProtocol,
    docker::ready::protocol::{answer::Answer, speak},
    fuzzing::{
        pieces::ways,
        server::{Server, block_on},
    },
};

/// More than any probe reads, in bytes.
const MOST: usize = 80 << 10;

pub(crate) fn check(bytes: &[u8]) {
    use ServerProtocol::{Amqp, Mysql, Postgres, Redis};
    for protocol in [Postgres, Mysql, Redis, Amqp] {
        let answers = ways(bytes).map(|pieces| probe(Server::saying(pieces), protocol));
        assert_eq!(answers[0], answers[1], "{protocol}");
        assert_eq!(answers[0], answers[2], "{protocol}");
        if !bytes.is_empty() {
            let _ = probe(Server::endless(ways(bytes)[2].clone()), protocol);
        }
    }
}

/// What a probe makes of a server; how much of a foreign protocol's answer it quotes depends on how much had come.
fn probe(mut server: Server, protocol: ServerProtocol) -> Result<Discriminant<Answer>, io::ErrorKind> {
    let answer = block_on(speak(&mut server, protocol));
    let answer = answer.map(|answer| discriminant(&answer)).map_err(|error| error.kind());
    assert!(server.read <= MOST, "{protocol}: {} bytes were read", server.read);
    answer
}
