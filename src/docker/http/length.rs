//! How the end of an answer's body is known (RFC 9112, section 6.3).

use bytes::Bytes;
use httparse::Header;
use hyper::StatusCode;

use crate::docker::http::chunked::{Chunked, Malformed};

/// How the end of a body is known.
#[derive(Debug)]
pub(crate) enum Length {
    Chunked(Chunked),
    Bytes(u64),
    /// The body ends with the connection.
    Open,
}

impl Length {
    /// As the head says that has this status and these headers.
    pub(crate) fn of(status: StatusCode, headers: &[Header<'_>]) -> Result<Self, String> {
        match status {
            StatusCode::SWITCHING_PROTOCOLS => return Ok(Self::Open),
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => return Ok(Self::Bytes(0)),
            _ => {}
        }
        // A name that is there twice means the same as one with both values, divided by a comma.
        let values = |name: &'static str| {
            let named = headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
            named.flat_map(|header| header.value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
        };
        match values("transfer-encoding").next_back() {
            Some(coding) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Self::Chunked(Chunked::new())),
            Some(_) => Ok(Self::Open),
            None => {
                match values("content-length").reduce(|one, other| if one == other { one } else { b"" }) {
                    Some(length) => {
                        number(length).map(Self::Bytes).ok_or("its length is no number".to_owned())
                    }
                    None => Ok(Self::Open),
                }
            }
        }
    }

    /// What is next of the body in `input`; `None` when all of that is taken.
    pub(crate) fn take(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, Malformed> {
        let all = match self {
            Self::Chunked(chunked) => return chunked.next(input),
            Self::Bytes(left) => {
                let length = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= length as u64;
                input.split_to(length)
            }
            Self::Open => std::mem::take(input),
        };
        Ok((!all.is_empty()).then_some(all))
    }

    /// Whether the whole body was there. One that ends with the connection never says so.
    pub(crate) fn is_over(&self) -> bool {
        match self {
            Self::Chunked(chunked) => chunked.is_over(),
            Self::Bytes(left) => *left == 0,
            Self::Open => false,
        }
    }
}

/// The number that these digits are; a sign is none.
fn number(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
