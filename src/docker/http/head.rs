//! The head of an answer that is read as a stream.

use bytes::{Buf, BytesMut};
use httparse::{EMPTY_HEADER, Response, Status};
use hyper::StatusCode;

use crate::docker::http::length::Length;

/// The largest head of an answer, in bytes and in header lines.
const LONGEST: usize = 64 << 10;
const HEADERS: usize = 100;

/// The head of an answer.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) length: Length,
}

/// Takes the head of an answer from the bytes `read`; `None` if it is not complete yet. Heads that only announce
/// another one are skipped.
pub(crate) fn head(read: &mut BytesMut) -> Result<Option<Head>, String> {
    loop {
        let mut headers = [EMPTY_HEADER; HEADERS];
        let mut answer = Response::new(&mut headers);
        let Status::Complete(size) = answer.parse(read).map_err(|error| error.to_string())? else {
            return if read.len() < LONGEST { Ok(None) } else { Err("its head has no end".to_owned()) };
        };
        let status = answer.code.and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.ok_or("it has no status")?;
        let announces = status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS;
        let length = if announces { None } else { Some(Length::of(status, answer.headers)?) };
        read.advance(size);
        if let Some(length) = length {
            return Ok(Some(Head { status, length }));
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// The status and the body of a whole answer, and how it ended: `true` if by itself.
    fn read(answer: &str) -> Result<(u16, Bytes, bool), String> {
        let mut read = BytesMut::from(answer);
        let mut head = head(&mut read)?.ok_or("incomplete")?;
        let (mut input, mut body) = (read.freeze(), Vec::new());
        while let Some(piece) = head.length.take(&mut input).map_err(|_| "malformed")? {
            body.extend_from_slice(&piece);
        }
        Ok((head.status.as_u16(), body.into(), head.length.is_over()))
    }

    #[test]
    fn the_status_and_the_headers_say_where_a_body_ends() {
        let chunked = "5\r\nhello\r\n0\r\n\r\n";
        for (head, rest, status, body, over) in [
            ("200 OK\r\n", "hello", 200, "hello", false),
            ("200 OK\r\nContent-Length: 2\r\n", "hello", 200, "he", true),
            ("200 OK\r\nContent-Length: 2 , 2\r\ncontent-length: 2\r\n", "hello", 200, "he", true),
            ("200 OK\r\nTransfer-Encoding: Chunked\r\n", chunked, 200, "hello", true),
            ("200 OK\r\ntransfer-encoding: gzip, chunked\r\n", chunked, 200, "hello", true),
            (
                "200 OK\r\nTE: a\r\nTransfer-Encoding: a\r\nTransfer-Encoding: chunked\r\n",
                chunked,
                200,
                "hello",
                true,
            ),
            // What is coded otherwise has no end of its own, whatever a length says.
            ("200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 2\r\n", "hello", 200, "hello", false),
            ("500 No\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n", chunked, 500, "hello", true),
            // Some have none whatever the headers say.
            ("204 No Content\r\n", "hello", 204, "", true),
            ("204 No Content\r\nTransfer-Encoding: chunked\r\n", "x", 204, "", true),
            ("304 Not Modified\r\nContent-Length: 5\r\n", "hello", 304, "", true),
            // It is the connection itself.
            ("101 Upgraded\r\nTransfer-Encoding: chunked\r\n", "hello", 101, "hello", false),
            ("101 Upgraded\r\nContent-Length: 2\r\n", "hello", 101, "hello", false),
        ] {
            let read = read(&format!("HTTP/1.1 {head}\r\n{rest}"));
            assert_eq!(read, Ok((status, Bytes::from(body), over)), "{head}");
        }
    }

    #[test]
    fn a_head_that_announces_another_is_skipped() {
        let hints = "HTTP/1.1 103 Early Hints\r\nContent-Length: x\r\n\r\n";
        let answer = format!("HTTP/1.1 100 Continue\r\n\r\n{hints}HTTP/1.1 200 OK\r\n\r\nhello");
        assert_eq!(read(&answer), Ok((200, "hello".into(), false)));
        let mut part = BytesMut::from(hints);
        assert!(head(&mut part).unwrap().is_none() && part.is_empty());
    }

    #[test]
    fn a_length_that_is_none_is_an_error() {
        for length in ["", "+2", "-2", "2x", "0x2", "2, 3", "2\r\nContent-Length: 3", "99999999999999999999"]
        {
            let read = read(&format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nhello"));
            assert_eq!(read, Err("its length is no number".to_owned()), "{length}");
        }
    }
}
