//! The error of an engine that cannot be reached, and its hints.

use std::{fmt, io};

use rustix::io::Errno;

use crate::{
    address::Address,
    error::{Error, ErrorKind},
};

pub(super) const START_HINT: &str =
    "`cube doctor` says how to start or install one; --host or DOCKER_HOST names another";
pub(super) const HOST_HINT: &str =
    "check --host, DOCKER_HOST or the context, and that the engine listens there";
pub(super) const TLS_HINT: &str =
    "an engine takes TLS on port 2376; for clear text use tcp:// without DOCKER_TLS_VERIFY and DOCKER_TLS";

const LIMIT_HINT: &str = "raise the limit of open files: `ulimit -n` shows it";

/// The hint for a failed connection: the limit of open files if that is the cause.
pub(super) fn or_limit(error: &io::Error, otherwise: &'static str) -> &'static str {
    match Errno::from_io_error(error) {
        Some(Errno::MFILE | Errno::NFILE) => LIMIT_HINT,
        _ => otherwise,
    }
}

/// No connection to `address` for `reason`.
pub(super) fn unreachable(address: &Address, reason: impl fmt::Display, hint: &str) -> Error {
    Error::new(ErrorKind::EngineUnreachable, format!("no engine at {address}: {reason}")).with_hint(hint)
}
