//! Explains a failed pull by the registry's text, which the engine passes on.

use crate::{
    docker::http::refusal::{printable::printable, text::EngineText},
    error::{Error, ErrorKind, Origin},
};

type Rule = (fn(&EngineText) -> bool, ErrorKind, &'static str);

/// The rules; the first that matches decides.
const RULES: &[Rule] = &[
    (
        EngineText::is_rate_limit,
        ErrorKind::RateLimited,
        "log in with `docker login`, use a mirror, or try later",
    ),
    (
        EngineText::is_no_access,
        ErrorKind::ImageNotFound,
        "check the name; a private image needs `docker login` first",
    ),
    (
        EngineText::is_untrusted_registry,
        ErrorKind::RegistryFailed,
        "the engine does not trust the registry's certificate: put its authority's into \
         /etc/docker/certs.d/REGISTRY/ca.crt on the engine's machine",
    ),
    (
        EngineText::is_registry_without_tls,
        ErrorKind::RegistryFailed,
        "the registry speaks no TLS: name it in insecure-registries of the engine's daemon.json",
    ),
    (EngineText::is_full_disk, ErrorKind::Engine, "make room: `docker system df` shows what takes it"),
    (
        EngineText::is_refused_layer,
        ErrorKind::Engine,
        "`docker info` names the engine's storage driver and its platform",
    ),
    (
        EngineText::is_no_such_platform,
        ErrorKind::ImageNotFound,
        "the image has no build for this platform: choose another --platform",
    ),
    (
        EngineText::is_login_wanted,
        ErrorKind::RegistryAuth,
        "log in with `docker login REGISTRY`, or set DOCKER_AUTH_CONFIG",
    ),
    (EngineText::is_bad_reference, ErrorKind::InvalidInput, "write [REGISTRY/]NAME[:TAG]"),
    (
        EngineText::is_ambiguous_short_name,
        ErrorKind::ImageNotFound,
        "name the registry too: docker.io/library/NAME",
    ),
    (EngineText::may_pass, ErrorKind::RegistryFailed, NETWORK_HINT),
    (EngineText::is_not_in_registry, ErrorKind::ImageNotFound, TAG_HINT),
];

const TAG_HINT: &str = "check the name and tag";
const NETWORK_HINT: &str = "check that the engine's machine reaches the registry (network, DNS, proxy); \
     `docker load` brings an image without it";

/// The error for a pull that failed with the engine's or registry's `text` and, before it began, a `status`.
pub(crate) fn failed(status: Option<u16>, text: &str) -> Error {
    let shape = EngineText::of(text);
    let (kind, hint) = match RULES.iter().find(|(holds, ..)| holds(&shape)) {
        Some((_, kind, hint)) => (*kind, *hint),
        None if status == Some(404) => (ErrorKind::ImageNotFound, TAG_HINT),
        None => (ErrorKind::RegistryFailed, NETWORK_HINT),
    };
    let said = match (text.trim(), status) {
        ("", Some(status)) => format!("the engine answered with status {status}"),
        ("", None) => "the engine does not say why".to_owned(),
        (text, _) => printable(text),
    };
    Error::new(kind, said).with_origin(Origin::Registry).with_hint(hint)
}

/// Whether a pull that failed with this error may succeed when it is tried again.
pub(crate) fn may_pass(error: &Error) -> bool {
    error.kind() == ErrorKind::RegistryFailed
        && error.origin() == Origin::Registry
        && EngineText::of(&error.to_string()).may_pass()
        && !is_permanent(&EngineText::of(&error.to_string()))
}

fn is_permanent(text: &EngineText) -> bool {
    text.is_untrusted_registry() || text.is_registry_without_tls()
}
