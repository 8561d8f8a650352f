//! Reads the engine's description of a path in a container, from a header of its answer.

use std::{ffi::OsStr, fmt::Write, os::unix::ffi::OsStrExt};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::DateTime;
use hyper::{HeaderMap, header::HeaderValue};
use serde::Deserialize;

use crate::{docker::http::refusal, error::Error};

/// Go's mode bits for kinds of files.
const FOLDER: u32 = 1 << 31;
const LINK: u32 = 1 << 27;
const DEVICE: u32 = 1 << 26;
const PIPE: u32 = 1 << 25;
const SOCKET: u32 = 1 << 24;
const SET_USER_ID: u32 = 1 << 23;
const SET_GROUP_ID: u32 = 1 << 22;
const STICKY: u32 = 1 << 20;
const OTHER: u32 = 1 << 19;

/// The file, folder or link at a path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PathStat {
    mode: u32,
    mtime: String,
    link_target: String,
}

impl PathStat {
    pub(crate) fn is_folder(&self) -> bool {
        self.mode & FOLDER != 0
    }

    /// Whether it is something other than a folder, a regular file or a link.
    pub(crate) fn is_special(&self) -> bool {
        self.mode & (DEVICE | PIPE | SOCKET | OTHER) != 0
    }

    /// Its permissions as Unix has them, with set-user-id, set-group-id and sticky.
    pub(crate) fn permissions(&self) -> u32 {
        let special = [(SET_USER_ID, 0o4000), (SET_GROUP_ID, 0o2000), (STICKY, 0o1000)];
        let set = special.into_iter().filter(|(bit, _)| self.mode & bit != 0).map(|(_, unix)| unix);
        self.mode & 0o777 | set.sum::<u32>()
    }

    /// When it was last changed, in seconds since 1970; 0 if the engine does not say.
    pub(crate) fn modified(&self) -> i64 {
        DateTime::parse_from_rfc3339(&self.mtime).map_or(0, |time| time.timestamp())
    }

    /// The target, if it is a link.
    pub(crate) fn link_target(&self) -> Option<String> {
        (self.mode & LINK != 0).then(|| self.link_target.clone())
    }
}

/// Reads the headers of an answer about a path.
pub(crate) fn read(headers: &HeaderMap) -> Result<PathStat, Error> {
    let text = headers.get("x-docker-container-path-stat").map(HeaderValue::as_bytes).unwrap_or_default();
    let json = BASE64_STANDARD.decode(text).map_err(|e| refusal::bad_answer("archive", &e))?;
    serde_json::from_slice(&json).map_err(|e| refusal::bad_answer("archive", &e))
}

/// The request path for the archive of `path` in a container.
pub(crate) fn archive_path(id: &str, path: &OsStr) -> String {
    let mut query = format!("/containers/{id}/archive?path=");
    for byte in path.as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                query.push(char::from(*byte));
            }
            _ => drop(write!(query, "%{byte:02X}")),
        }
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_keeps_its_place_in_the_query() {
        assert_eq!(
            archive_path("x", OsStr::new("/a b&c=d?#%é")),
            "/containers/x/archive?path=/a%20b%26c%3Dd%3F%23%25%C3%A9"
        );
    }

    #[test]
    fn the_headers_describe_the_path() {
        let mut headers = HeaderMap::new();
        assert!(read(&headers).is_err());
        for (json, folder, link) in [
            (r#"{"name":"a","size":4096,"mode":2147484141,"mtime":"x","linkTarget":""}"#, true, None),
            (r#"{"mode":134218239,"linkTarget":"/run"}"#, false, Some("/run".to_owned())),
            (r#"{"mode":420}"#, false, None),
        ] {
            headers.insert("x-docker-container-path-stat", BASE64_STANDARD.encode(json).parse().unwrap());
            let found = read(&headers).unwrap();
            assert_eq!((found.is_folder(), found.link_target()), (folder, link));
        }
        let json = r#"{"mode":2148532735,"mtime":"2001-02-03T04:05:06.7Z"}"#;
        headers.insert("x-docker-container-path-stat", BASE64_STANDARD.encode(json).parse().unwrap());
        let found = read(&headers).unwrap();
        assert_eq!((found.permissions(), found.modified()), (0o1777, 981_173_106));
    }
}
