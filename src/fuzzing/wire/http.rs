//! Answers of HTTP/1.1, read for a stream: hyper is the measure.

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Empty};
use hyper::{Request, client::conn::http1};
use hyper_util::rt::TokioIo;

use crate::{
    docker::http::{chunked::Chunked, head::head, length::Length},
    fuzzing::{
        pieces::ways,
        server::{Server, block_on},
    },
};

/// The status and the body of an answer.
type Read = (u16, Vec<u8>);

pub(crate) fn check(bytes: &[u8]) {
    let answers = ways(bytes).map(|pieces| answer(&pieces));
    assert!(answers[0] == answers[1] && answers[0] == answers[2], "{answers:?}");
    if let Some((status, body)) = block_on(of_hyper(bytes)) {
        match &answers[0] {
            // What follows is no body but the connection itself.
            Some((101, _)) => assert_eq!(status, 101),
            own => assert_eq!(own.as_ref(), Some(&(status, body))),
        }
    }
    check_chunked(bytes);
}

/// What a chunked body is must not depend on where it is cut, nor on how its chunks are.
fn check_chunked(bytes: &[u8]) {
    let bodies = ways(bytes).map(|pieces| {
        let mut chunked = Chunked::new();
        let (mut body, mut behind) = (Vec::new(), 0);
        for mut piece in pieces {
            while let Some(data) = chunked.next(&mut piece)? {
                body.extend_from_slice(&data);
            }
            behind += piece.len();
        }
        Ok::<_, crate::docker::http::chunked::Malformed>((body, behind, chunked.is_over()))
    });
    assert!(bodies[0] == bodies[1] && bodies[0] == bodies[2]);
    let Ok((body, _, true)) = &bodies[0] else { return };
    let mut again: Vec<u8> = Vec::new();
    for chunk in body.chunks(7) {
        again.extend(format!("{:x}\r\n", chunk.len()).bytes());
        again.extend(chunk);
        again.extend(b"\r\n");
    }
    again.extend(b"0\r\n\r\n");
    let (mut chunked, mut input, mut read) = (Chunked::new(), Bytes::from(again), Vec::new());
    while let Some(data) = chunked.next(&mut input).unwrap() {
        read.extend_from_slice(&data);
    }
    assert!(read == *body && chunked.is_over());
}

/// The answer, as a stream is read; `None` if it is none, or breaks off.
fn answer(pieces: &[Bytes]) -> Option<Read> {
    let (mut read, mut pieces) = (BytesMut::new(), pieces.iter());
    let mut head = loop {
        read.extend_from_slice(pieces.next()?);
        if let Some(head) = head(&mut read).ok()? {
            break head;
        }
    };
    let (mut input, mut body) = (read.freeze(), Vec::new());
    loop {
        while let Some(piece) = head.length.take(&mut input).ok()? {
            body.extend_from_slice(&piece);
        }
        if head.length.is_over() {
            return Some((head.status.as_u16(), body));
        }
        match pieces.next() {
            Some(piece) => input = piece.clone(),
            None if matches!(head.length, Length::Open) => return Some((head.status.as_u16(), body)),
            None => return None,
        }
    }
}

/// The final answer, as hyper reads it.
async fn of_hyper(bytes: &[u8]) -> Option<Read> {
    let server = Server::answering(vec![Bytes::copy_from_slice(bytes)]);
    let (mut sender, connection) = http1::handshake(TokioIo::new(server)).await.ok()?;
    let asked = async {
        let request = Request::get("/").body(Empty::<Bytes>::new()).ok()?;
        let answer = sender.send_request(request).await.ok()?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.ok()?;
        Some((status, body.to_bytes().to_vec()))
    };
    tokio::join!(connection, asked).1
}
