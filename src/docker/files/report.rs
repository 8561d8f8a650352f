//! The result of a copy.

use std::path::Path;

use crate::error::{Error, ErrorKind};

/// What a copy did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CopyReport {
    /// The bytes of the copied files.
    pub bytes: u64,
    /// The first 20 files that were left out, each with the reason.
    pub left_out: Vec<String>,
    /// How many more were left out.
    pub unnamed: u64,
    /// Whether modes or times were not kept, since the target's file system has none.
    pub unkept: bool,
}

/// A file of this machine that cannot be read.
pub(crate) fn unreadable(path: &Path, cause: std::io::Error) -> Error {
    Error::new(ErrorKind::File, format!("cannot read {}", path.display()))
        .with_source(cause)
        .with_hint("check the path and its permissions")
}
